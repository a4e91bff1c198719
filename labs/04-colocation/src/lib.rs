//! Colocation: several instances behind a proxy, and a post that the proxy may send twice.
//!
//! | room | what it owns |
//! |---|---|
//! | [`key`] | the id that a post has by its `Idempotency-Key` |
//! | [`http`] | `POST /post`, and how long the broker took |
//!
//! How a post is accepted is lab 02's, and all reads are lab 03's. Where the instances stand, and what
//! stands in front of them, is no code: `deploy/stack.yml` and `deploy/nginx.conf.template`.

use direct_write::StartError;

pub mod http;
pub mod key;

pub use first_page_cache::{Command, Config, replay};

/// Runs the service until SIGTERM or Ctrl-C, and then until what it has begun has ended.
///
/// # Errors
/// Fails when the service cannot start: no database, no broker, no page 1, or an address that cannot
/// be bound.
pub async fn run(config: Config) -> Result<(), StartError> {
    first_page_cache::run_with(config, http::post_route, message_queue::serve).await
}
