//! Storing: the way of a message from its delivery to a committed row, and its acknowledgement.
//!
//! | room | what it owns |
//! |---|---|
//! | [`consumer`] | a subscription after the other, and the graceful stop |
//! | `batch` | what has been delivered, stored together: acknowledgements, dead letters |
//! | [`inbox`] | the one statement that stores a batch |

mod batch;
pub mod consumer;
pub mod inbox;
