//! The wire between accepting and storing: all that both must agree on, and nothing else.
//!
//! | room | what it owns |
//! |---|---|
//! | [`message`] | what stands in a message |
//! | [`topology`] | the queues |
//! | [`broker`] | connections to the broker |
//! | [`backoff`] | pauses between attempts |

pub mod backoff;
pub mod broker;
pub mod message;
pub mod topology;
