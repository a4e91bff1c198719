//! What lab 02 promises: a post is answered when the broker has it, and stored whatever dies meanwhile. What lab 01 promises of
//! input, lists and searches is judged by lab 01's own checks.

mod accepting;
mod audit;
mod broker_faults;
mod by_hand;
mod consuming;
mod dead_letters;
mod dying;
mod neighbours;
mod poison;
mod queue_faults;
mod redelivery;
mod stopping;
mod stored;
mod unrecorded;

pub(crate) use stored::all_stored;
use testbed::prelude::*;
use testbed::suite::OwnBinary;

use crate::contract::Agreement;
use crate::lab_01;

/// The suite of lab 02, as it holds under an agreement.
pub(crate) fn suite(own: OwnBinary, agreement: Agreement) -> Suite {
    Suite::new(own, "02", "Message queue", "02-message-queue/accept")
        .contract("labs/openapi.yaml and labs/amqp.md")
        .needs(&[Service::Postgres, Service::RabbitMq])
        .checks(accepting(agreement))
        .page("02-message-queue/index")
        .checks(by_hand())
        .page("02-message-queue/store")
        .checks(storing())
        .page("02-message-queue/survive")
        .checks(surviving())
        .page("02-message-queue/operate")
        .checks(operating(agreement))
}

/// From the request to the broker's confirm.
fn accepting(agreement: Agreement) -> [Check; 7] {
    [
        Check::new(
            "message-as-agreed",
            "the message says all, and outlives the broker",
            "The message and its queue",
            accepting::message_as_agreed,
        ),
        Check::new(
            "create-then-read",
            "a post comes back as it was sent",
            "Accepted is not yet stored",
            move |bed| lab_01::create_then_read(bed, agreement),
        ),
        Check::new(
            "queue-deleted",
            "no 202 for a post that no queue took",
            "Confirmed is not routed",
            queue_faults::queue_deleted,
        ),
        Check::new(
            "full-queue",
            "a queue that is full means 503",
            "A nack is an answer, too",
            queue_faults::full_queue,
        ),
        Check::new(
            "answers-at-once",
            "the answer does not wait for the database",
            "The answer does not wait",
            accepting::answers_at_once,
        ),
        Check::new(
            "burst-is-confirmed",
            "a confirm that stands for many is heard by all",
            "One confirm for many",
            accepting::burst_is_confirmed,
        )
        .alone(),
        Check::new(
            "same-id-same-post",
            "a repeat with the same id is the same post",
            "Ids make a retry safe",
            accepting::same_id_same_post,
        ),
    ]
}

/// What a message is, to whoever publishes it.
fn by_hand() -> [Check; 1] {
    [Check::new(
        "message-by-hand",
        "a message published by hand becomes a post",
        "By hand first",
        by_hand::message_by_hand,
    )]
}

/// From the queue to the row.
fn storing() -> [Check; 8] {
    [
        Check::new(
            "overload-loses-nothing",
            "three times capacity, and no post is refused",
            "The same overload, nothing lost",
            accepting::overload_loses_nothing,
        ),
        Check::new(
            "consumer-killed",
            "a consumer killed in mid-batch loses nothing",
            "Acknowledge after the commit",
            redelivery::consumer_killed,
        ),
        Check::new(
            "commit-without-ack",
            "a post that is delivered twice is stored once",
            "Delivered twice, stored once",
            redelivery::commit_without_ack,
        ),
        Check::new(
            "poison-is-set-aside",
            "a message that is no post harms no other",
            "Poison",
            poison::poison_is_set_aside,
        ),
        Check::new(
            "dead-letters-wait",
            "no dead letter is lost while their queue is gone",
            "Poison",
            dead_letters::dead_letters_wait,
        ),
        Check::new(
            "database-down",
            "a dead database delays posts, no more",
            "The database may be away",
            dying::database_down,
        )
        .hurts_services(),
        Check::new(
            "bounded-prefetch",
            "never more unacknowledged than the prefetch",
            "Prefetch bounds what is in flight",
            consuming::bounded_prefetch,
        ),
        Check::new(
            "two-consumers",
            "two consumers drain faster than one",
            "Scale out",
            consuming::two_consumers,
        )
        .alone(),
    ]
}

/// When the service or the broker fails.
fn surviving() -> [Check; 6] {
    [
        Check::new(
            "kill-loses-nothing",
            "an answered post survives kill -9",
            "What kill -9 takes with it",
            dying::kill_loses_nothing,
        ),
        Check::new(
            "consumer-stopped",
            "without a consumer posts wait, none is lost",
            "The halves live apart",
            dying::consumer_stopped,
        ),
        Check::new(
            "broker-restart",
            "a broker's death costs no confirmed post",
            "The broker may die",
            broker_faults::broker_restart,
        )
        .hurts_services(),
        Check::new(
            "broker-paused",
            "a silent broker means 503 in time, never 202",
            "Silence is ambiguous",
            broker_faults::broker_paused,
        )
        .hurts_services(),
        Check::new(
            "memory-alarm",
            "a broker in alarm refuses, and still delivers",
            "Two connections, not one",
            broker_faults::memory_alarm,
        )
        .hurts_services(),
        Check::new(
            "graceful-stop",
            "SIGTERM ends it in time and loses nothing",
            "Stop, and give back the rest",
            stopping::graceful_stop,
        ),
    ]
}

/// A second record, and what holds since lab 01.
fn operating(agreement: Agreement) -> [Check; 5] {
    [
        Check::new(
            "audit-log",
            "a purged queue is restored from the audit log",
            "A second place to look",
            audit::audit_log,
        ),
        Check::new(
            "list-newest-first",
            "the list is newest first, 20 a page",
            "What stays as it was",
            move |bed| lab_01::list_newest_first(bed, agreement),
        ),
        Check::new(
            "search-is-literal",
            "a search finds what was typed, nothing else",
            "What stays as it was",
            lab_01::search_is_literal,
        ),
        Check::new(
            "start-together",
            "instances that start at once make one schema",
            "What stays as it was",
            move |bed| lab_01::start_together(bed, agreement),
        ),
        Check::new(
            "bad-input-is-refused",
            "bad input is refused in one shape, none queued",
            "What stays as it was",
            move |bed| lab_01::bad_input_is_refused(bed, agreement),
        ),
    ]
}
