//! A run of a suite from its start to its exit code.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use futures_util::stream::{self, Stream, StreamExt as _};
use libtest_mimic::{Arguments, Failed, Trial};
use time::OffsetDateTime;

use super::judge::judge;
use super::lanes::Lanes;
use super::request::{Options, Request};
use super::{Check, Suite};
use crate::descriptors;
use crate::exit::Exit;
use crate::progress::{Progress, Voice};
use crate::report::{Began, CheckReport, Ended, Event, Report, Word, text};
use crate::run::Run;
use crate::services::Services;
use crate::setup::SetUp;

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
        return Exit::Usage.into();
    }
    // For hundreds of clients and their paths, each with two ends in this process.
    descriptors::raise();
    let teller = Teller { events: request.is_some() };
    let held = Run::hold(!suite.needs.is_empty(), |run| judge_all(run, suite, options, began, teller));
    match held {
        // The run's own things are gone by now: its end is told when it is true.
        Ok(Held { code, ended }) => {
            teller.tell(|| Event::Ended(ended));
            code
        }
        Err(error) => fault(&error),
    }
}

/// What came of a run that was held to its end.
struct Held {
    code: ExitCode,
    ended: Ended,
}

fn judge_all(run: &Run, suite: Suite, options: Options, began: Began, teller: Teller) -> Result<Held, SetUp> {
    teller.tell(|| Event::Began(began.clone()));
    teller.progress("", "starting the services");
    let started = Instant::now();
    let lanes = Lanes::of(&suite, &options);
    let second = async {
        match lanes.hurting.is_empty() {
            true => Ok(None),
            false => Services::start_own(suite.needs).await.map(Arc::new).map(Some),
        }
    };
    let services = async { Services::start(suite.needs).await.map(Arc::new) };
    let started_all = run.block_on(async { tokio::try_join!(services, second) });
    let (services, second) = started_all.inspect_err(|_| teller.clear())?;
    let (run, done) = (run.clone(), Mutex::default());
    let session = Arc::new(Session { suite, options, run, services, second, teller, done });
    let tests = match teller.events {
        false => Some(as_tests(&session)),
        true => {
            session.run.block_on(session.in_lanes(&lanes));
            None
        }
    };
    close(&session, began, started, tests)
}

fn began(suite: &Suite, options: &Options) -> Began {
    Began {
        lab: suite.number.to_owned(),
        title: suite.title.to_owned(),
        subject: options.subject.clone(),
        at: OffsetDateTime::now_utc(),
        checks: suite.checks.iter().filter(|check| options.counts(check)).map(Check::listed).collect(),
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
    run: Run,
    services: Arc<Services>,
    /// For the checks that hurt them, where others run meanwhile.
    second: Option<Arc<Services>>,
    teller: Teller,
    done: Mutex<Vec<CheckReport>>,
}

impl Session {
    /// Judges the check at `index` on these services, and keeps its report. A check that said nothing is tried again: a moment's noise on the
    /// host must not decide.
    async fn judge(&self, index: usize, services: &Arc<Services>) -> CheckReport {
        let check = &self.suite.checks[index];
        let mut tries = 0;
        let report = loop {
            tries += 1;
            let voice = self.teller.voice(check.name);
            let report = judge(&self.suite, check, &self.options, services, voice).await;
            let says_nothing = report.verdict == Word::Inconclusive && report.seconds <= WORTH_ANOTHER;
            if !says_nothing || tries == TRIES {
                break CheckReport { tries, ..report };
            }
        };
        self.teller.clear();
        self.done.lock().unwrap_or_else(PoisonError::into_inner).push(report.clone());
        report
    }

    /// Judges the chosen checks: first those that bear company, then each of the others alone. A fault of the set-up ends the run.
    async fn in_lanes(&self, lanes: &Lanes) {
        let judged = async |services: &Arc<Services>, at| (at, self.judge(at, services).await);
        let shared = stream::iter(&lanes.shared).map(|at| judged(&self.services, *at));
        let second = self.second.as_ref().unwrap_or(&self.services);
        let hurting = stream::iter(&lanes.hurting).then(|at| judged(second, *at));
        let beside = stream::select(shared.buffer_unordered(self.options.lanes), hurting);
        let alone = stream::iter(&lanes.alone).then(|at| judged(&self.services, *at));
        if self.told(&lanes.beside(), beside).await {
            self.told(&lanes.alone, alone).await;
        }
    }

    /// Tells verdicts in the order of the suite, each as soon as those before it are there, whichever lane was quicker. Whether all
    /// were told: a fault of the set-up is the last.
    async fn told(&self, order: &[usize], judged: impl Stream<Item = (usize, CheckReport)>) -> bool {
        let mut judged = std::pin::pin!(judged);
        let mut untold = BTreeMap::new();
        let mut order = order.iter().peekable();
        while let Some((at, report)) = judged.next().await {
            untold.insert(at, report);
            while let Some(report) = order.peek().and_then(|next| untold.remove(*next)) {
                order.next();
                let is_fault = report.verdict == Word::SetUp;
                self.teller.tell(|| Event::Verdict(Box::new(report)));
                if is_fault {
                    return false;
                }
            }
        }
        true
    }
}

/// Runs the checks as `cargo test` runs tests, one at a time: each has the machine to itself.
fn as_tests(session: &Arc<Session>) -> ExitCode {
    let trials = (0..session.suite.checks.len()).map(|index| {
        let session = session.clone();
        Trial::test(session.suite.checks[index].name, move || {
            let report = session.run.block_on(session.judge(index, &session.services));
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

/// Writes the report where it was a test.
fn close(session: &Session, began: Began, started: Instant, tests: Option<ExitCode>) -> Result<Held, SetUp> {
    let Session { suite, services, done, .. } = session;
    let ended = Ended {
        seconds: started.elapsed().as_secs_f64(),
        cores: std::thread::available_parallelism().map_or(1, usize::from),
        services: services.used(),
    };
    let checks = std::mem::take(&mut *done.lock().unwrap_or_else(PoisonError::into_inner));
    let report = Report::of(began, checks, ended.clone());
    let code = match tests {
        None => report.exit().into(),
        Some(code) => {
            report.keep_in(&suite.report_folder())?;
            code
        }
    };
    Ok(Held { code, ended })
}

fn fault(error: &SetUp) -> ExitCode {
    anstream::eprintln!("{error}");
    Exit::SetUp.into()
}
