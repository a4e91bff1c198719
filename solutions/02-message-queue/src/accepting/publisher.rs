//! Publishing: a post is the broker's when the broker has said so, and not before.

use std::{error::Error, sync::Arc};

use direct_write::{
    admission::{Admission, LineIsFull},
    post::Post,
};
use tokio::{
    sync::{Semaphore, oneshot},
    time::timeout_at,
};
use tokio_util::sync::CancellationToken;

use super::{
    clock::Clock,
    lane::{Lane, Message},
    session::{self, Current},
};
use crate::wire::broker::{Broker, BrokerError};

/// How many publishes may be under way, each on a channel of its own. A broker confirms many with
/// one write to its disk, so this many cost it little more than one.
const CHANNELS: u16 = 200;

/// Publishes posts over one connection of its own. Clones share it.
///
/// Of its own, because a broker that is short of memory stops reading from the connections that
/// publish: acknowledgements on the same one would be stuck behind, and nothing would drain.
#[derive(Clone, Debug)]
pub struct Publisher {
    admission: Admission,
    channels: Arc<Semaphore>,
    session: Current,
    stop: CancellationToken,
}

impl Publisher {
    /// Connects, declares the queues, and stays connected until it is [closed](Self::close).
    ///
    /// # Errors
    /// The broker cannot be used now.
    pub async fn open(broker: Broker) -> Result<Self, BrokerError> {
        let stop = CancellationToken::new();
        Ok(Self {
            admission: Admission::new(CHANNELS),
            channels: Arc::new(Semaphore::new(CHANNELS.into())),
            session: session::keep(broker, stop.clone()).await?,
            stop,
        })
    }

    /// Says goodbye to the broker. Nothing is published after that.
    pub async fn close(&self) {
        self.stop.cancel();
        // It never sees this: it waits until the connection is closed, and the channel with it.
        let _ = self.session.clone().wait_for(|_| false).await;
    }

    /// Publishes a post. When this returns `Ok` the broker has it on its disk, in a queue.
    ///
    /// # Errors
    /// After [`PublishError::Unknown`] the broker may have it or not. After any other it has not.
    // ANCHOR: publish
    pub async fn publish(&self, post: &Post, clock: Clock) -> Result<(), PublishError> {
        let message = Message::new(post)?;
        let lane = timeout_at(clock.lane, self.lane())
            .await
            .map_err(|_| PublishError::Unavailable("there is no free channel".into()))??;

        // A task of its own: when the caller gives up, the channel stays with this publish until
        // its confirm has come. Whoever had the channel next would be told of a return that is not
        // theirs: lapin hands a returned message to whichever confirm of the channel comes next.
        let sent = tokio::spawn(lane.carry(message));
        match timeout_at(clock.known, sent).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(PublishError::Unknown("the task of the publish is gone".into())),
            Err(_) => Err(PublishError::Unknown("no confirm in time".into())),
        }
    }
    // ANCHOR_END: publish

    /// A place in the bounded line, and then a channel. There are never more than [`CHANNELS`]: a
    /// paused broker confirms nothing, so all of them are soon taken, and from then on posts are
    /// refused before anything is sent.
    async fn lane(&self) -> Result<Lane, PublishError> {
        let place = self.admission.enter().map_err(PublishError::LineIsFull)?;
        let permit = self.channels.clone().acquire_owned().await;
        let permit = permit.map_err(|closed| PublishError::Unavailable(closed.into()))?;

        let mut session = self.session.clone();
        let session = session.wait_for(Option::is_some).await.ok().and_then(|session| session.clone());
        let session = session.ok_or_else(|| PublishError::Unavailable("the service stops".into()))?;
        if session.is_blocked() {
            return Err(PublishError::Unavailable("the broker takes no publishes now".into()));
        }
        let (opened, opening) = oneshot::channel();
        // Not cut off half-way when the caller gives up: the channel that is being opened counts, and is
        // there for the next one.
        tokio::spawn(async move {
            let channel = match session.idle_channel() {
                Some(channel) => Ok(channel),
                None => session.open_channel().await,
            };
            if let Err(Ok(unused)) =
                opened.send(channel.map(|channel| Lane { channel, session, permit, place }))
            {
                unused.give_back();
            }
        });
        match opening.await {
            Ok(lane) => lane.map_err(|error| PublishError::Unavailable(error.into())),
            Err(gone) => Err(PublishError::Unavailable(gone.into())),
        }
    }
}

/// What came of an attempt to publish, as far as it is known.
pub type Cause = Box<dyn Error + Send + Sync>;

/// Why a post was not published. Its text is for the log, never for an answer.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// Too many are waiting already.
    #[error(transparent)]
    LineIsFull(LineIsFull),
    /// The broker cannot be reached, takes nothing now, or has refused this post. It has not got it.
    #[error("failed to publish the post: {0}")]
    Unavailable(#[source] Cause),
    /// The post was sent, and what became of it is not known.
    #[error("the post may be in the queue or not: {0}")]
    Unknown(#[source] Cause),
    /// A fault of ours.
    #[error("failed to publish the post, by a fault of ours: {0}")]
    Fault(#[source] Cause),
}
