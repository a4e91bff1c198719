//! The publisher's connection, kept open: when it ends, another takes its place.

use std::sync::{Arc, Mutex, PoisonError};

use lapin::{Channel, options::ConfirmSelectOptions};
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use crate::wire::{
    backoff::Backoff,
    broker::{Broker, BrokerError, Link, within},
    topology,
};

/// One connection, and its channels that nobody uses at the moment.
#[derive(Debug)]
pub(crate) struct Session {
    link: Link,
    idle: Mutex<Vec<Channel>>,
}

impl Session {
    /// Connects, and declares the queues.
    async fn open(broker: &Broker) -> Result<Arc<Self>, BrokerError> {
        let link = broker.connect("create-post publisher").await?;
        let session = Self { link, idle: Mutex::default() };
        let channel = session.open_channel().await?;
        topology::declare(&channel).await?;
        session.give_back(channel);
        Ok(Arc::new(session))
    }

    /// Whether a publish would be taken now.
    pub(crate) fn is_blocked(&self) -> bool {
        self.link.is_blocked()
    }

    /// An idle channel that lives, if there is one.
    pub(crate) fn idle_channel(&self) -> Option<Channel> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        std::iter::from_fn(|| idle.pop()).find(|channel| channel.status().connected())
    }

    /// A new channel, in confirm mode.
    pub(crate) async fn open_channel(&self) -> Result<Channel, BrokerError> {
        let channel = self.link.channel().await?;
        within("ask for confirms", channel.confirm_select(ConfirmSelectOptions::default())).await?;
        Ok(channel)
    }

    /// Takes back a channel on which nothing is under way.
    pub(crate) fn give_back(&self, channel: Channel) {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(channel);
    }
}

/// The session of the moment; `None` between two.
pub(crate) type Current = watch::Receiver<Option<Arc<Session>>>;

/// Opens the first session, and keeps one open until `stop`. [`Current`] is closed when the last one
/// is.
///
/// Nobody who publishes opens a connection: while the broker is away there is one attempt at a
/// time, however many wait.
///
/// # Errors
/// The first session cannot be opened.
// ANCHOR: keep
pub(crate) async fn keep(broker: Broker, stop: CancellationToken) -> Result<Current, BrokerError> {
    let mut session = Session::open(&broker).await?;
    let (changes, current) = watch::channel(Some(session.clone()));

    tokio::spawn(async move {
        loop {
            tokio::select! {
                () = stop.cancelled() => break session.link.close().await,
                () = session.link.ended() => tracing::warn!("the publisher's connection is over"),
            }
            changes.send_replace(None);
            tokio::select! {
                () = stop.cancelled() => break,
                next = reopen(&broker) => session = next,
            }
            changes.send_replace(Some(session.clone()));
            tracing::info!("the publisher is connected again");
        }
    });
    Ok(current)
}
// ANCHOR_END: keep

/// Tries until it succeeds.
async fn reopen(broker: &Broker) -> Arc<Session> {
    let mut backoff = Backoff::default();
    loop {
        match Session::open(broker).await {
            Ok(session) => return session,
            Err(error) => tracing::warn!("{error}"),
        }
        sleep(backoff.pause()).await;
    }
}
