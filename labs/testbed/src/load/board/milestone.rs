//! What a waiting check wants to hear of.

use crate::load::Counts;

/// A count to be reached.
#[derive(Clone, Copy)]
pub(in crate::load) enum Milestone {
    Accepted(u64),
    Sent(u64),
}

impl Milestone {
    /// Whether it was reached; `None` while that is not certain.
    pub(super) fn is_reached(self, counts: &Counts) -> Option<bool> {
        match self {
            Milestone::Accepted(n) if counts.accepted >= n => Some(true),
            Milestone::Accepted(n) => {
                (counts.accepted + counts.scheduled - counts.ended() < n).then_some(false)
            }
            Milestone::Sent(n) if counts.sent() >= n => Some(true),
            Milestone::Sent(n) => (counts.scheduled - counts.unsent < n).then_some(false),
        }
    }
}
