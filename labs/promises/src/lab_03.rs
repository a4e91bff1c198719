//! What lab 03 promises: page 1 is read once a second, and served from memory, whatever becomes of the database. What labs 01 and
//! 02 promise holds on, and is judged by their own checks.

mod bounds;
mod crowd;
mod first_page;
mod first_read;
mod fresh;
mod goes_on;
mod instances;
mod outage;
mod reader;
mod start;
mod statements;
mod stop;
mod tags;

pub(crate) use first_page::FirstPage;
pub(crate) use fresh::are_never_old;
pub(crate) use tags::who_has_it_gets_no_body;
use testbed::prelude::*;
use testbed::suite::OwnBinary;

use crate::contract::Agreement;
use crate::lab_02;

/// The suite of lab 03.
pub(crate) fn suite(own: OwnBinary) -> Suite {
    let earlier = lab_02::suite(own.clone(), Agreement::FIRST_PAGE_CACHED);
    Suite::new(own, "03", "First-page cache", "03-first-page-cache/index")
        .contract("labs/cache.md")
        .needs(&[Service::Postgres, Service::RabbitMq])
        .checks(crowded())
        .page("03-first-page-cache/refresh")
        .checks(refreshed())
        .page("03-first-page-cache/serve")
        .checks(served())
        .page("03-first-page-cache/operate")
        .checks(operated())
        .inherits(earlier)
}

/// What the crowd on page 1 costs.
fn crowded() -> [Check; 2] {
    [
        Check::new(
            "one-look-a-second",
            "three times capacity of looks, one statement a second",
            "One look a second",
            crowd::one_look_a_second,
        ),
        Check::new(
            "other-reads-go-on",
            "the other reads have the database to themselves",
            "The other reads",
            crowd::other_reads_go_on,
        ),
    ]
}

/// When page 1 is read.
fn refreshed() -> [Check; 5] {
    [
        Check::new(
            "cold-start",
            "before the first page, nobody gets half of one",
            "No reader before a page",
            start::cold_start,
        ),
        Check::new("empty-table", "no posts are a page, too", "No reader before a page", start::empty_table),
        Check::new(
            "fresh-in-time",
            "what is committed is on page 1 within REFRESH_MS",
            "Again and again",
            fresh::fresh_in_time,
        ),
        Check::new(
            "slow-refresh",
            "a slow refresh keeps no reader waiting",
            "Again and again",
            crowd::slow_refresh,
        ),
        Check::new(
            "refreshing-goes-on",
            "no failure ends the refreshing",
            "What a read may come to",
            goes_on::refreshing_goes_on,
        ),
    ]
}

/// How page 1 is answered.
fn served() -> [Check; 3] {
    [
        Check::new(
            "others-are-never-old",
            "page 2, searches and single posts are never old",
            "Only page 1",
            fresh::others_are_never_old,
        ),
        Check::new("tags", "a reader who has the page gets no body", "A tag for the bytes", tags::tags),
        Check::new(
            "database-away",
            "without a database page 1 is old, says so, and ends",
            "Old, and for how long",
            outage::database_away,
        )
        .hurts_services(),
    ]
}

/// What it takes to run it.
fn operated() -> [Check; 4] {
    [
        Check::new(
            "refresher-counts",
            "never more connections, the refresher's included",
            "One connection of its own",
            bounds::refresher_counts,
        ),
        Check::new(
            "memory-stays",
            "one page is kept, however many are read",
            "One page, not all",
            bounds::memory_stays,
        )
        .alone(),
        Check::new(
            "stops-in-mid-refresh",
            "SIGTERM ends a refresh that nobody answers",
            "Stop in mid-refresh",
            stop::stops_in_mid_refresh,
        ),
        Check::new(
            "each-for-itself",
            "two instances, two looks a second; a consumer none",
            "Two instances, two truths",
            instances::each_for_itself,
        ),
    ]
}
