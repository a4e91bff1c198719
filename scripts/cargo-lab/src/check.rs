//! `cargo lab check`: judge a lab.

mod terminal;
mod unit_tests;
pub mod wrong;

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use clap::Args;
use testbed::exit::Exit;
use testbed::report::{JSON, Report, Word};
use testbed::setup::SetUp;
use testbed::submission::Submission;
use testbed::suite::Request;

use crate::verify::{Verify, lanes_for_the_right};
use crate::workspace::{Lab, Workspace};
pub use terminal::Terminal;
use unit_tests::UnitTests;

/// What to judge.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab check 01                                   your own lab 01
  cargo lab check 01 --only create-then-read           one promise of it
  cargo lab check 01 --failed                          what was not kept the last time
  cargo lab check 03 --all                             what holds since the labs before, too
  cargo lab check 01 --wrong retry-storm               a mistake that others made, and what catches it
  cargo lab check 01 --solution                        the solution that comes with the book
  cargo lab check 01 --binary ./my-service             a service in any language (contract: labs/openapi.yaml)
  cargo lab check 04 --binary ./my-service --deploy ./deploy   the same, with its deploy files (contract: labs/stack.md)")]
pub struct Check {
    /// The lab's number: 00, 01, …
    pub lab: String,
    /// Judge the workbook's solution instead of your own code
    #[arg(long, conflicts_with = "binary")]
    pub solution: bool,
    /// Judge this executable
    #[arg(long, value_name = "PATH")]
    pub binary: Option<PathBuf>,
    /// The folder with the deploy files of that executable, from lab 04 on
    #[arg(long, value_name = "DIR", requires = "binary")]
    pub deploy: Option<PathBuf>,
    /// Judge the solution with a known mistake in it, by the check that catches it; an unknown name gives the list
    #[arg(long, value_name = "NAME", conflicts_with_all = ["solution", "binary", "failed"])]
    pub wrong: Option<String>,
    /// Run only this check (may be given more than once)
    #[arg(long, value_name = "CHECK", value_delimiter = ',')]
    pub only: Vec<String>,
    /// Run only the checks that were not kept when they were last judged
    #[arg(long, conflicts_with = "only")]
    pub failed: bool,
    /// Run also what holds since the labs before
    #[arg(long, conflicts_with_all = ["only", "wrong"])]
    pub all: bool,
    /// How many checks may run side by side, where they share nothing but the host (and one more, on services that it may
    /// hurt): quicker, and only for a quiet machine with a core for each [default: 1, with --solution one for each core,
    /// four at most]
    #[arg(long, value_name = "N")]
    pub lanes: Option<usize>,
    /// Print the report as JSON instead of verdicts
    #[arg(long)]
    pub json: bool,
}

impl Check {
    /// Whether it is the reader's own code, all of it, and a person reads what comes of it.
    fn is_of_the_whole_own_lab(&self) -> bool {
        let is_own = !self.solution && self.binary.is_none() && self.wrong.is_none();
        is_own && self.only.is_empty() && !self.failed && !self.json
    }

    /// What is not known to be right has the machine to itself: a mistake in it may take a whole core from the next check.
    fn lanes(&self) -> usize {
        self.lanes.unwrap_or_else(|| if self.solution { lanes_for_the_right() } else { 1 })
    }
}

/// Judges what was asked for and passes on how it ended.
pub fn run(ask: &Check) -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    let Some(lab) = workspace.lab(&ask.lab)? else { return unknown(&workspace, &ask.lab) };
    if let Some(name) = &ask.wrong {
        return wrong::run(&workspace, &lab, name, ask);
    }
    let subject = match Subject::of(&workspace, &lab, ask) {
        Ok(subject) => subject,
        Err(why) => {
            anstream::eprintln!("{why}");
            return Ok(Exit::Usage);
        }
    };
    let Some(verify) = Verify::build(&workspace, &subject.package)? else {
        anstream::eprintln!(
            "`{}` does not compile: mend what cargo says above, then {}",
            subject.package,
            subject.again
        );
        return Ok(Exit::Broken);
    };
    let only = match ask.failed {
        false => ask.only.clone(),
        true => match failed(&verify, ask.all, &subject.folder)? {
            open if open.is_empty() => {
                anstream::println!(
                    "every promise of lab {} was kept when it was last judged: {}",
                    lab.number,
                    subject.again
                );
                return Ok(Exit::Kept);
            }
            open => open,
        },
    };
    if ask.is_of_the_whole_own_lab() {
        let Some(tests) = UnitTests::run(&workspace, &lab)? else { return Ok(Exit::Interrupted) };
        anstream::println!("{}\n", tests.told(&lab));
    }
    let request = Request {
        submission: subject.submission,
        only,
        all: ask.all,
        again: subject.again,
        lanes: ask.lanes(),
        list: false,
    };
    let mut reader = Terminal::new(ask.json);
    let judged = verify.judge(&request, &mut reader, |_| {})?;
    if let Some(report) = &judged.report {
        let page = report.keep_in(&subject.folder)?;
        reader.close(report, &page)?;
    }
    Ok(judged.exit)
}

/// What is judged, and where its report is kept.
struct Subject {
    /// Whose `verify` program judges it. A foreign binary is judged by the solution's, so that a half-done lab of the
    /// reader's own does not stand in its way.
    package: String,
    submission: Option<(String, Submission)>,
    folder: PathBuf,
    /// The command that the reader typed, without the checks.
    again: String,
}

impl Subject {
    fn of(workspace: &Workspace, lab: &Lab, ask: &Check) -> Result<Subject, String> {
        let check = format!("cargo lab check {}", lab.number);
        let Some(path) = &ask.binary else {
            let (package, flag) =
                if ask.solution { (lab.solution(), " --solution") } else { (lab.starter(), "") };
            let folder = workspace.report(&package);
            return Ok(Subject { package, submission: None, folder, again: format!("{check}{flag}") });
        };
        let shown = path.display();
        let binary = executable(path).map_err(|why| format!("cannot judge `{shown}`: {why}"))?;
        let deploy = ask.deploy.as_deref().map(folder).transpose()?;
        let flag = ask.deploy.as_ref().map(|deploy| format!(" --deploy {}", deploy.display()));
        let again = format!("{check} --binary {shown}{}", flag.unwrap_or_default());
        let submission = Submission { binary, deploy };
        let folder = workspace.report(&foreign(lab, &submission));
        let submission = Some((shown.to_string(), submission));
        Ok(Subject { package: lab.solution(), submission, folder, again })
    }
}

/// A folder's name for the report on a foreign binary: two of one name do not meet, nor does one with two sets of deploy files.
fn foreign(lab: &Lab, Submission { binary, deploy }: &Submission) -> String {
    let mut hasher = DefaultHasher::new();
    (binary, deploy).hash(&mut hasher);
    let name = binary.file_name().unwrap_or_default().to_string_lossy();
    format!("binary-{}-{name}-{:08x}", lab.number, hasher.finish() as u32)
}

/// The checks that were not kept when they were last judged, or never judged.
fn failed(verify: &Verify, all: bool, folder: &Path) -> Result<Vec<String>, SetUp> {
    let known = Report::read(&folder.join(JSON)).map(|report| report.checks).unwrap_or_default();
    let is_kept = |name: &str| known.iter().any(|check| check.name == name && check.verdict == Word::Kept);
    let open = verify.list(all)?.into_iter().map(|listed| listed.name).filter(|name| !is_kept(name));
    Ok(open.collect())
}

/// Says that there is no lab `name`, and which there are.
pub fn unknown(workspace: &Workspace, name: &str) -> Result<Exit, SetUp> {
    anstream::eprintln!("there is no lab `{name}`; there are");
    for lab in workspace.labs()? {
        anstream::eprintln!("  {}  {}", lab.number, lab.about.title);
    }
    Ok(Exit::Usage)
}

/// The whole path of a folder, or why there is none.
pub fn folder(path: &Path) -> Result<PathBuf, String> {
    let wrong = |why: &str| format!("cannot read deploy files in `{}`: {why}", path.display());
    let whole = path.canonicalize().map_err(|error| wrong(&error.to_string()))?;
    if whole.is_dir() { Ok(whole) } else { Err(wrong("it is not a folder")) }
}

/// The whole path of a file that can be executed, or why it cannot.
pub fn executable(path: &Path) -> Result<PathBuf, String> {
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
