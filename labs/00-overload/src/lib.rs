//! A server in miniature: worker threads, a bounded line in front of them, a timeout.
//!
//! | room | what it owns |
//! |---|---|
//! | [`config`] | what the environment and the flags may say |
//! | [`http`] | routes, handlers, and the one shape of a refusal |
//! | [`admission`] | one request's way: enter the line, wait, give up, leave |
//! | [`line`](mod@line) | who runs and who waits, and how many may |
//! | [`workers`] | the threads |
//! | [`work`] | what a request costs |
//! | [`server`] | the listener and the graceful stop |

use std::{fmt, sync::Arc};

pub mod admission;
pub mod config;
pub mod http;
pub mod line;
pub mod server;
pub mod work;
pub mod workers;

pub use config::Config;

use crate::{admission::Admission, line::Line};

/// Runs the server until SIGTERM or Ctrl-C, and then until what ran and waited has ended.
///
/// # Errors
/// Fails when the server cannot start: no threads, or an address that cannot be bound.
// ANCHOR: run
pub async fn run(config: Config) -> Result<(), StartError> {
    let terminated = server::terminated().map_err(failed_to("listen for SIGTERM"))?;
    let line = Arc::new(Line::new(config.workers, config.queue));
    workers::start(config.workers, &line).map_err(failed_to("start the workers"))?;
    let app = http::app(Admission::new(line, config.timeout));

    let listener = tokio::net::TcpListener::bind(&config.bind_addr)
        .await
        .map_err(failed_to(&format!("listen on `{}`", config.bind_addr)))?;
    tracing::info!(address = %config.bind_addr, "ready");
    server::run(listener, app, terminated).await.map_err(failed_to("serve"))
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

/// Why the server could not start.
#[derive(Debug)]
pub struct StartError(String);

fn failed_to(operation: &str) -> impl FnOnce(std::io::Error) -> StartError {
    move |cause| StartError(format!("failed to {operation}: {cause}"))
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for StartError {}
