//! A run of a lab from its start to its exit code.

use std::path::Path;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use libtest_mimic::{Arguments, Failed, Trial};
use time::OffsetDateTime;

use super::Lab;
use super::judge::judge;
use super::options::{MANIFEST, Options, Style};
use crate::exit::Exit;
use crate::progress::Progress;
use crate::report::{CheckReport, Report, Word, text};
use crate::run::Run;
use crate::services::Services;
use crate::setup::SetUp;

/// How often a check is tried that says nothing.
const TRIES: usize = 3;
/// A check that took longer, in seconds, hung: it will hang again.
const WORTH_ANOTHER: f64 = 60.0;

pub(super) fn run(lab: Lab) -> ExitCode {
    if std::env::var_os(MANIFEST).is_some() {
        return manifest(&lab);
    }
    let options = Options::of(&lab);
    if options.style == Style::Test && Arguments::from_args().list {
        let trials = lab.checks.iter().map(|check| Trial::test(check.name, || Ok(()))).collect();
        return libtest_mimic::run(&Arguments::from_args(), trials).exit_code();
    }
    if let Err(unknown) = known_names(&lab, &options) {
        anstream::eprintln!("{unknown}");
        return Exit::Usage.into();
    }
    let held = Run::hold(!lab.needs.is_empty(), |run| judge_all(run, lab, options));
    held.unwrap_or_else(|error| fault(&error))
}

fn judge_all(run: &Run, lab: Lab, options: Options) -> Result<ExitCode, SetUp> {
    let started = (OffsetDateTime::now_utc(), Instant::now());
    let progress = Progress::detect();
    progress.show("starting the services");
    let services = run.block_on(Services::start(lab.needs)).inspect_err(|_| progress.clear())?;
    let (run, services, done) = (run.clone(), Arc::new(services), Mutex::default());
    let session = Arc::new(Session { lab, options, run, services, progress, done });
    let style_code = match session.options.style {
        Style::Test => Some(as_tests(&session)),
        Style::Verdicts | Style::Json => {
            session.each_in_turn();
            None
        }
    };
    close(&session, started, style_code)
}

/// Everything that the checks of one run share.
struct Session {
    lab: Lab,
    options: Options,
    run: Run,
    services: Arc<Services>,
    progress: Progress,
    done: Mutex<Vec<CheckReport>>,
}

impl Session {
    /// Judges the check at `index` and keeps its report. A check that said nothing is tried again: a moment's noise on the
    /// host must not decide.
    fn judge(&self, index: usize) -> CheckReport {
        let check = &self.lab.checks[index];
        let judge_once =
            || self.run.block_on(judge(&self.lab, check, &self.options, &self.services, self.progress));
        let mut report = judge_once();
        for _ in 1..TRIES {
            if report.verdict != Word::Inconclusive || report.seconds > WORTH_ANOTHER {
                break;
            }
            report = judge_once();
        }
        self.progress.clear();
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(report.clone());
        report
    }

    /// Judges the chosen checks, telling each verdict when it is there. A fault of the set-up ends the run.
    fn each_in_turn(&self) {
        for index in 0..self.lab.checks.len() {
            let name = self.lab.checks[index].name;
            if self.options.only.as_ref().is_some_and(|only| !only.iter().any(|wanted| wanted == name)) {
                continue;
            }
            let report = self.judge(index);
            if self.options.style == Style::Verdicts {
                anstream::print!("{}", text::verdict(&report));
            }
            if report.verdict == Word::SetUp {
                return;
            }
        }
    }
}

/// Runs the checks as `cargo test` runs tests, one at a time: each has the machine to itself.
fn as_tests(session: &Arc<Session>) -> ExitCode {
    let trials = (0..session.lab.checks.len()).map(|index| {
        let session = session.clone();
        Trial::test(session.lab.checks[index].name, move || {
            let report = session.judge(index);
            match report.verdict {
                Word::Kept => Ok(()),
                _ => Err(Failed::from(anstream::adapter::strip_str(&text::verdict(&report)).to_string())),
            }
        })
    });
    let trials = trials.collect();
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// Writes the report and tells the summary.
fn close(
    session: &Session,
    started: (OffsetDateTime, Instant),
    tests: Option<ExitCode>,
) -> Result<ExitCode, SetUp> {
    let Session { lab, options, services, done, .. } = session;
    let report = Report {
        lab: lab.number.to_owned(),
        title: lab.title.to_owned(),
        subject: options.subject.clone(),
        started_at: started.0,
        seconds: started.1.elapsed().as_secs_f64(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        services: services.used(),
        checks: std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner)),
    };
    let page = report.write(&options.report)?;
    match options.style {
        Style::Test => return Ok(tests.unwrap_or(ExitCode::SUCCESS)),
        Style::Verdicts => {
            anstream::println!("\n{}\nreport {}", text::summary(&report), near(&page).display());
        }
        Style::Json => {
            let json = serde_json::to_string_pretty(&report);
            println!("{}", json.map_err(|error| SetUp::from_cause("print the report", error))?);
        }
    }
    Ok(report.exit().into())
}

/// A path as a reader in this folder would type it.
fn near(path: &Path) -> &Path {
    let here = std::env::current_dir().unwrap_or_default();
    path.strip_prefix(here).unwrap_or(path)
}

fn known_names(lab: &Lab, options: &Options) -> Result<(), String> {
    let names: Vec<&str> = lab.checks.iter().map(|check| check.name).collect();
    for wanted in options.only.iter().flatten() {
        if !names.contains(&wanted.as_str()) {
            let known = names.join("\n  ");
            return Err(format!("lab {} has no check `{wanted}`; it has\n  {known}", lab.number));
        }
    }
    Ok(())
}

fn manifest(lab: &Lab) -> ExitCode {
    let checks = lab
        .checks
        .iter()
        .map(|check| serde_json::json!({"name": check.name, "title": check.title, "read": lab.read(check)}));
    println!(
        "{}",
        serde_json::json!({"lab": lab.number, "title": lab.title, "checks": checks.collect::<Vec<_>>()})
    );
    ExitCode::SUCCESS
}

fn fault(error: &SetUp) -> ExitCode {
    anstream::eprintln!("{error}");
    Exit::SetUp.into()
}
