//! What lab 04 promises: several instances behind a small proxy, close to each other; and whichever of them dies, falls silent or is
//! replaced, no post is lost and none is stored twice. What the labs before promise of one instance is judged by their own checks; what
//! HTTP shows of it, also through the proxy.

mod as_before;
mod faults;
mod keys;
mod keys_beside;
mod passing;
mod refusals;
mod schedule;
mod unnamed;
mod unread;
mod ways;

use testbed::prelude::*;
use testbed::suite::OwnBinary;

use crate::lab_03;

/// The suite of lab 04.
pub(crate) fn suite(own: OwnBinary) -> Suite {
    let earlier = lab_03::suite(own.clone());
    let proxied = Suite::new(own.clone(), "04", "Colocation", "04-colocation/operate").checks(as_before());
    Suite::new(own, "04", "Colocation", "04-colocation/index")
        .contract("labs/stack.md")
        .needs(&[Service::Postgres, Service::RabbitMq])
        .checks(seen_by_clients())
        .page("04-colocation/move")
        .checks(on_the_way())
        .page("04-colocation/repeat")
        .checks(sent_twice())
        .page("04-colocation/operate")
        .checks(operated())
        .inherits(proxied)
        .inherits(earlier)
}

/// What the clients of a small proxy see.
fn seen_by_clients() -> [Check; 3] {
    [
        Check::new(
            "deploys",
            "the deploy files hold, and a post goes in",
            "Files that hold",
            schedule::deploys,
        ),
        Check::new(
            "all-succeed",
            "the schedule's posts all succeed through the small proxy",
            "The small proxy",
            schedule::all_succeed,
        )
        .alone(),
        Check::new(
            "neighbours",
            "nine of ten are answered as neighbours answer",
            "Nine of ten",
            schedule::neighbours,
        )
        .alone(),
    ]
}

/// What a post costs on its way.
fn on_the_way() -> [Check; 4] {
    [
        Check::new(
            "one-round-trip",
            "one round trip to the broker, and no zone crossed",
            "One round trip to the broker",
            ways::one_round_trip,
        ),
        Check::new(
            "keeps-connections",
            "the proxy keeps its connections",
            "Connections that stay",
            ways::keeps_connections,
        ),
        Check::new(
            "shares",
            "every listed instance takes its share",
            "Every instance its share",
            ways::shares,
        ),
        Check::new(
            "server-timing",
            "each 202 says how long the broker took",
            "How long the broker took",
            ways::server_timing,
        ),
    ]
}

/// What becomes of a post that is sent twice.
fn sent_twice() -> [Check; 3] {
    [
        Check::new("keys", "the same key is the same post", "The same key, the same post", keys::keys),
        Check::new(
            "instance-killed",
            "an instance dies, and no post fails or is doubled",
            "An instance dies",
            faults::instance_killed,
        )
        .alone(),
        Check::new(
            "instance-silent",
            "an instance falls silent, and nobody waits for long",
            "An instance is silent",
            faults::instance_silent,
        )
        .alone(),
    ]
}

/// What it takes to run it.
fn operated() -> [Check; 3] {
    [
        Check::new(
            "rolling-restart",
            "instances restarted, the proxy reloaded: nothing lost",
            "One after another",
            faults::rolling_restart,
        )
        .alone(),
        Check::new(
            "all-away",
            "all away for a second, back within two",
            "Nobody is there",
            refusals::all_away,
        ),
        Check::new(
            "refusals",
            "what the proxy refuses itself has the contract's shape",
            "What the proxy answers itself",
            refusals::refusals,
        ),
    ]
}

/// What holds since the labs before, seen through the proxy.
fn as_before() -> [Check; 5] {
    const AS_BEFORE: &str = "As before";
    [
        Check::new(
            "proxied-posts",
            "through the proxy a post comes back as it was sent",
            AS_BEFORE,
            as_before::posts,
        ),
        Check::new("proxied-lists", "through the proxy the list is as agreed", AS_BEFORE, as_before::lists),
        Check::new(
            "proxied-searches",
            "through the proxy a search finds what was typed",
            AS_BEFORE,
            as_before::searches,
        ),
        Check::new(
            "proxied-bad-input",
            "through the proxy bad input is refused in one shape",
            AS_BEFORE,
            as_before::bad_input,
        ),
        Check::new(
            "proxied-pages",
            "through the proxy page 1 keeps its tag, and no other is old",
            AS_BEFORE,
            as_before::pages,
        ),
    ]
}
