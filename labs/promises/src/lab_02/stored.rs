//! What every experiment ends with: is each accepted post stored, once, and each message acknowledged?

use crate::contract::prelude::*;
use crate::contract::{DEAD, QUEUE};

/// The promise that in the end every accepted post of a run is stored, once. `signs` are the causes that the experiment itself
/// points to, the most telling first. Where a lost post was found, among the dead letters or still with the broker, says more than
/// any of them.
pub(crate) async fn all_stored(
    bed: &Bed,
    run: &Finished,
    when: &str,
    signs: &[(bool, &str, &str)],
) -> Verdict {
    let Drain { ledger, took } = bed.drained(run, QUEUE).await?;
    let dead = bed.broker().ready(DEAD).await?.unwrap_or(0);
    let ready = bed.broker().ready(QUEUE).await?;
    let waiting = bed.broker().all_messages(QUEUE).await?.unwrap_or(0).max(ready.unwrap_or(0).into());
    let is_lost = !ledger.lost.is_empty();
    let mut told = promise(format!("every post answered 202 is stored, once, {when}"))
        .observed(&ledger)
        .observed(took.map(|took| Fact::duration("drained after", took)))
        .observed((dead > 0).then(|| Fact::count("dead letters", dead)))
        .observed((waiting > 0 && is_lost).then(|| Fact::count("still with the broker", waiting)))
        .likely(
            dead > 0 && !is_lost,
            "messages whose posts are stored became dead letters: their second delivery was taken for poison",
            "a row that is there already is no fault: ON CONFLICT (id) DO NOTHING, and acknowledge",
        )
        .likely(
            dead > 0,
            "good messages became dead letters: rejected, or given back at once until the broker's limit of deliveries",
            "when an insert fails, keep the batch and try it again, with pauses; reject only what can never be stored",
        )
        .likely(
            waiting > 0 && ledger.stored == 0,
            "nothing is stored at all: every insert fails, or nobody takes the messages",
            "read what the service says on stderr (the report has it: `report.html`)",
        )
        .likely(
            waiting > 0 && is_lost,
            "messages are still with the broker, and nobody stores them",
            "let the consumer come back by itself after every fault: a stream that ends is one, too",
        );
    for (sign, cause, next) in signs {
        told = told.likely(*sign && is_lost, cause, next);
    }
    told.likely(
        ready.is_none() && is_lost,
        format!("the broker has no queue `{QUEUE}`: posts are kept somewhere else"),
        "declare the queue, and publish to it (labs/amqp.md)",
    )
    .likely(
        !ledger.doubled.is_empty(),
        "a message that was delivered twice made two rows",
        "insert with the message's own id, and leave alone what is there: ON CONFLICT (id) DO NOTHING",
    )
    .likely(
        is_lost,
        "messages left the queue, and never became rows",
        "acknowledge after the commit, and publish with a confirm",
    )
    .kept_if(ledger.is_clean() && dead == 0)
}

/// The promise that all of a run was accepted.
pub(crate) fn all_accepted(run: &Finished, when: &str) -> Verdict {
    let counts = run.counts();
    let slowest = run.latency_from_send(|_| true).max().unwrap_or_default();
    promise(format!("{when}, every post is accepted: no refusal, no error"))
        .observed(counts)
        .observed(Fact::duration("slowest answer", slowest))
        .likely(
            counts.mostly(Outcome::Refused),
            "posts are refused although the queue has room for them",
            "let the answer depend on the broker's confirm alone, not on the database",
        )
        .likely(
            counts.mostly(Outcome::TimedOut),
            "a request waits for something that never comes",
            "give the publish and its confirm a deadline",
        )
        .likely(true, "the handler ended without a proper answer", "look at the service's stderr")
        .kept_if(counts.accepted == counts.scheduled)
}

/// The promise that the queue holds nothing any more, neither ready nor delivered: all is acknowledged.
pub(super) async fn all_acknowledged(bed: &Bed, when: &str) -> Verdict {
    acknowledged(bed, when, 0, "every message is acknowledged: the queue is empty").await
}

/// The promise that the queue holds one message at most, which cannot be settled as yet.
pub(super) async fn all_but_one_acknowledged(bed: &Bed, when: &str) -> Verdict {
    acknowledged(bed, when, 1, "every message but the poison is acknowledged: the queue holds no other").await
}

async fn acknowledged(bed: &Bed, when: &str, few: u64, so: &str) -> Verdict {
    let longest = std::time::Duration::from_secs(20);
    let left = bed.broker().emptied_but(few, QUEUE, longest).await?;
    let ready = bed.broker().ready(QUEUE).await?.unwrap_or(0);
    promise(format!("{when}, {so} within {} s", longest.as_secs()))
        .observed(Fact::count("messages left", left.unwrap_or(0)))
        .likely(
            // Where some are delivered, it is these that nobody settles.
            ready > 0 && left.is_none_or(|left| left <= ready.into()),
            "messages are ready in the queue, and nobody takes them",
            "let the consumer come back by itself after every fault: a stream that ends is one, too",
        )
        .likely(
            true,
            "what was delivered stays unacknowledged: the acknowledgement is missing, or does not reach the broker",
            "acknowledge after the commit, on a connection on which nothing is published: a broker may stop reading from those that publish",
        )
        .kept_if(left.is_some_and(|left| left <= few))
}
