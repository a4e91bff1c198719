//! Open files: a service that knows how many it may have, and how many of them are for clients.
//!
//! | room | what it owns |
//! |---|---|
//! | [`descriptors`] | the limit of this process, raised, and what of it is for clients |
//! | [`places`] | the places for clients, and who has to give one back |
//! | [`accept`] | accepting connections, and what keeps it from that |
//! | [`http`] | what a request does to the place of its connection |
//! | [`nofile`] | the tool that reads and raises the limit of another process |
//! | [`config`] | what the environment and the flags may say |
//!
//! What is served is that of the labs before.

use direct_write::{StartError, cannot};

pub mod accept;
pub mod config;
pub mod descriptors;
pub mod http;
pub mod nofile;
pub mod places;

pub use colocation::{Command, replay};
pub use config::Config;

/// Runs the service until SIGTERM or Ctrl-C, and then until what it has begun has ended.
///
/// # Errors
/// Fails when the service cannot start: a limit of open files that leaves no place for clients; no
/// database, no broker, no page 1, or an address that cannot be bound.
// ANCHOR: run
pub async fn run(config: Config) -> Result<(), StartError> {
    let limit = descriptors::raise().map_err(cannot("raise the limit of open files"))?;
    let clients = descriptors::for_clients(limit, config.database_connections())
        .ok_or_else(|| format!("a limit of {} open files leaves none for them", limit.unwrap_or_default()))
        .map_err(cannot("serve clients"))?;
    tracing::info!(open_files = limit, clients, "limits");

    let limits = config.limits(clients);
    first_page_cache::run_with(
        config.service,
        colocation::http::post_route,
        async |listener, app, stop, drain| {
            accept::serve(listener, app, limits, stop, drain).await;
        },
    )
    .await
}
// ANCHOR_END: run
