//! `cargo lab ping`: how far the services of a stack are from each other.

use clap::Args;
use testbed::exit::Exit;
use testbed::setup::SetUp;

use crate::placed::Placed;

/// Whose stack is measured.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab ping 04                  your own stack, as labs/04-colocation/deploy places it
  cargo lab ping 04 --solution       the solution's: what changed, and what did not?
  cargo lab ping 04 --binary ./my-service --deploy ./deploy   any executable with its deploy files (contract: labs/stack.md)

Each figure is the best of five exchanges over the path between two services: a refusal of nginx, GET /health of an instance, an AMQP
method that the broker answers, a Sync of PostgreSQL. Move a service to another zone in deploy/stack.yml, and measure again.
Needs Docker, and takes about half a minute; Ctrl-C ends it and leaves nothing.
Exit code 1: the deploy files do not hold, or the stack does not start. What was observed, and the mend, are told.")]
pub struct Ping {
    #[command(flatten)]
    placed: Placed,
}

/// Measures, and prints the table and the pairs that cross a zone.
pub fn run(ask: &Ping) -> Result<Exit, SetUp> {
    ask.placed.show(experiments::ping::run)
}
