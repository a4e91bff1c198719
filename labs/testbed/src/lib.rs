//! What a check needs to judge a service from outside: services, subjects, load, a ledger, a path, verdicts, reports.
//!
//! The test-bed knows neither posts nor labs: what is promised of them is written in `labs/promises`, against [`prelude`].
//! `ARCHITECTURE.md` tells the life of one check as a story.

pub mod answer;
pub mod bed;
pub mod client;
pub mod crowd;
pub mod deploy;
pub mod descriptors;
pub mod endpoint;
pub mod exit;
pub mod fact;
pub mod images;
pub mod ledger;
pub mod leftovers;
pub mod load;
pub mod path;
pub mod ports;
pub mod progress;
pub mod report;
pub mod run;
pub mod services;
pub mod setup;
pub mod stack;
pub mod subject;
pub mod submission;
pub mod suite;
pub mod theory;
pub mod verdict;
pub mod wait;
pub mod watch;

/// What an experiment imports.
pub mod prelude {
    pub use crate::answer::{Answer, all_kept};
    pub use crate::bed::{Bed, Finished};
    pub use crate::crowd::{Crowd, Crowded};
    pub use crate::endpoint::Endpoint;
    pub use crate::fact::Fact;
    pub use crate::images::Service;
    pub use crate::ledger::Ledger;
    pub use crate::load::{Outcome, Sample, Schedule};
    pub use crate::path::{Path, Way};
    pub use crate::services::Contained;
    pub use crate::setup::SetUp;
    pub use crate::subject::Subject;
    pub use crate::suite::{Check, Suite};
    pub use crate::verdict::{Kept, Observed, Stop, Verdict, promise};
}
