//! The queues. Declaring is idempotent: a queue that is there with the same arguments is left
//! alone, one that is gone comes back.

use lapin::{
    Channel,
    options::QueueDeclareOptions,
    types::{AMQPValue, FieldTable},
};

use super::broker::{BrokerError, within};

/// Where posts wait to be stored.
pub const QUEUE: &str = "CREATE_POST_QUEUE";

/// Where messages end that can never be stored, for somebody to look at.
pub const DEAD_QUEUE: &str = "CREATE_POST_QUEUE.dead";

/// Declares both queues.
///
/// # Errors
/// The broker did not answer, or has a queue of this name with other arguments.
// ANCHOR: topology
pub async fn declare(channel: &Channel) -> Result<(), BrokerError> {
    // ANCHOR: hole-declare
    // The dead letters' queue first: nothing may die before there is a place for it.
    queue(channel, DEAD_QUEUE, &[]).await?;
    let to_the_dead_queue = [
        // The default exchange takes a routing key for the name of a queue.
        ("x-dead-letter-exchange", ""),
        ("x-dead-letter-routing-key", DEAD_QUEUE),
        // A dead letter leaves its queue when the other one has confirmed it. The broker can do so
        // only if it never drops the oldest message to make room (`drop-head`, the default).
        ("x-dead-letter-strategy", "at-least-once"),
        ("x-overflow", "reject-publish"),
    ];
    queue(channel, QUEUE, &to_the_dead_queue).await
    // ANCHOR_END: hole-declare
}

/// A durable quorum queue: it is on the disk before the broker confirms.
async fn queue(channel: &Channel, name: &str, more: &[(&str, &str)]) -> Result<(), BrokerError> {
    let mut arguments = FieldTable::default();
    for (key, value) in [("x-queue-type", "quorum")].iter().chain(more) {
        arguments.insert((*key).into(), AMQPValue::LongString((*value).into()));
    }
    let durable = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    within("declare a queue", channel.queue_declare(name.into(), durable, arguments)).await.map(|_| ())
}
// ANCHOR_END: topology
