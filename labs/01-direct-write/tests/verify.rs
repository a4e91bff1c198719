//! What lab 01 promises. The same checks judge the starter, the solution, a wrong answer and any executable
//! that keeps the contract of `labs/openapi.yaml`: they reach it over HTTP, SQL and signals alone.

#[path = "verify/contract.rs"]
mod contract;
#[path = "verify/database.rs"]
mod database;
#[path = "verify/outage.rs"]
mod outage;
#[path = "verify/overload.rs"]
mod overload;
#[path = "verify/stop.rs"]
mod stop;

use std::process::ExitCode;

use contract::Posting;
use testbed::prelude::*;

fn main() -> ExitCode {
    Lab::new(testbed::own_binary!(), "01", "Direct write", "01-direct-write")
        .needs(&[Service::Postgres])
        .check("create-then-read", "a post comes back as it was sent", "What a post is", |bed| {
            contract::create_then_read(bed, Posting::Stored)
        })
        .check(
            "list-newest-first",
            "the list is newest first, 20 a page",
            "Newest first, twenty a page",
            |bed| contract::list_newest_first(bed, Posting::Stored),
        )
        .check(
            "search-is-literal",
            "a search finds what was typed, nothing else",
            "Text is text",
            contract::search_is_literal,
        )
        .check(
            "bad-input-is-refused",
            "bad input is refused in one shape, nothing stored",
            "Refuse early, in one shape",
            |bed| contract::bad_input_is_refused(bed, Posting::Stored),
        )
        .check(
            "answered-is-committed",
            "an answered post survives kill -9",
            "Answer after the commit",
            database::answered_is_committed,
        )
        .check(
            "database-restart",
            "a dead database means 503, and no restart of ours",
            "When the database dies",
            database::database_restart,
        )
        .check(
            "database-paused",
            "a silent database means 503 within the deadline",
            "Every wait has a deadline",
            database::database_paused,
        )
        .check(
            "graceful-stop",
            "SIGTERM loses nobody who was in flight",
            "Stop without losing anyone",
            stop::graceful_stop,
        )
        .check("below-capacity", "below capacity nothing fails", "Below capacity", overload::below_capacity)
        .check(
            "three-times-capacity",
            "at three times capacity it still does its work",
            "At three times capacity",
            overload::three_times_capacity,
        )
        .check(
            "serves-again",
            "after the storm it serves as before",
            "After the storm",
            overload::serves_again,
        )
        .check(
            "bounded-connections",
            "never more connections than the pool",
            "Never more connections than the pool",
            overload::bounded_connections,
        )
        .run()
}
