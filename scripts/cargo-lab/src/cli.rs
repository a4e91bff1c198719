//! What can be asked of `cargo lab`, and who answers.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use testbed::setup::SetUp;

use crate::exit::Exit;
use crate::{bench, book, check, ci, clean, diff, dig, doctor, hint, images, map, reset, run, start, tour};

/// Why servers die: the workbook's labs, judged by real measurements.
///
/// Without a command: the map of the labs, where you stand, and the next step.
#[derive(Parser)]
#[command(name = "cargo lab", bin_name = "cargo lab", version, after_help = AFTER)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

const AFTER: &str = "\
Exit codes: 0 every promise kept · 1 a promise broken · 2 wrong usage · 3 the set-up is at fault, with the mend · 4 inconclusive

New here?  cargo lab start      looks at your machine, gets the images, shows a server die, and says where to go on";

#[derive(Subcommand)]
enum Command {
    /// The first run: checks the set-up, gets the images, builds the book, shows a server die under overload
    Start,
    /// Judge a lab: your own code, the solution, or any executable that keeps the contract
    Check(Check),
    /// Stuck in a hole? The question again, then the calls to look up, then the code. Without a hole: the list
    Hint(hint::Hint),
    /// Your code beside the solution's, hole by hole, once your lab is green
    Diff(diff::Diff),
    /// Put a hole, a file or a whole lab back as it was. What you had is kept
    Reset(reset::Reset),
    /// Run an experiment of the book on this machine: a table, a figure and the raw data. Without a name: the list
    Run(Run),
    /// RabbitMQ by hand: starts it with its management page, and ticks each step off as you do it there
    Tour,
    /// Look at the engine, the images, the ports, the limits and the disk
    Doctor,
    /// Make the three service images available: pull them, or build them from Debian packages
    Images(Images),
    /// Remove what runs left behind that were killed: containers, processes, temporary folders
    Clean,
    /// Build, serve or check the book
    #[command(subcommand)]
    Book(Book),
    /// Measure what the workbook claims of its tools, beside their peers where these are installed
    Bench {
        /// Measure only this; all of it without a name
        #[arg(value_enum)]
        what: Option<bench::What>,
    },
    /// Make the starters from the solutions, for whoever changes a lab
    Dig(dig::Dig),
    /// Prove everything: what CI runs on every change
    Ci(Ci),
}

/// What to judge.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab check 01                                   your own lab 01
  cargo lab check 01 --only create-then-read           one promise of it
  cargo lab check 01 --solution                        the solution that comes with the book
  cargo lab check 01 --binary ./my-service             a service in any language (contract: labs/openapi.yaml)")]
pub struct Check {
    /// The lab's number: 01
    pub lab: String,
    /// Judge the workbook's solution instead of your own code
    #[arg(long, conflicts_with = "binary")]
    pub solution: bool,
    /// Judge this executable
    #[arg(long, value_name = "PATH")]
    pub binary: Option<PathBuf>,
    /// Run only this check (may be given more than once)
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Print the report as JSON instead of verdicts
    #[arg(long)]
    pub json: bool,
}

/// Which experiment to run.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab run                       the experiments, what each shows, and which needs Docker
  cargo lab run longer-queue          one of them: live progress, a table, a sentence, a figure
  cargo lab run all                   all of them, one after the other: about three minutes

What was found is kept in target/lab/experiments/NAME: the figure as SVG, every request as JSON.
Exit code 4: this run did not show it, because the machine was busy or is built otherwise. The table says what was measured.")]
pub struct Run {
    /// The experiment's name, or `all`; without it, the list
    pub experiment: Option<String>,
}

/// How to get the images.
#[derive(Args)]
pub struct Images {
    /// Build from Debian packages and ask no image registry
    #[arg(long)]
    pub offline: bool,
    /// Build again what is already there (with --offline)
    #[arg(long, requires = "offline")]
    pub force: bool,
}

/// What to do with the book.
#[derive(Clone, Subcommand)]
pub enum Book {
    /// Build it into target/book
    Build,
    /// Serve it on 127.0.0.1, built again whenever a page has changed
    Serve {
        /// The port to listen on
        #[arg(long, default_value_t = 3000)]
        port: u16,
    },
    /// Prove that every include, anchor, link and console block holds
    Check,
    /// Run the commands of the console blocks again, and record what they print and plot
    Record {
        /// Only the recordings whose file's name holds this text
        text: Option<String>,
    },
}

/// Which proofs to run.
#[derive(Args)]
pub struct Ci {
    /// Run only this step (may be given more than once); `list` names them
    #[arg(long, value_name = "STEP", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Prove the steps about labs for this lab only
    #[arg(long, value_name = "LAB")]
    pub lab: Option<String>,
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
        Some(Command::Tour) => tour::run(),
        Some(Command::Doctor) => doctor::run(),
        Some(Command::Images(how)) => images::run(&how),
        Some(Command::Clean) => clean::run(),
        Some(Command::Book(what)) => book::run(what),
        Some(Command::Bench { what }) => bench::run(what),
        Some(Command::Dig(ask)) => dig::run(&ask),
        Some(Command::Ci(which)) => ci::run(&which),
    }
}
