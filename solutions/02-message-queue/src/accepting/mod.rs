//! Accepting: the way of a post from its request to the broker's confirm, and into the record.
//!
//! | room | what it owns |
//! |---|---|
//! | [`http`] | `POST /post`, and the ambiguous answer |
//! | [`clock`] | how the time of one post is spent |
//! | [`publisher`] | who may publish now: a bounded line, channels, one connection |
//! | `lane` | one publish: the message, its confirm, what came back |
//! | `session` | the publisher's connection, kept open |
//! | [`audit`] | the record of accepted posts |

pub mod audit;
pub mod clock;
pub mod http;
mod lane;
pub mod publisher;
mod session;
