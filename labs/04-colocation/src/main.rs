//! The program: parse, call one function, turn its error into an exit code.

use std::process::ExitCode;

use clap::Parser;
use lab_04_colocation as service; // The one line that names the crate: starter and solution differ in it.

/// Lab 04, colocation: a post that is sent twice is one, and says how long the broker took.
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
        Some(service::Command::Replay) => service::replay(cli.config.message_queue).await,
    })
}
