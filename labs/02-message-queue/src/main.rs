//! The program: parse, call one function, turn its error into an exit code.

use std::process::ExitCode;

use clap::Parser;
use lab_02_message_queue as service; // The one line that names the crate: starter and solution differ in it.

/// Lab 02, message queue: `POST /post` publishes to RabbitMQ, and a consumer inserts into PostgreSQL.
#[derive(Debug, Parser)]
struct Cli {
    #[command(flatten)]
    config: service::Config,
    #[command(subcommand)]
    command: Option<service::Command>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    direct_write::log_to_stderr();

    direct_write::exit_code(match cli.command {
        None => service::run(cli.config).await,
        Some(service::Command::Replay) => service::replay(cli.config).await,
    })
}
