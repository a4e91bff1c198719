//! Direct write: `POST /post` inserts into PostgreSQL and answers.
//!
//! | room | what it owns |
//! |---|---|
//! | [`config`] | what the environment and the flags may say |
//! | [`server`] | connections: the accept loop, the slow client, the graceful stop |
//! | [`http`] | routes, handlers, and the one public error |
//! | [`deadline`] | how the time of one request is spent |
//! | [`admission`] | the bounded line in front of the pool |
//! | [`pool`] | the connections to the database |
//! | [`store`] | the statements |
//! | [`post`], [`query`] | what a post is, and what may be asked about posts |
//!
//! The rooms are public because the next lab is built from them.

use std::fmt;

pub mod admission;
pub mod config;
pub mod deadline;
pub mod http;
pub mod pool;
pub mod post;
pub mod query;
pub mod server;
pub mod store;

pub use config::Config;

/// Runs the service until SIGTERM or Ctrl-C, and then until its requests have ended.
///
/// # Errors
/// Fails when the service cannot start: no database, no schema, or an address that cannot be bound.
// ANCHOR: run
pub async fn run(config: Config) -> Result<(), StartError> {
    let terminated = server::terminated().map_err(|cause| StartError::new("listen for SIGTERM", cause))?;
    let budget = config.budget();

    let store = store::Store::open(&config.database(), budget)
        .await
        .map_err(|cause| StartError::new("prepare the database", cause))?;
    let listener = server::bind(&config.bind_addr)
        .await
        .map_err(|cause| StartError::new(&format!("listen on `{}`", config.bind_addr), cause))?;
    tracing::info!(address = %config.bind_addr, "ready");

    server::run(listener, http::app(store.clone(), budget), terminated, budget.drain()).await;
    store.close().await;
    Ok(())
}
// ANCHOR_END: run

/// Sends what `RUST_LOG` asks for (without it: `info`) to standard error.
pub fn log_to_stderr() {
    use std::io::{IsTerminal as _, stderr};
    use tracing_subscriber::{EnvFilter, filter::LevelFilter};

    let filter = EnvFilter::builder().with_default_directive(LevelFilter::INFO.into()).from_env_lossy();
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(stderr)
        .with_ansi(stderr().is_terminal())
        .init();
}

/// Why the service could not start.
#[derive(Debug)]
pub struct StartError(String);

impl StartError {
    /// Says what was tried, and what came of it.
    #[must_use]
    pub fn new(operation: &str, cause: impl fmt::Display) -> Self {
        Self(format!("failed to {operation}: {cause}"))
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}
