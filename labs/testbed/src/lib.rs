//! What a check needs to judge a service from outside: services, subjects, load, a ledger, a link, verdicts, reports.
//!
//! The test-bed knows no lab. A lab's `tests/verify.rs` is written against [`prelude`]; `ARCHITECTURE.md` tells the
//! life of one check as a story.

pub mod answer;
pub mod bed;
pub mod exit;
pub mod images;
pub mod lab;
pub mod ledger;
pub mod leftovers;
pub mod link;
pub mod load;
pub mod ports;
pub mod progress;
pub mod report;
pub mod run;
pub mod services;
pub mod setup;
pub mod subject;
pub mod theory;
pub mod verdict;
pub mod wait;
pub mod watch;

/// What a `verify.rs` imports.
pub mod prelude {
    pub use crate::answer::{Answer, all_kept};
    pub use crate::bed::{BY_HAND, Bed, Drain, PostsOutcome};
    pub use crate::images::Service;
    pub use crate::lab::Lab;
    pub use crate::ledger::Ledger;
    pub use crate::link::{Link, Path};
    pub use crate::load::{Outcome, Sample, Schedule};
    pub use crate::report::Figure;
    pub use crate::setup::SetUp;
    pub use crate::subject::Subject;
    pub use crate::verdict::{Kept, Observed, Stop, Verdict, promise};
}
