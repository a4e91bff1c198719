//! A batch: what has been delivered, stored together, and each message told apart afterwards.

use std::fmt;

use direct_write::{post::Post, store::StoreError};
use futures_util::{FutureExt as _, StreamExt as _};
use lapin::{
    Channel,
    message::Delivery,
    options::{BasicAckOptions, BasicRejectOptions},
};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::{
    consumer::Ended,
    inbox::{Blame, Inbox, blame},
};
use crate::wire::{
    backoff::Backoff,
    broker::{failed_to, within},
    message, topology,
};

/// Waits for one message, and takes what else has been delivered by then, `largest` at most: one
/// when there is little to do, many when there is much.
pub(super) async fn next_batch(
    deliveries: &mut lapin::Consumer,
    largest: usize,
) -> Result<Vec<Delivery>, Ended> {
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
pub(super) async fn settle(
    channel: &Channel,
    inbox: &Inbox,
    batch: Vec<Delivery>,
    stop: &CancellationToken,
) -> Result<(), Ended> {
    // ANCHOR: hole-settle
    // Decode the messages of the batch, store their posts, and then tell the broker of each message what
    // became of it.
    //
    // A message has one of three ends: a row and an acknowledgement, a place among the dead letters, or
    // another delivery. What must have happened before the broker forgets it?
    let _ = (channel, inbox, batch, stop, message::decode);
    let _ = (store_batch, acknowledge, bury);
    todo!("lab 02: store the batch, then acknowledge it")
    // ANCHOR_END: hole-settle
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
    // ANCHOR: hole-bury
    // Reject the message, so that it goes to the dead letters' queue, and say in the log why.
    //
    // Acknowledged, it is lost; put back, it comes again at once: twenty times, or for ever before RabbitMQ 4.
    let _ = (channel, tag, reason, topology::DEAD_QUEUE, BasicRejectOptions::default());
    todo!("lab 02: put a poisonous message aside")
    // ANCHOR_END: hole-bury
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
    inbox: &Inbox,
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
