//! `cargo lab check`: judge a lab.

use std::path::{Path, PathBuf};

use clap::Args;
use testbed::exit::Exit;
use testbed::setup::SetUp;

use crate::process;
use crate::verify::{Ask, Verify};
use crate::workspace::{Lab, Workspace};

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

/// Judges what was asked for and passes on how it ended.
pub fn run(ask: &Check) -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    let Some(lab) = workspace.lab(&ask.lab)? else { return unknown(&workspace, &ask.lab) };
    let binary = match &ask.binary {
        Some(path) => match executable(path) {
            Ok(path) => Some(path),
            Err(why) => {
                anstream::eprintln!("cannot judge `{}`: {why}", path.display());
                return Ok(Exit::Usage);
            }
        },
        None => None,
    };
    // The solution's `verify` judges a foreign binary, so that a half-done lab of the reader's own does not stand in its way.
    let package = if ask.solution || binary.is_some() { lab.solution() } else { lab.starter() };
    let again = again(&lab, ask);
    let Some(verify) = Verify::build(&workspace, &package)? else {
        anstream::eprintln!("`{package}` does not compile: mend what cargo says above, then {again}");
        return Ok(Exit::Broken);
    };
    let report = workspace.report(binary.as_ref().map_or(package.as_str(), |_| "binary"));
    let style = if ask.json { "json" } else { "verdicts" };
    let command = verify.command(&Ask {
        binary: binary.as_deref(),
        only: &ask.only,
        style,
        again: &again,
        report: &report,
    });
    process::run(command).map(Exit::of)
}

/// The command that the reader typed, without `--only`.
fn again(lab: &Lab, ask: &Check) -> String {
    let subject = match &ask.binary {
        Some(path) => format!(" --binary {}", path.display()),
        None if ask.solution => " --solution".to_owned(),
        None => String::new(),
    };
    format!("cargo lab check {}{subject}", lab.number)
}

fn unknown(workspace: &Workspace, name: &str) -> Result<Exit, SetUp> {
    anstream::eprintln!("there is no lab `{name}`; there are");
    for lab in workspace.labs()? {
        anstream::eprintln!("  {}  {}", lab.number, lab.about.title);
    }
    Ok(Exit::Usage)
}

/// The whole path of a file that can be executed, or why it cannot.
fn executable(path: &Path) -> Result<PathBuf, String> {
    use std::os::unix::fs::PermissionsExt as _;
    let whole = path.canonicalize().map_err(|error| error.to_string())?;
    let about = whole.metadata().map_err(|error| error.to_string())?;
    if !about.is_file() {
        return Err("it is not a file".to_owned());
    }
    if about.permissions().mode() & 0o111 == 0 {
        return Err(format!("it is not executable: chmod +x {}", path.display()));
    }
    Ok(whole)
}
