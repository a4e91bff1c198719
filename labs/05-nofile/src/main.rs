//! The program: parse, call one function, turn its error into an exit code.

use std::{env::args_os, process::ExitCode};

use clap::Parser;
use lab_05_nofile as service; // The one line that names the crate: starter and solution differ in it.

/// Lab 05, open files: a service that lives within its limit.
#[derive(Debug, Parser)]
#[command(
    after_help = "`nofile PID [--raise N]` tells how many files another process has open (`nofile --help`)."
)]
struct Cli {
    #[command(flatten)]
    config: service::Config,
    #[command(subcommand)]
    command: Option<service::Command>,
}

#[tokio::main]
async fn main() -> ExitCode {
    // The tool needs nothing of what the service must be told, so it is parsed by itself.
    if args_os().nth(1).is_some_and(|argument| argument == "nofile") {
        return service::nofile::main(service::nofile::Nofile::parse_from(args_os().skip(1)));
    }
    let cli = Cli::parse();
    direct_write::log_to_stderr();

    direct_write::exit_code(match cli.command {
        None => service::run(cli.config).await,
        Some(service::Command::Replay) => service::replay(cli.config.service.message_queue).await,
    })
}
