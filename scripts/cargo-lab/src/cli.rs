//! The commands of `cargo lab`, and who answers each. The arguments of a command stand beside it.

use clap::{Parser, Subcommand};
use testbed::exit::Exit;
use testbed::setup::SetUp;

use crate::{
    bench, book, check, ci, clean, diff, dig, doctor, fit, hint, images, map, ping, reset, run, stack, start,
    tour, trace,
};

/// Why servers die: the workbook's labs, judged by real measurements.
///
/// Without a command: the map of the labs, where you stand, and the next step.
#[derive(Parser)]
#[command(name = "cargo lab", bin_name = "cargo lab", version, after_help = after())]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

fn after() -> String {
    let codes = Exit::ALL.map(|exit| format!("{} {}", exit.code(), exit.meaning()));
    format!(
        "Exit codes: {}\n\n\
         New here?  cargo lab start      looks at your machine, gets the images, shows a server die, and says where to go on",
        codes.join(" · ")
    )
}

#[derive(Subcommand)]
enum Command {
    /// The first run: checks the set-up, gets the images, builds the book, shows a server die under overload and one that does not
    Start,
    /// Judge a lab: your own code, the solution, a wrong answer, or any executable that keeps the contract
    Check(check::Check),
    /// Stuck in a hole? The question again, then the calls to look up, then the code. Without a hole: the list
    Hint(hint::Hint),
    /// Your code beside the solution's, hole by hole, once your lab is green
    Diff(diff::Diff),
    /// Put a hole, a file or a whole lab back as it was. What you had is kept
    Reset(reset::Reset),
    /// Run an experiment of the book on this machine: a table, a figure and the raw data. Without a name: the list
    Run(run::Which),
    /// By hand first: RabbitMQ in its management page, or a proxy's open files in a shell; each step is ticked off as you do it
    Tour(tour::Tour),
    /// Start a lab's stack where its deploy files place it, and measure the round trip between each two services that talk
    Ping(ping::Ping),
    /// Start a lab's stack, and tell where one post spends its time, and how many are in flight at once for that
    Trace(trace::Trace),
    /// Fit the Universal Scalability Law to throughputs that you have measured: what would more instances bring?
    Fit(fit::Fit),
    /// Deploy a lab's stack on a real Swarm of one node, look at it, and take it away
    Stack(stack::StackOf),
    /// Look at the engine, the images, the ports, the limits and the disk
    Doctor,
    /// Make the three service images available: pull them, or build them from Debian packages
    Images(images::Images),
    /// Remove what runs left behind that were killed: containers, processes, temporary folders
    Clean,
    /// Build, serve or check the book
    #[command(subcommand)]
    Book(book::Book),
    /// Measure what the workbook claims of its tools, beside their peers where these are installed
    Bench(bench::Bench),
    /// Make the starters from the solutions, for whoever changes a lab
    Dig(dig::Dig),
    /// Prove everything: what CI runs on every change
    Ci(ci::Ci),
}

/// Answers the command.
pub fn run(cli: Cli) -> Result<Exit, SetUp> {
    match cli.command {
        None => map::show(),
        Some(Command::Start) => start::run(),
        Some(Command::Check(ask)) => check::run(&ask),
        Some(Command::Hint(ask)) => hint::run(&ask),
        Some(Command::Diff(ask)) => diff::run(&ask),
        Some(Command::Reset(ask)) => reset::run(&ask),
        Some(Command::Run(ask)) => run::run(&ask),
        Some(Command::Tour(ask)) => tour::run(&ask),
        Some(Command::Ping(ask)) => ping::run(&ask),
        Some(Command::Trace(ask)) => trace::run(&ask),
        Some(Command::Fit(ask)) => fit::run(&ask),
        Some(Command::Stack(ask)) => stack::run(&ask),
        Some(Command::Doctor) => doctor::run(),
        Some(Command::Images(how)) => images::run(&how),
        Some(Command::Clean) => clean::run(),
        Some(Command::Book(what)) => book::run(what),
        Some(Command::Bench(which)) => bench::run(&which),
        Some(Command::Dig(ask)) => dig::run(&ask),
        Some(Command::Ci(which)) => ci::run(&which),
    }
}
