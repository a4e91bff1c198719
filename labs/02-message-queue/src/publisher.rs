//! Publishing: a post is the broker's when the broker has said so, and not before.

use std::{fmt, sync::Arc, time::Duration};

use direct_write::{
    admission::{Admission, LineIsFull, Place},
    budget::Budget,
    post::Post,
};
use lapin::{BasicProperties, Channel, Confirmation, options::BasicPublishOptions};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout, timeout_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    broker::{Broker, BrokerError, failed_to},
    message,
    session::{self, Current, Session},
    topology,
};

/// How many publishes may be under way, each on a channel of its own. A broker confirms many with
/// one write to its disk, so this many cost it little more than one.
const CHANNELS: u16 = 200;

/// When a confirm that nobody waits for any more is given up, and its channel with it.
const LOST: Duration = Duration::from_secs(30);

/// How long one publish may take.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// The wait for a free channel. Nothing has been sent until then.
    pub line: Duration,
    /// The whole, with the broker's answer.
    pub whole: Duration,
}

impl Patience {
    /// What a request can spend: it is answered before the deadline cuts it off, since only here is
    /// it known what to say.
    #[must_use]
    pub fn of(budget: Budget) -> Self {
        Self { line: budget.line(), whole: budget.line() * 2 }
    }
}

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
    pub async fn publish(&self, post: &Post, patience: Patience) -> Result<(), PublishError> {
        let begun = Instant::now();
        let message = Message::new(post)?;
        let lane = timeout_at(begun + patience.line, self.lane())
            .await
            .map_err(|_| PublishError::Unavailable("there is no free channel".to_owned()))??;

        // A task of its own: when the caller gives up, the channel stays with this publish until
        // its confirm has come. Whoever had the channel next would be told of a return that is not
        // theirs: lapin hands a returned message to whichever confirm of the channel comes next.
        let sent = tokio::spawn(lane.carry(message));
        match timeout_at(begun + patience.whole, sent).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(PublishError::Unknown("the task of the publish is gone".to_owned())),
            Err(_) => Err(PublishError::Unknown("no confirm in time".to_owned())),
        }
    }
    // ANCHOR_END: publish

    /// A place in the bounded line, and then a channel. There are never more than [`CHANNELS`]: a
    /// paused broker confirms nothing, so all of them are soon taken, and from then on posts are
    /// refused before anything is sent.
    async fn lane(&self) -> Result<Lane, PublishError> {
        let place = self.admission.enter().map_err(PublishError::LineIsFull)?;
        let permit = self.channels.clone().acquire_owned().await;
        let permit = permit.map_err(|closed| PublishError::Unavailable(closed.to_string()))?;

        let mut session = self.session.clone();
        let session = session.wait_for(Option::is_some).await.ok().and_then(|session| session.clone());
        let session = session.ok_or_else(|| PublishError::Unavailable("the service stops".to_owned()))?;
        if session.is_blocked() {
            return Err(PublishError::Unavailable("the broker takes no publishes now".to_owned()));
        }
        // Not cut off half-way when the caller gives up: a channel that is being opened counts.
        let opening = tokio::spawn(async move {
            let channel = match session.idle_channel() {
                Some(channel) => channel,
                None => session.open_channel().await?,
            };
            Ok(Lane { channel, session, permit, place })
        });
        match opening.await {
            Ok(lane) => lane.map_err(|error: BrokerError| PublishError::Unavailable(error.to_string())),
            Err(gone) => Err(PublishError::Unavailable(gone.to_string())),
        }
    }
}

/// The message of a post.
struct Message {
    body: Vec<u8>,
    properties: BasicProperties,
}

impl Message {
    fn new(post: &Post) -> Result<Self, PublishError> {
        let body = message::encode(post).map_err(|error| PublishError::Fault(error.to_string()))?;
        let properties = BasicProperties::default()
            .with_delivery_mode(PERSISTENT)
            .with_message_id(post.id.to_string().into())
            .with_content_type("application/json".into());
        Ok(Self { body, properties })
    }
}

/// `delivery_mode`: the message survives the broker, if its queue does.
const PERSISTENT: u8 = 2;

/// A channel with one publish at a time.
struct Lane {
    channel: Channel,
    session: Arc<Session>,
    permit: OwnedSemaphorePermit,
    place: Place,
}

impl Lane {
    /// Sends the message and waits for what the broker makes of it.
    async fn carry(self, message: Message) -> Result<(), PublishError> {
        let outcome = match timeout(LOST, self.deliver(&message)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(PublishError::Unknown("the confirm never came".to_owned())),
        };
        let Self { channel, session, permit, place } = self;
        if outcome.is_ok() {
            session.give_back(channel);
        } else {
            // Something may be under way on it still. It counts until the broker agrees that it is
            // closed, or the connection is over.
            let _ = channel.close(200, "given up".into()).await;
        }
        drop((permit, place));
        outcome
    }

    // ANCHOR: confirm
    /// A post that came back found no queue: it is declared anew, and the post sent once more.
    async fn deliver(&self, message: &Message) -> Result<(), PublishError> {
        if let Outcome::Unroutable = self.send(message).await? {
            tracing::warn!("the queue is gone; it is declared anew");
            let unavailable = |error: BrokerError| PublishError::Unavailable(error.to_string());
            topology::declare(&self.channel).await.map_err(unavailable)?;
            if let Outcome::Unroutable = self.send(message).await? {
                return Err(PublishError::Unavailable("there is no queue for the post".to_owned()));
            }
        }
        Ok(())
    }

    /// One publish and its confirm. `mandatory`: what no queue takes comes back, where it would
    /// else be acknowledged and thrown away.
    async fn send(&self, message: &Message) -> Result<Outcome, PublishError> {
        // A confirm that is awaited is not yet a confirm that is read: what are the four things that it
        // can say, and which of them means that the post is in the queue? After which error is it not
        // known what became of the post?
        let Message { body, properties } = message;
        let _ = (&self.channel, body, properties, failed_to, BasicPublishOptions::default(), topology::QUEUE);
        let _ = (Outcome::Stored, Outcome::Unroutable, Confirmation::NotRequested);
        todo!("lab 02: publish the post and match its confirm")
    }
    // ANCHOR_END: confirm
}

/// What became of a publish that the broker has answered for.
enum Outcome {
    Stored,
    Unroutable,
}

/// Why a post was not published. Its text is for the log, never for an answer.
#[derive(Clone, Debug)]
pub enum PublishError {
    /// Too many are waiting already.
    LineIsFull(LineIsFull),
    /// The broker cannot be reached, takes nothing now, or has refused this post. It has not got it.
    Unavailable(String),
    /// The post was sent, and what became of it is not known.
    Unknown(String),
    /// A fault of ours.
    Fault(String),
}

impl fmt::Display for PublishError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::LineIsFull(full) => full.fmt(f),
            Self::Unavailable(why) => write!(f, "failed to publish the post: {why}"),
            Self::Unknown(why) => write!(f, "the post may be in the queue or not: {why}"),
            Self::Fault(why) => write!(f, "failed to publish the post, by a fault of ours: {why}"),
        }
    }
}

impl std::error::Error for PublishError {}
