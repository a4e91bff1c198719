//! `cargo lab tour`: what a lab is about, by hand first. Each step is ticked off when it is seen to be done.

mod nofile;
mod rabbitmq;

use anstyle::{AnsiColor, Style};
use clap::{Args, Subcommand};
use testbed::exit::Exit;
use testbed::setup::SetUp;

/// Which tour.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab tour           RabbitMQ, before lab 02; the same as `cargo lab tour rabbitmq`
  cargo lab tour nofile    the limit of open files, before lab 05; `cargo lab tour nofile --help` tells what is to be done there

A tour starts what it needs in containers, tells you what to do in a browser or in another terminal, and looks on. Ctrl-C ends it and leaves nothing.")]
pub struct Tour {
    #[command(subcommand)]
    which: Option<Which>,
}

#[derive(Subcommand)]
enum Which {
    /// Lab 02: declare a queue, publish and get a message in RabbitMQ's management page
    Rabbitmq,
    /// Lab 05: a proxy that runs out of open files; find the error, the process and its limit, and raise it while it runs
    Nofile(nofile::Nofile),
}

/// Takes the tour that was asked for.
pub fn run(ask: &Tour) -> Result<Exit, SetUp> {
    match &ask.which {
        None | Some(Which::Rabbitmq) => rabbitmq::run(),
        Some(Which::Nofile(ask)) => nofile::run(ask),
    }
}

/// What is to be done, as a line.
fn asked(step: usize, what: &str) -> String {
    format!("  {step}    {what}")
}

/// What was seen to be done, as a line with an empty one after it.
fn ticked(step: usize, what: &str) -> String {
    let green = Style::new().fg_color(Some(AnsiColor::Green.into()));
    format!("  {step} {green}✓{green:#}  {what}\n")
}
