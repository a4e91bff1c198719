//! What lab 02 promises. The checks reach a service over HTTP, AMQP, SQL and signals alone, by `labs/openapi.yaml` and
//! `labs/amqp.md`; what lab 01 promises of input, lists and searches is checked by lab 01's own file.

#[path = "verify/accepting.rs"]
mod accepting;
#[path = "verify/audit.rs"]
mod audit;
#[path = "verify/broker.rs"]
mod broker;
#[path = "verify/consuming.rs"]
mod consuming;
#[path = "../../01-direct-write/tests/verify/contract.rs"]
mod contract;
#[path = "verify/dying.rs"]
mod dying;
#[path = "../../01-direct-write/tests/verify/outage.rs"]
mod outage;
#[path = "verify/poison.rs"]
mod poison;
#[path = "verify/queue.rs"]
mod queue;
#[path = "verify/queue_faults.rs"]
mod queue_faults;
#[path = "verify/redelivery.rs"]
mod redelivery;

use std::process::ExitCode;

use contract::Posting;
use testbed::prelude::*;

fn main() -> ExitCode {
    let lab = Lab::new(testbed::own_binary!(), "02", "Message queue", "02-message-queue")
        .needs(&[Service::Postgres, Service::RabbitMq]);
    robustness(robust_storing(basics(lab))).run()
}

fn basics(lab: Lab) -> Lab {
    lab.check("create-then-read", "a post comes back as it was sent", "Accepted is not yet stored", |bed| {
        contract::create_then_read(bed, Posting::Queued)
    })
    .check("list-newest-first", "the list is newest first, 20 a page", "What stays as it was", |bed| {
        contract::list_newest_first(bed, Posting::Queued)
    })
    .check(
        "search-is-literal",
        "a search finds what was typed, nothing else",
        "What stays as it was",
        contract::search_is_literal,
    )
    .check(
        "bad-input-is-refused",
        "bad input is refused in one shape, none queued",
        "What stays as it was",
        |bed| contract::bad_input_is_refused(bed, Posting::Queued),
    )
    .check(
        "message-as-agreed",
        "the message says all, and outlives the broker",
        "The message and its queue",
        accepting::message_as_agreed,
    )
    .check(
        "message-by-hand",
        "a message published by hand becomes a post",
        "By hand first",
        accepting::message_by_hand,
    )
    .check(
        "same-id-same-post",
        "a repeat with the same id is the same post",
        "Ids make a retry safe",
        accepting::same_id_same_post,
    )
    .check(
        "answers-at-once",
        "the answer does not wait for the database",
        "The answer does not wait",
        accepting::answers_at_once,
    )
    .check(
        "burst-is-confirmed",
        "a confirm that stands for many is heard by all",
        "One confirm for many",
        accepting::burst_is_confirmed,
    )
    .check(
        "overload-loses-nothing",
        "three times capacity, and no post is refused",
        "The same overload, nothing lost",
        accepting::overload_loses_nothing,
    )
}

fn robust_storing(lab: Lab) -> Lab {
    lab.check(
        "kill-loses-nothing",
        "an answered post survives kill -9",
        "What kill -9 takes with it",
        dying::kill_loses_nothing,
    )
    .check(
        "consumer-stopped",
        "without a consumer posts wait, none is lost",
        "The halves live apart",
        dying::consumer_stopped,
    )
    .check(
        "database-down",
        "a dead database delays posts, no more",
        "The database may be away",
        dying::database_down,
    )
    .check(
        "consumer-killed",
        "a consumer killed in mid-batch loses nothing",
        "Acknowledge after the commit",
        redelivery::consumer_killed,
    )
    .check(
        "commit-without-ack",
        "a post that is delivered twice is stored once",
        "Delivered twice, stored once",
        redelivery::commit_without_ack,
    )
    .check(
        "poison-is-set-aside",
        "a message that is no post harms no other",
        "Poison",
        poison::poison_is_set_aside,
    )
    .check(
        "bounded-prefetch",
        "never more unacknowledged than the prefetch",
        "Prefetch bounds what is in flight",
        consuming::bounded_prefetch,
    )
    .check("two-consumers", "two consumers drain faster than one", "Scale out", consuming::two_consumers)
}

fn robustness(lab: Lab) -> Lab {
    lab.check(
        "broker-restart",
        "a broker's death costs no confirmed post",
        "The broker may die",
        broker::broker_restart,
    )
    .check(
        "broker-paused",
        "a silent broker means 503 in time, never 202",
        "Silence is ambiguous",
        broker::broker_paused,
    )
    .check(
        "memory-alarm",
        "a broker in alarm refuses, and still delivers",
        "Two connections, not one",
        broker::memory_alarm,
    )
    .check(
        "queue-deleted",
        "no 202 for a post that no queue took",
        "Confirmed is not routed",
        queue_faults::queue_deleted,
    )
    .check(
        "full-queue",
        "a queue that is full means 503",
        "A nack is an answer, too",
        queue_faults::full_queue,
    )
    .check(
        "graceful-stop",
        "SIGTERM ends it in time and loses nothing",
        "Stop, and give back the rest",
        dying::graceful_stop,
    )
    .check(
        "audit-log",
        "a purged queue is restored from the audit log",
        "A second place to look",
        audit::audit_log,
    )
}
