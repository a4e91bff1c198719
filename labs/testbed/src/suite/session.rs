//! A run of a suite from its start to its exit code.

use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::StreamExt as _;
use futures_util::stream;
use libtest_mimic::{Arguments, Failed, Trial};
use time::OffsetDateTime;

use super::Suite;
use super::judge::judge;
use super::request::{Options, Request};
use super::stage::{ClearAfterPanic, Stage};
use crate::progress::{Progress, Voice};
use crate::report::{Began, CheckReport, Ended, Event, Report, Word, text};
use crate::services::Services;
use crate::setup::SetUp;

/// The exit code for a fault of the set-up.
const SET_UP: u8 = 3;

/// How often a check is tried that says nothing.
const TRIES: u32 = 3;
/// A check that took longer, in seconds, hung: it will hang again.
const WORTH_ANOTHER: f64 = 60.0;

pub(super) fn run(suite: Suite) -> ExitCode {
    let request = match Request::of_environment() {
        Ok(request) => request,
        Err(error) => return fault(&error),
    };
    let options = Options::of(&suite, request.as_ref());
    let began = began(&suite, &options);
    if request.as_ref().is_some_and(|request| request.list) {
        Event::Began(began).tell();
        return ExitCode::SUCCESS;
    }
    if request.is_none() && Arguments::from_args().list {
        let trials = suite.checks.iter().map(|check| Trial::test(check.name, || Ok(()))).collect();
        return libtest_mimic::run(&Arguments::from_args(), trials).exit_code();
    }
    if let Some(unknown) = options.unknown(&suite) {
        let names: Vec<&str> = suite.checks.iter().map(|check| check.name).collect();
        anstream::eprintln!(
            "lab {} has no check `{unknown}`; it has\n  {}",
            suite.number,
            names.join("\n  ")
        );
        return ExitCode::from(2);
    }
    let runtime = match tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return fault(&SetUp::from_cause("start the test-bed's runtime", error)),
    };
    // What is dropped on the way out, after a panic too, may need the runtime.
    let _inside = runtime.enter();
    let stage = match Stage::open(runtime.handle().clone(), !suite.needs.is_empty()) {
        Ok(stage) => stage,
        Err(error) => return fault(&error),
    };
    let _last = ClearAfterPanic(stage.clone());
    let teller = Teller { events: request.is_some() };
    teller.tell(|| Event::Began(began.clone()));
    teller.progress("", "starting the services");
    let started = Instant::now();
    let services = match stage.block_on(Services::start(suite.needs)) {
        Ok(services) => Arc::new(services),
        Err(error) => {
            teller.clear();
            return fault(&stage.clear().err().unwrap_or(error));
        }
    };
    let session = Arc::new(Session { suite, options, stage, services, teller, done: Mutex::default() });
    let tests = match request {
        None => Some(as_tests(&session)),
        Some(_) => {
            session.stage.block_on(session.in_lanes());
            None
        }
    };
    let code = close(&session, began, started, tests);
    // Nothing of ours is left to wait for; what a check may have left hanging must not hold up the end.
    drop(session);
    runtime.shutdown_background();
    code
}

fn began(suite: &Suite, options: &Options) -> Began {
    Began {
        lab: suite.number.to_owned(),
        title: suite.title.to_owned(),
        subject: options.subject.clone(),
        at: OffsetDateTime::now_utc(),
        checks: suite.checks.iter().map(|check| suite.listed(check)).collect(),
    }
}

/// Tells what happens: as events where somebody asked for them, else as a person reads it.
#[derive(Clone, Copy)]
struct Teller {
    events: bool,
}

impl Teller {
    fn tell(self, event: impl FnOnce() -> Event) {
        if self.events {
            event().tell();
        }
    }

    fn progress(self, check: &str, text: &str) {
        match self.events {
            true => Event::Progress { check: check.to_owned(), text: text.to_owned() }.tell(),
            false if check.is_empty() => Progress::detect().show(text),
            false => Progress::detect().show(&format!("{check}: {text}")),
        }
    }

    fn clear(self) {
        if !self.events {
            Progress::detect().clear();
        }
    }

    fn voice(self, check: &'static str) -> Voice {
        Voice::to(move |text| self.progress(check, text))
    }
}

/// Everything that the checks of one run share.
struct Session {
    suite: Suite,
    options: Options,
    stage: Stage,
    services: Arc<Services>,
    teller: Teller,
    done: Mutex<Vec<CheckReport>>,
}

impl Session {
    /// Judges the check at `index` and keeps its report. A check that said nothing is tried again: a moment's noise on the
    /// host must not decide.
    async fn judge(&self, index: usize) -> CheckReport {
        let check = &self.suite.checks[index];
        let mut tries = 0;
        let report = loop {
            tries += 1;
            let voice = self.teller.voice(check.name);
            let report = judge(&self.suite, check, &self.options, &self.services, voice).await;
            let says_nothing = report.verdict == Word::Inconclusive && report.seconds <= WORTH_ANOTHER;
            if !says_nothing || tries == TRIES {
                break CheckReport { tries, ..report };
            }
        };
        self.teller.clear();
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(report.clone());
        report
    }

    /// Judges the chosen checks and tells each verdict when it is there: first those that may run side by side, then each of
    /// the others alone. A fault of the set-up ends the run.
    async fn in_lanes(&self) {
        let chosen =
            (0..self.suite.checks.len()).filter(|at| self.options.wants(self.suite.checks[*at].name));
        let (alone, beside): (Vec<usize>, Vec<usize>) = chosen.partition(|at| self.suite.checks[*at].alone);
        for (lanes, checks) in [(self.options.lanes, beside), (1, alone)] {
            let mut ended = stream::iter(checks).map(|at| self.judge(at)).buffered(lanes);
            while let Some(report) = ended.next().await {
                let is_fault = report.verdict == Word::SetUp;
                self.teller.tell(|| Event::Verdict(Box::new(report)));
                if is_fault {
                    return;
                }
            }
        }
    }
}

/// Runs the checks as `cargo test` runs tests, one at a time: each has the machine to itself.
fn as_tests(session: &Arc<Session>) -> ExitCode {
    let trials = (0..session.suite.checks.len()).map(|index| {
        let session = session.clone();
        Trial::test(session.suite.checks[index].name, move || {
            let report = session.stage.block_on(session.judge(index));
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

/// Removes what the run started, tells its end, and where it was a test writes the report.
fn close(session: &Session, began: Began, started: Instant, tests: Option<ExitCode>) -> ExitCode {
    let Session { suite, stage, services, done, teller, .. } = session;
    let ended = Ended {
        seconds: started.elapsed().as_secs_f64(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        services: services.used(),
    };
    if let Err(error) = stage.clear() {
        return fault(&error);
    }
    let checks = std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner));
    teller.tell(|| Event::Ended(ended.clone()));
    let report = Report::of(began, checks, ended);
    match tests {
        None => ExitCode::from(report.exit_code()),
        Some(code) => match report.keep_in(&suite.report_folder()) {
            Ok(_) => code,
            Err(error) => fault(&error),
        },
    }
}

fn fault(error: &SetUp) -> ExitCode {
    anstream::eprintln!("{error}");
    ExitCode::from(SET_UP)
}
