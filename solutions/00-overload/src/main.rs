//! The program: parse, call one function, turn its error into an exit code.

use std::process::ExitCode;

use clap::Parser;
use solution_00_overload as service; // The one line that names the crate: starter and solution differ in it.

/// Lab 00, a server in miniature: worker threads, a bounded line, a timeout.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    config: service::Config,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    service::log_to_stderr();

    match service::run(cli.config).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error}");
            ExitCode::FAILURE
        }
    }
}
