//! What lab 01 promises: a post is stored, then answered; what cannot be served is refused in time.

mod blanks;
mod commits;
mod compare;
mod connections;
mod created;
mod database;
mod goodput;
mod leaks;
mod lists;
mod outage;
mod overload;
mod refusals;
mod searches;
mod stop;
mod table;
mod together;

pub(crate) use compare::instant;
pub(crate) use created::{create_then_read, posts_come_back};
pub(crate) use database::reads_are_refused_in_time;
pub(crate) use lists::{list_newest_first, lists_meet};
pub(crate) use outage::{ATTEMPTS_A_SECOND, HOST, Outage, attempts_are_bounded};
pub(crate) use refusals::{bad_input_is_refused, refuses_what_is_bad};
pub(crate) use searches::{search_is_literal, searches_are_literal};
use testbed::prelude::*;
use testbed::suite::OwnBinary;
pub(crate) use together::start_together;

use crate::contract::Agreement;

/// The suite of lab 01.
pub(crate) fn suite(own: OwnBinary) -> Suite {
    Suite::new(own, "01", "Direct write", "01-direct-write/store")
        .contract("labs/openapi.yaml")
        .needs(&[Service::Postgres])
        .checks([Check::new(
            "create-then-read",
            "a post comes back as it was sent",
            "What a post is",
            |bed| create_then_read(bed, Agreement::DIRECT),
        )])
        .page("01-direct-write/read")
        .checks([
            Check::new(
                "list-newest-first",
                "the list is newest first, 20 a page",
                "Newest first, twenty a page",
                |bed| list_newest_first(bed, Agreement::DIRECT),
            ),
            Check::new(
                "search-is-literal",
                "a search finds what was typed, nothing else",
                "Text is text",
                search_is_literal,
            ),
            Check::new(
                "bad-input-is-refused",
                "bad input is refused in one shape, nothing stored",
                "Refuse early, in one shape",
                |bed| bad_input_is_refused(bed, Agreement::DIRECT),
            ),
            Check::new(
                "start-together",
                "instances that start at once make one schema",
                "Several that start at once",
                |bed| start_together(bed, Agreement::DIRECT),
            ),
        ])
        .page("01-direct-write/store")
        .checks([Check::new(
            "answered-is-committed",
            "an answered post survives kill -9",
            "Answer after the commit",
            database::answered_is_committed,
        )])
        .page("01-direct-write/fail")
        .checks([
            Check::new(
                "database-restart",
                "a dead database means 503, and no restart of ours",
                "When the database dies",
                database::database_restart,
            )
            .hurts_services(),
            Check::new(
                "database-paused",
                "a silent database means 503 within the deadline",
                "Every wait has a deadline",
                database::database_paused,
            )
            .hurts_services(),
            Check::new(
                "graceful-stop",
                "SIGTERM loses nobody who was in flight",
                "Stop without losing anyone",
                stop::graceful_stop,
            ),
        ])
        .page("01-direct-write/load")
        .checks([
            Check::new(
                "below-capacity",
                "below capacity nothing fails",
                "Below capacity",
                overload::below_capacity,
            ),
            Check::new(
                "three-times-capacity",
                "at three times capacity it still does its work",
                "At three times capacity",
                overload::three_times_capacity,
            )
            .alone(),
            Check::new(
                "serves-again",
                "after the storm it serves as before",
                "After the storm",
                overload::serves_again,
            )
            .alone(),
            Check::new(
                "bounded-connections",
                "never more connections than the pool",
                "Never more connections than the pool",
                connections::bounded_connections,
            ),
        ])
}
