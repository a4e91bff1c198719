//! The program: parse, call one function, turn its error into an exit code.

use std::process::ExitCode;

use clap::Parser;
use lab_01_direct_write as service; // The one line that names the crate: starter and solution differ in it.

/// Lab 01, direct write: `POST /post` inserts into PostgreSQL and answers.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    config: service::Config,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    service::log_to_stderr();

    service::exit_code(service::run(cli.config).await)
}
