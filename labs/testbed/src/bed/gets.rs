//! Load of reads: one path, asked for again and again.

use super::Bed;
use super::posts::Requests;
use crate::load::{self, Schedule, gets};
use crate::subject::Subject;

/// A load of reads, to be shaped before it starts.
pub type Gets = Requests<load::Gets>;

impl Bed {
    /// `GET path` at the moments of `schedule`. The path carries its query, percent-encoded.
    ///
    /// # Panics
    /// When `path` is no path.
    pub fn gets(&self, service: &Subject, path: &str, schedule: Schedule) -> Gets {
        Requests::new(self, service, schedule, self.new_run(), gets(path))
    }
}
