//! The program: parse, call one function, turn its error into an exit code.

use std::process::ExitCode;

use clap::Parser;
use solution_03_first_page_cache as service; // The one line that names the crate: starter and solution differ in it.

/// Lab 03, first-page cache: page 1 is read once a second, and served from memory.
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
