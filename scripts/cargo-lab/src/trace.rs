//! `cargo lab trace`: where one post spends its time in a stack.

use clap::Args;
use testbed::exit::Exit;
use testbed::setup::SetUp;

use crate::placed::Placed;

/// Whose posts are traced.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab trace 04                 where a post of your own stack spends its time, and how many are in flight
  cargo lab trace 04 --rate 40       how many are in flight at 40 posts a second
  cargo lab trace 04 --solution      the same posts, a stack that is placed otherwise
  cargo lab trace 04 --binary ./my-service --deploy ./deploy   any executable with its deploy files (contract: labs/stack.md)

How to read it: each way costs the round trips that were counted on its path (one to connect, one for each answer) times what ping
measures there. What nginx, the instances and the broker take themselves is from nginx's access log and from Server-Timing. The sum
stands beside what the client measured. The last lines are Little's law, L = λW: with the rate given, how many posts are under way at
once, and how many the proxy has places for.
Needs Docker, and takes about half a minute; Ctrl-C ends it and leaves nothing.
Exit code 1: the stack does not start, or a post is not accepted. What was observed, and the mend, are told.")]
pub struct Trace {
    #[command(flatten)]
    placed: Placed,
    /// Posts a second, for the reckoning of how many are in flight; without it, the rate of the lab's schedule
    #[arg(long, value_name = "N", value_parser = rate)]
    rate: Option<f64>,
}

/// Sends the posts, and prints what their time went to.
pub fn run(ask: &Trace) -> Result<Exit, SetUp> {
    let rate = ask.rate.unwrap_or(experiments::trace::RATE);
    ask.placed.show(async |submission, progress| experiments::trace::run(submission, rate, progress).await)
}

/// A rate that can be offered.
fn rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate.is_finite() && rate > 0.0 => Ok(rate),
        _ => Err("posts a second, more than 0".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::rate;

    #[test]
    fn a_rate_is_more_than_nothing() {
        assert_eq!(rate("0.5"), Ok(0.5));
        for wrong in ["0", "-1", "inf", "NaN", "many"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }
}
