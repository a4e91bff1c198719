//! What a lab has agreed that the labs before it left open or did otherwise.

use super::Posting;

/// What holds now, for a check that several labs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// How a good post is answered.
    pub posting: Posting,
}

impl Agreement {
    /// Lab 01: a post is answered when it is stored.
    pub const DIRECT: Agreement = Agreement { posting: Posting::Stored };
    /// Lab 02: a post is answered when it is safe in the queue.
    pub const QUEUED: Agreement = Agreement { posting: Posting::Queued };
}
