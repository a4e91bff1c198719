//! The consumer: takes messages, stores them, and acknowledges what is committed.

use std::{fmt, time::Duration};

use direct_write::{post::Post, store::StoreError};
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::{
    Channel,
    message::Delivery,
    options::{
        BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicQosOptions, BasicRejectOptions,
    },
    types::FieldTable,
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::{
    backoff::Backoff,
    broker::{Broker, BrokerError, Link, failed_to, within},
    inbox::{Blame, Inbox, blame},
    message, topology,
};

/// How long after the stop the batch that is being stored may take. What is not done by then is
/// given back, and stored by whoever gets it next.
const FINISH: Duration = Duration::from_secs(6);

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

    /// Takes and stores until `stop`. Whatever ends a subscription, another one follows.
    // ANCHOR: run
    pub async fn run(self, stop: CancellationToken) {
        let Self { broker, mut inbox, prefetch, first } = self;
        let mut backoff = Backoff::default();
        let mut subscription = Ok(first);
        loop {
            let why = match subscription {
                Ok(mut subscription) => {
                    match subscription.consume(&mut inbox, &mut backoff, &stop).await {
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
        inbox.close().await;
    }
    // ANCHOR_END: run
}

/// Why no more messages come.
#[derive(Debug)]
enum Ended {
    /// We were told to stop.
    Stopped,
    /// The broker has ended it, without an error: somebody has deleted the queue.
    Cancelled,
    /// The channel is gone, found while the database was away.
    Gone,
    /// The broker did not do what it was asked, or the connection broke.
    Broker(BrokerError),
}

impl From<BrokerError> for Ended {
    fn from(error: BrokerError) -> Self {
        Self::Broker(error)
    }
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("the service stops"),
            Self::Cancelled => f.write_str("the broker has cancelled it; is the queue gone?"),
            Self::Gone => f.write_str("the channel is gone"),
            Self::Broker(error) => error.fmt(f),
        }
    }
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
    async fn consume(&mut self, inbox: &mut Inbox, backoff: &mut Backoff, stop: &CancellationToken) -> Ended {
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
        let finished = sleep(FINISH);
        let cancel = self.channel.basic_cancel(self.deliveries.tag(), BasicCancelOptions::default());
        let _ = within("cancel the subscription", cancel).await; // To close the channel does it too.
        finished.await;
        tracing::warn!("gave up on a batch that was not stored in time; it is given back");
    }
    // ANCHOR_END: give_up
}

/// Waits for one message, and takes what else has been delivered by then, `largest` at most: one
/// when there is little to do, many when there is much.
async fn next_batch(deliveries: &mut lapin::Consumer, largest: usize) -> Result<Vec<Delivery>, Ended> {
    // `None` is no end of the work: it is how lapin says that the queue was deleted.
    let delivered = |next: Option<lapin::Result<Delivery>>| match next {
        Some(Ok(delivery)) => Ok(delivery),
        Some(Err(error)) => Err(Ended::Broker(failed_to("take a message")(error))),
        None => Err(Ended::Cancelled),
    };
    let mut batch = vec![delivered(deliveries.next().await)?];
    while batch.len() < largest {
        match deliveries.next().now_or_never() {
            Some(next) => batch.push(delivered(next)?),
            None => break,
        }
    }
    Ok(batch)
}

/// Stores the posts of a batch, and then tells the broker of each message what became of it.
// ANCHOR: settle
async fn settle(
    channel: &Channel,
    inbox: &mut Inbox,
    batch: Vec<Delivery>,
    stop: &CancellationToken,
) -> Result<(), Ended> {
    let (mut tags, mut posts) = (Vec::new(), Vec::new());
    for delivery in batch {
        match message::decode(&delivery.data) {
            Ok(post) => {
                tags.push(delivery.delivery_tag);
                posts.push(post);
            }
            Err(reason) => bury(channel, delivery.delivery_tag, &reason).await?,
        }
    }

    let mut newest = None;
    for (refused, tag) in store_batch(channel, inbox, &posts, stop).await?.iter().zip(tags) {
        match refused {
            Some(reason) => bury(channel, tag, reason).await?,
            None => newest = Some(tag),
        }
    }
    match newest {
        Some(tag) => acknowledge(channel, tag).await,
        None => Ok(()),
    }
}
// ANCHOR_END: settle

/// Acknowledges a message and every one before it that is not settled. The row is committed: if
/// this is lost the message comes again, and finds its row there.
// ANCHOR: ack
async fn acknowledge(channel: &Channel, tag: u64) -> Result<(), Ended> {
    let multiple = BasicAckOptions { multiple: true };
    Ok(within("acknowledge a batch", channel.basic_ack(tag, multiple)).await?)
}
// ANCHOR_END: ack

/// A message that can never be stored goes to the dead letters. Not back into the queue, where it
/// would come again at once, and for ever.
// ANCHOR: poison
async fn bury(channel: &Channel, tag: u64, reason: &(dyn fmt::Display + Sync)) -> Result<(), Ended> {
    tracing::warn!("a message goes to `{}`: {reason}", topology::DEAD_QUEUE);
    let dead = BasicRejectOptions { requeue: false };
    Ok(within("reject a message", channel.basic_reject(tag, dead)).await?)
}
// ANCHOR_END: poison

/// Stores a batch, for as long as that takes and the channel lives: the messages wait here,
/// delivered once, and none of them is thrown away because the database is away. Returns for each
/// post why the database refuses it, if it does; all others are committed.
///
/// When one post spoils the statement, or all together take too long, each half is tried by itself.
// ANCHOR: store_batch
async fn store_batch(
    channel: &Channel,
    inbox: &mut Inbox,
    posts: &[Post],
    stop: &CancellationToken,
) -> Result<Vec<Option<StoreError>>, Ended> {
    let mut refused: Vec<_> = posts.iter().map(|_| None).collect();
    let mut backoff = Backoff::default();
    let mut parts = vec![(0, posts.len())];
    while let Some((start, end)) = parts.pop().filter(|(start, end)| start < end) {
        let Err(error) = inbox.store(&posts[start..end]).await else { continue };
        let middle = start.midpoint(end);
        match blame(&error) {
            Blame::Posts | Blame::Number if end - start > 1 => parts.extend([(middle, end), (start, middle)]),
            Blame::Posts => refused[start] = Some(error),
            Blame::Number | Blame::Database => {
                tracing::warn!(posts = posts.len(), "{error}; they wait");
                tokio::select! {
                    () = stop.cancelled() => return Err(Ended::Stopped),
                    () = sleep(backoff.pause()) => parts.push((start, end)),
                }
                if !channel.status().connected() {
                    return Err(Ended::Gone);
                }
            }
        }
    }
    Ok(refused)
}
// ANCHOR_END: store_batch
