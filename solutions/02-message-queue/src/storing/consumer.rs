//! The consumer: takes messages, stores them, and acknowledges what is committed.

use std::time::Duration;

use lapin::{
    Channel,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::FieldTable,
};
use thiserror::Error;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    batch::{next_batch, settle},
    inbox::Inbox,
};
use crate::wire::{
    backoff::Backoff,
    broker::{Broker, BrokerError, Link, within},
    topology,
};

/// How long after the stop the batch that is being stored may take. What is not done by then is
/// given back, and stored by whoever gets it next.
const FINISH: Duration = Duration::from_secs(4);

/// Takes messages over one connection of its own.
#[derive(Debug)]
pub struct Consumer {
    broker: Broker,
    inbox: Inbox,
    prefetch: u16,
    first: Subscription,
}

impl Consumer {
    /// Connects, declares the queues, and subscribes.
    ///
    /// # Errors
    /// The broker cannot be used now.
    pub async fn open(broker: Broker, inbox: Inbox, prefetch: u16) -> Result<Self, BrokerError> {
        let first = Subscription::open(&broker, prefetch).await?;
        Ok(Self { broker, inbox, prefetch, first })
    }

    /// Takes and stores until `stop`. Whatever ends a subscription, another one follows. Returns the
    /// inbox, which nobody uses any more.
    // ANCHOR: run
    pub async fn run(self, stop: CancellationToken) -> Inbox {
        let Self { broker, inbox, prefetch, first } = self;
        let mut backoff = Backoff::default();
        let mut subscription = Ok(first);
        loop {
            let why = match subscription {
                Ok(mut subscription) => {
                    match subscription.consume(&inbox, &mut backoff, &stop).await {
                        // To close the channel gives back what is not acknowledged.
                        Ended::Stopped => break subscription.link.close().await,
                        why => why,
                    }
                }
                Err(error) => Ended::Broker(error),
            };
            tracing::warn!("the subscription is over: {why}");
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(backoff.pause()) => {}
            }
            tokio::select! {
                () = stop.cancelled() => break,
                next = Subscription::open(&broker, prefetch) => subscription = next,
            }
        }
        inbox
    }
    // ANCHOR_END: run
}

/// Why no more messages come.
#[derive(Debug, Error)]
pub(super) enum Ended {
    /// We were told to stop.
    #[error("the service stops")]
    Stopped,
    /// The broker has ended it, without an error: somebody has deleted the queue.
    #[error("the broker has cancelled it; is the queue gone?")]
    Cancelled,
    /// The channel is gone, found while the database was away.
    #[error("the channel is gone")]
    Gone,
    /// The broker did not do what it was asked, or the connection broke.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}

/// One connection, one channel, and what is delivered on it. Its messages die with it: the broker
/// delivers them again, and an acknowledgement on another channel would mean another message.
#[derive(Debug)]
struct Subscription {
    link: Link,
    channel: Channel,
    deliveries: lapin::Consumer,
    /// Half of what may be delivered: while one half is stored, the broker sends the other.
    largest_batch: usize,
}

impl Subscription {
    async fn open(broker: &Broker, prefetch: u16) -> Result<Self, BrokerError> {
        let link = broker.connect("create-post consumer").await?;
        let channel = link.channel().await?;
        topology::declare(&channel).await?;
        // Before the subscription: lapin keeps whatever is delivered, without a bound of its own.
        let qos = channel.basic_qos(prefetch, BasicQosOptions::default());
        within("set the prefetch", qos).await?;
        let consume = channel.basic_consume(
            topology::QUEUE.into(),
            "".into(),
            BasicConsumeOptions::default(),
            FieldTable::default(),
        );
        let deliveries = within("subscribe to the queue", consume).await?;
        Ok(Self { link, channel, deliveries, largest_batch: prefetch.div_ceil(2).into() })
    }

    /// Batch after batch, until something ends it.
    // ANCHOR: consume
    async fn consume(&mut self, inbox: &Inbox, backoff: &mut Backoff, stop: &CancellationToken) -> Ended {
        loop {
            let batch = tokio::select! {
                biased;
                () = stop.cancelled() => return Ended::Stopped,
                batch = next_batch(&mut self.deliveries, self.largest_batch) => batch,
            };
            let batch = match batch {
                Ok(batch) => batch,
                Err(why) => return why,
            };
            let settled = tokio::select! {
                settled = settle(&self.channel, inbox, batch, stop) => settled,
                () = self.give_up(stop) => return Ended::Stopped,
            };
            match settled {
                Ok(()) => backoff.reset(),
                Err(why) => return why,
            }
        }
    }
    // ANCHOR_END: consume

    /// Returns some time after `stop`. Until then nothing more is delivered, and the batch that is
    /// being stored may end.
    // ANCHOR: give_up
    async fn give_up(&self, stop: &CancellationToken) {
        stop.cancelled().await;
        // ANCHOR: hole-give-up
        let finished = sleep(FINISH);
        let cancel = self.channel.basic_cancel(self.deliveries.tag(), BasicCancelOptions::default());
        let _ = within("cancel the subscription", cancel).await; // To close the channel does it too.
        finished.await;
        tracing::warn!("gave up on a batch that was not stored in time; it is given back");
        // ANCHOR_END: hole-give-up
    }
    // ANCHOR_END: give_up
}
