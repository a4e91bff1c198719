//! `cargo lab fit`: the Universal Scalability Law, fitted to throughputs that the reader has measured.

use std::str::FromStr;

use clap::Args;
use experiments::scaling::Fitted;
use testbed::exit::Exit;
use testbed::setup::SetUp;

/// What was measured.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab fit 1=100 2=180 4=260    posts a second with one, two and four instances, under a load that is more than enough

Prints what was measured beside the law C(N) = N ÷ (1 + α(N − 1) + βN(N − 1)), what one more and twice as many would bring, and where
more makes it slower. α is the share of the work that all must do one after the other, β what each costs each other one.
The book, \"What it costs\" in chapter 04, says how to read it; `cargo lab run more-instances` measures an example.")]
pub struct Fit {
    /// Instances=throughput: that of one, and of two other numbers at least
    #[arg(value_name = "N=X", required = true)]
    measured: Vec<Measured>,
}

/// The throughput of a number of instances.
#[derive(Clone, Copy)]
struct Measured {
    instances: usize,
    throughput: f64,
}

impl FromStr for Measured {
    type Err = String;

    fn from_str(text: &str) -> Result<Measured, String> {
        let parsed = text.split_once('=').and_then(|(instances, throughput)| {
            let (instances, throughput) = (instances.parse().ok()?, throughput.parse().ok()?);
            (instances > 0 && f64::is_finite(throughput) && throughput > 0.0)
                .then_some(Measured { instances, throughput })
        });
        parsed.ok_or_else(|| {
            "a number of instances and what they carry a second, both above 0: 4=260".to_owned()
        })
    }
}

/// Fits, and prints the table and the parameters.
pub fn run(ask: &Fit) -> Result<Exit, SetUp> {
    match Fitted::to(ask.measured.iter().map(|measured| (measured.instances, measured.throughput))) {
        Some(fitted) => {
            anstream::print!("{fitted}");
            Ok(Exit::Kept)
        }
        None => {
            anstream::eprintln!(
                "the law has two parameters: give the throughput of one instance, and those of two other numbers (cargo lab fit 1=100 2=180 4=260)"
            );
            Ok(Exit::Usage)
        }
    }
}
