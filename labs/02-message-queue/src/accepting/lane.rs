//! One publish: the message, the channel that it has for itself, and what the broker makes of it.

use std::{sync::Arc, time::Duration};

use direct_write::{admission::Place, post::Post};
use lapin::{BasicProperties, Channel, Confirmation, options::BasicPublishOptions};
use tokio::{sync::OwnedSemaphorePermit, time::timeout};

use super::{publisher::PublishError, session::Session};
use crate::wire::{
    broker::{BrokerError, failed_to},
    message, topology,
};

/// When a confirm that nobody waits for any more is given up, and its channel with it.
const LOST: Duration = Duration::from_secs(30);

/// The message of a post.
pub(super) struct Message {
    body: Vec<u8>,
    properties: BasicProperties,
}

impl Message {
    pub(super) fn new(post: &Post) -> Result<Self, PublishError> {
        let body = message::encode(post).map_err(|error| PublishError::Fault(error.into()))?;
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
pub(super) struct Lane {
    pub(super) channel: Channel,
    pub(super) session: Arc<Session>,
    pub(super) permit: OwnedSemaphorePermit,
    pub(super) place: Place,
}

impl Lane {
    /// Sends the message and waits for what the broker makes of it.
    pub(super) async fn carry(self, message: Message) -> Result<(), PublishError> {
        let outcome = match timeout(LOST, self.deliver(&message)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(PublishError::Unknown("the confirm never came".into())),
        };
        if outcome.is_ok() {
            self.give_back();
        } else {
            // Something may be under way on it still. It counts until the broker agrees that it is
            // closed, or the connection is over.
            let _ = self.channel.close(200, "given up".into()).await;
        }
        outcome
    }

    /// Nothing is under way on its channel: the next publish may have it.
    pub(super) fn give_back(self) {
        let Self { channel, session, permit, place } = self;
        session.give_back(channel);
        drop((permit, place));
    }

    // ANCHOR: confirm
    /// A post that came back found no queue: it is declared anew, and the post sent once more.
    async fn deliver(&self, message: &Message) -> Result<(), PublishError> {
        if let Outcome::Unroutable = self.send(message).await? {
            tracing::warn!("the queue is gone; it is declared anew");
            let unavailable = |error: BrokerError| PublishError::Unavailable(error.into());
            topology::declare(&self.channel).await.map_err(unavailable)?;
            if let Outcome::Unroutable = self.send(message).await? {
                return Err(PublishError::Unavailable("there is no queue for the post".into()));
            }
        }
        Ok(())
    }

    /// One publish and its confirm. `mandatory`: what no queue takes comes back, where it would
    /// else be acknowledged and thrown away.
    async fn send(&self, message: &Message) -> Result<Outcome, PublishError> {
        // ANCHOR: hole-send
        // Publish the message to `topology::QUEUE`, wait for its confirm, and match it.
        //
        // A confirm that is awaited is not yet a confirm that is read: what are the four things that it can
        // say, and which of them means that the post is in the queue? After which error is it not known what
        // became of the post?
        let Message { body, properties } = message;
        let _ = (&self.channel, body, properties, failed_to, BasicPublishOptions::default(), topology::QUEUE);
        let _ = (Outcome::Stored, Outcome::Unroutable, Confirmation::NotRequested);
        todo!("lab 02: publish the post and match its confirm")
        // ANCHOR_END: hole-send
    }
    // ANCHOR_END: confirm
}

/// What became of a publish that the broker has answered for.
enum Outcome {
    Stored,
    Unroutable,
}
