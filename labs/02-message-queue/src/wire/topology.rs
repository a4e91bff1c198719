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
    // Declare two queues, `QUEUE` and `DEAD_QUEUE`, with `queue`, below.
    //
    // Which of them first, so that nothing is ever rejected into a queue that is not there? And what must
    // `QUEUE` be told, so that what is rejected goes to `DEAD_QUEUE`, and leaves only when it is safe there?
    let _ = (channel, queue);
    todo!("lab 02: declare the queue and the dead letters' queue")
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
