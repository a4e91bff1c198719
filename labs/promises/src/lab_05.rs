//! What lab 05 promises: a service and a proxy that live within their limits of open files, and a tool that tells and raises another
//! process's. What the labs before promise is judged by their own checks.

mod afterwards;
mod busy;
mod flood;
mod logged;
mod own_pool;
mod patient;
mod proxy;
mod restless;
mod slow;
mod stalled;
mod tool;

use testbed::prelude::*;
use testbed::suite::OwnBinary;

use crate::lab_04;

/// How many clients a flood has.
const CLIENTS: usize = 500;
/// Soft and hard limit of a service in a flood.
const FEW: (u64, u64) = (64, 128);
/// The same where there is room for all.
const MORE: (u64, u64) = (64, 1024);

/// The suite of lab 05.
pub(crate) fn suite(own: OwnBinary) -> Suite {
    let earlier = lab_04::suite(own.clone());
    Suite::new(own, "05", "Too many open files", "05-nofile/index")
        .contract("labs/limits.md")
        .needs(&[Service::Postgres, Service::RabbitMq])
        .checks([Check::new(
            "proxy-holds",
            "five hundred clients, and the proxy has room for all",
            "A limit that lasts",
            proxy::holds,
        )
        .alone()])
        .page("05-nofile/tool")
        .checks(the_tool())
        .page("05-nofile/service")
        .checks(the_service())
        .inherits(earlier)
}

/// Other processes.
fn the_tool() -> [Check; 3] {
    [
        Check::new("nofile-tells", "the tool tells what a process has open", "What is open", tool::tells),
        Check::new("nofile-raises", "the tool raises a process that runs", "While it runs", tool::raises),
        Check::new("nofile-refuses", "a wrong call is one clear line", "One clear line", tool::refuses),
    ]
}

/// The service itself.
fn the_service() -> [Check; 5] {
    [
        Check::new(
            "takes-what-it-may",
            "a soft limit of 64 is no bound where 1024 are allowed",
            "Soft is not hard",
            flood::takes_what_it_may,
        )
        .alone(),
        Check::new(
            "serves-the-flood",
            "128 descriptors, 500 clients, and each request is answered",
            "More clients than places",
            flood::serves_all,
        )
        .alone(),
        Check::new(
            "own-needs-first",
            "in the flood, broker and database are reached again",
            "What it needs itself",
            flood::own_needs_first,
        )
        .alone(),
        Check::new("slow-heads", "slow clients keep nobody out", "The slow head", slow::slow_heads).alone(),
        Check::new(
            "nothing-stays-open",
            "when the clients have gone, so have their descriptors",
            "What stays open",
            afterwards::nothing_stays_open,
        ),
    ]
}
