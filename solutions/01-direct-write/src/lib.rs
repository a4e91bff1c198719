//! Direct write: `POST /post` inserts into PostgreSQL and answers.
//!
//! | room | what it owns |
//! |---|---|
//! | [`config`] | what the environment and the flags may say |
//! | [`budget`] | how the time of one request is spent |
//! | [`server`] | connections: the accept loop, the slow client, the graceful stop |
//! | [`http`] | routes, handlers, the answer in time, and the one public error |
//! | [`admission`] | the bounded line in front of the pool |
//! | [`pool`] | the connections to the database |
//! | [`store`] | the statements |
//! | [`post`], [`query`] | what a post is, and what may be asked about posts |
//!
//! The rooms are public because the next lab is built from them.

use std::{error::Error, pin::pin, process::ExitCode};

pub mod admission;
pub mod budget;
pub mod config;
pub mod http;
pub mod pool;
pub mod post;
pub mod query;
pub mod server;
pub mod store;

pub use config::Config;

use crate::{server::Limits, store::Store};

/// Runs the service until SIGTERM or Ctrl-C, and then until its requests have ended.
///
/// # Errors
/// Fails when the service cannot start: no database, no schema, or an address that cannot be bound.
// ANCHOR: run
pub async fn run(config: Config) -> Result<(), StartError> {
    let mut terminated = pin!(server::terminated().map_err(cannot("listen for SIGTERM"))?);
    let (database, budget, limits) = (config.database(), config.budget(), Limits::default());

    let store = tokio::select! {
        () = &mut terminated => return Ok(()), // Nobody has been served yet.
        opened = Store::open(&database, budget) => opened.map_err(cannot("prepare the database"))?,
    };
    let address = &config.bind_addr;
    let listener = server::bind(address, limits).await.map_err(cannot(&format!("listen on `{address}`")))?;
    tracing::info!(%address, "ready");

    server::run(listener, http::app(store.clone(), budget), limits, terminated, budget.drain()).await;
    store.close().await;
    Ok(())
}
// ANCHOR_END: run

/// The program's exit code, and in the log why, where it ended with an error.
pub fn exit_code(ended: Result<(), StartError>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}

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

/// Why the service could not start: what was tried, and what came of it.
#[derive(Debug, thiserror::Error)]
#[error("failed to {operation}: {cause}")]
pub struct StartError {
    operation: String,
    #[source]
    cause: Box<dyn Error + Send + Sync>,
}

/// For `map_err`: why the service could not start. `operation` follows "failed to".
pub fn cannot<E: Into<Box<dyn Error + Send + Sync>>>(operation: &str) -> impl FnOnce(E) -> StartError {
    move |cause| StartError { operation: operation.to_owned(), cause: cause.into() }
}
