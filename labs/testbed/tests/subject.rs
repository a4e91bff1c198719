//! The process under test: its start, its ends, its limits, its words, its memory.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use testbed::answer::Answer;
use testbed::endpoint::Endpoint as _;
use testbed::setup::SetUp;
use testbed::subject::{Launch, Patience, Stderr, Subject};
use testbed::verdict::{Broken, Stop};
use testbed::wait;

#[path = "subject/ends.rs"]
mod ends;
#[path = "subject/start.rs"]
mod start;
#[path = "subject/words.rs"]
mod words;

/// Far longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);

/// The tiny service with one vice.
fn tiny(vice: &str) -> Launch {
    Launch {
        binary: env!("CARGO_BIN_EXE_testbed-tiny-service").into(),
        arguments: Vec::new(),
        environment: [("TINY".to_owned(), vice.to_owned())].into(),
        nofile: None,
    }
}

async fn start(launch: Launch) -> Result<Subject, Stop> {
    Subject::start(launch, Stderr::default()).await
}

fn broken<T>(result: Result<T, Stop>) -> Broken {
    match result {
        Err(Stop::Broken(broken)) => *broken,
        Err(other) => panic!("expected a broken promise, got {other:?}"),
        Ok(_) => panic!("expected a broken promise, and all is well"),
    }
}

fn fault<T>(result: Result<T, Stop>) -> SetUp {
    match result {
        Err(Stop::SetUp(fault)) => fault,
        Err(other) => panic!("expected a fault of the set-up, got {other:?}"),
        Ok(_) => panic!("expected a fault of the set-up, and all is well"),
    }
}

fn observed(broken: &Broken) -> String {
    broken.observed.iter().map(|figure| format!("{figure}\n")).collect()
}

/// Whether a process is there and not a zombie.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with('Z'))
}

/// Posts once to a service that starts a child for each post: the child's id.
async fn child(subject: &Subject) -> u32 {
    let answer = post(subject).await.unwrap();
    String::from_utf8(answer.body).unwrap().parse().unwrap()
}

/// `POST /`: what the tiny service has its vices in.
async fn post(subject: &Subject) -> Result<Answer, Stop> {
    subject.ask("POST".parse().unwrap(), "/").send().await
}

/// Whether the service answers that it is well.
async fn is_well(subject: &Subject) -> bool {
    subject.get("/health").send().await.unwrap().status == 200
}
