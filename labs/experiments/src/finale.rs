//! `cargo lab run finale`: one stress test on every stage of the story. At each stage something else fails first, and at the last
//! nothing does.

mod cause;
mod seen;
mod stage;
mod told;

use std::sync::Arc;
use std::time::Duration;

use testbed::bed::Bed;
use testbed::images::Service;
use testbed::progress::{Progress, Voice};
use testbed::services::Services;
use testbed::submission::Submission;
use testbed::verdict::{Stop, promise};

use crate::findings::Findings;
use seen::Seen;
pub use stage::{Files, STAGES, Stage};

/// Its name, as a reader types it.
pub const NAME: &str = "finale";
/// What it shows, in a line.
pub const SHOWS: &str = "one stress test on every stage: what fails first at each, and what mends it";
/// How often a stage is tried whose run says nothing, as when the host is busy.
const TRIES: usize = 3;

/// How long the stress test lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Size {
    /// As the text tells of it.
    Whole,
    /// Long enough for each stage to fail, for CI.
    Short,
}

impl Size {
    fn length(self) -> Duration {
        match self {
            Size::Whole => Duration::from_secs(15),
            Size::Short => Duration::from_secs(4),
        }
    }
}

/// A stage with the program and the files that stand for it.
pub struct Entered {
    /// Which one.
    pub stage: &'static Stage,
    /// What runs.
    pub submission: Submission,
}

/// A stage that did not come to its stress test, and why. Nothing after it was run.
pub struct Ended {
    /// Which one.
    pub stage: &'static Stage,
    /// Why, in a clause.
    pub why: String,
}

/// Puts each stage under the same load, one after the other. With `own` the programs are the reader's: a stage that does not start ends
/// the run, and the stages before it count. `ended` is a stage that could not even be entered.
///
/// # Errors
/// A fault of the set-up, a host that could not carry the load, and, without `own`, a stage that does not start.
pub async fn run(
    entered: Vec<Entered>,
    mut ended: Option<Ended>,
    own: bool,
    size: Size,
    progress: Progress,
) -> Result<Findings, Stop> {
    if entered.is_empty() {
        return Ok(told::findings(&[], ended.as_ref()));
    }
    progress.show(&format!("{NAME}: starting PostgreSQL and RabbitMQ in containers"));
    let services = Arc::new(Services::start(&[Service::Postgres, Service::RabbitMq]).await?);
    let mut all = Vec::new();
    for Entered { stage, submission } in entered {
        let voice = Voice::to(move |text| progress.show(&format!("{}: {text}", stage.lab)));
        match tried(stage, &submission, &services, size, &voice).await {
            Ok(seen) => all.push((stage, seen)),
            Err(Stop::Broken(broken)) if own => {
                let why = broken.likely.unwrap_or(broken.promised);
                ended = Some(Ended { stage, why });
                break;
            }
            Err(stop) => return Err(stop),
        }
    }
    if let Some(services) = Arc::into_inner(services) {
        services.stop().await?;
    }
    Ok(told::findings(&all, ended.as_ref()))
}

/// The stress test on one stage, once more where it said nothing.
async fn tried(
    stage: &Stage,
    submission: &Submission,
    services: &Arc<Services>,
    size: Size,
    voice: &Voice,
) -> Result<Seen, Stop> {
    let mut tries = 1;
    loop {
        let bed = Bed::make(NAME, submission.clone(), services.clone(), voice.clone()).await?;
        let ended = on(stage, &bed, size).await;
        if ended.is_ok() {
            bed.clear().await?;
        }
        match ended {
            Err(Stop::Inconclusive(why)) if tries < TRIES => voice.says(&format!("once more, since {why}")),
            ended => return ended,
        }
        tries += 1;
    }
}

async fn on(stage: &Stage, bed: &Bed, size: Size) -> Result<Seen, Stop> {
    let voices = bed.voices().clone();
    tokio::select! {
        biased;
        seen = seen::stress(stage, bed, size.length()) => seen,
        // What is not written yet answers nothing, and is never waited for.
        hole = voices.until_hole() => Err(promise("the stage serves")
            .likely(true, format!("a hole is still open: \"{}\" ({})", hole.text, hole.at), "fill it")
            .is_broken()),
    }
}
