//! Load against a subject, recorded for the report, and, where it is of posts, for the ledger.

use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::interval;

use super::Bed;
use crate::load::{self, Counts, Load, Outcomes, Running, Schedule, Traffic};
use crate::report::{Figure, Timeline};
use crate::subject::Subject;
use crate::verdict::{Observed, Stop, promise};
use crate::wait;

/// Longer than any deadline a check sets: a request that has no answer by then is counted as timed out.
const PATIENCE: Duration = Duration::from_secs(5);

/// When so many requests have ended and none was accepted, none will be: no check needs to wait for the end of its schedule.
const HOPELESS: u64 = 30;
/// Longer than any schedule.
const LONGEST: Duration = Duration::from_secs(120);

/// A load of requests, to be shaped before it starts.
#[must_use]
pub struct Requests<T> {
    bed: Bed,
    target: SocketAddr,
    schedule: Schedule,
    label: String,
    capacity: Option<f64>,
    patience: Duration,
    run: String,
    traffic: T,
}

/// A load of posts, to be shaped before it starts.
pub type Posts = Requests<load::Posts>;

impl Bed {
    /// Posts at the moments of `schedule`, each with a content of its own.
    pub fn posts(&self, service: &Subject, schedule: Schedule) -> Posts {
        let run = self.new_run();
        let traffic = load::posts(&run, 40);
        Requests::new(self, service, schedule, run, traffic)
    }
}

impl Posts {
    /// Each post as long as the contract allows: 10,000 characters, of three bytes each.
    pub fn heavy(mut self) -> Self {
        self.traffic = load::posts(&self.run, 10_000).heavy();
        self
    }
}

impl<T: Traffic> Requests<T> {
    pub(super) fn new(bed: &Bed, service: &Subject, schedule: Schedule, run: String, traffic: T) -> Self {
        let (bed, target, label) = (bed.clone(), service.addr(), bed.shared.check.clone());
        Requests { bed, target, schedule, label, capacity: None, patience: PATIENCE, run, traffic }
    }

    /// What the report calls this run.
    pub fn label(mut self, label: &str) -> Self {
        self.label = label.to_owned();
        self
    }

    /// The capacity that the check set by construction, in requests a second, for the figure.
    pub fn capacity(mut self, per_second: f64) -> Self {
        self.capacity = Some(per_second);
        self
    }

    /// How long a client waits for its answer, from its send, before it hangs up. Five seconds unless set.
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Begins to send.
    pub fn start(self) -> PostsRun {
        let Requests { bed, target, schedule, label, capacity, patience, run, traffic } = self;
        // Loads of one check, side by side, are told apart by their labels.
        let described = if label == bed.shared.check { schedule.to_string() } else { label.clone() };
        let running = Load::new(target, schedule, traffic).timeout(patience).start();
        let ticker = tell_each_second(bed.voice(), described, running.watcher());
        PostsRun { bed, running, run, label, capacity, ticker }
    }
}

/// Tells the counts once a second while the load runs. Ends when it is dropped.
struct Ticker(JoinHandle<()>);

impl Drop for Ticker {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Holds no bed: the task may outlive the check by a moment.
fn tell_each_second(
    says: impl Fn(String) + Send + 'static,
    described: String,
    counts: impl Fn() -> Counts + Send + 'static,
) -> Ticker {
    Ticker(tokio::spawn(async move {
        let mut ticks = interval(Duration::from_secs(1));
        ticks.tick().await;
        for second in 1.. {
            ticks.tick().await;
            let Counts {
                accepted,
                refused,
                in_flight,
                timed_out,
                reset,
                connection_refused,
                other_status,
                ..
            } = counts();
            let failed = timed_out + reset + connection_refused + other_status;
            says(format!(
                "{second:>3} s  {described}  accepted {accepted}  refused {refused}  failed {failed}  in flight {in_flight}"
            ));
        }
    }))
}

/// A load under way. Dropping it stops everything at once.
pub struct PostsRun {
    bed: Bed,
    running: Running,
    run: String,
    label: String,
    capacity: Option<f64>,
    ticker: Ticker,
}

impl PostsRun {
    /// Waits until `count` requests were accepted.
    ///
    /// # Errors
    /// When that cannot happen any more: then the service does not even take requests at this rate.
    pub async fn accepted(&self, count: usize) -> Result<(), Stop> {
        let hopeless = wait::until(LONGEST, async || {
            let counts = self.counts();
            (counts.accepted == 0 && counts.ended() >= HOPELESS).then_some(())
        });
        let reached = tokio::select! {
            reached = self.running.accepted(count) => reached,
            Some(()) = hopeless => false,
        };
        if reached {
            return Ok(());
        }
        let counts = self.running.counts();
        Err(promise(format!("the service accepts {count} of {} requests", counts.scheduled))
            .observed(counts)
            .likely(
                counts.reset > counts.accepted,
                "the handler ends without an answer",
                "look at the service's stderr",
            )
            .likely(
                counts.refused > counts.accepted,
                "the service refuses work that it has room for",
                "look at what the admission counts, and when it gives a place back",
            )
            .likely(
                counts.timed_out > counts.accepted,
                "a request waits for something that never comes",
                "give every wait a deadline",
            )
            .is_broken())
    }

    /// What happened until now.
    pub fn counts(&self) -> Counts {
        self.running.counts()
    }

    /// How long the load has been running.
    pub fn elapsed(&self) -> Duration {
        self.running.elapsed()
    }

    /// Sends no more, waits for what is under way, and reckons.
    pub async fn stop(self) -> Result<PostsOutcome, Stop> {
        let PostsRun { bed, running, run, label, capacity, ticker } = self;
        let outcomes = running.stop().await;
        drop(ticker);
        PostsOutcome::record(&bed, outcomes, run, label, capacity)
    }

    /// Sends to the end of the schedule, waits for what is under way, and reckons.
    pub async fn finish(self) -> Result<PostsOutcome, Stop> {
        let PostsRun { bed, running, run, label, capacity, ticker } = self;
        let outcomes = running.finish().await;
        drop(ticker);
        PostsOutcome::record(&bed, outcomes, run, label, capacity)
    }
}

/// What a load came to.
pub struct PostsOutcome {
    outcomes: Outcomes,
    run: String,
}

impl PostsOutcome {
    /// # Errors
    /// A run that the host could not drive says nothing: inconclusive.
    fn record(
        bed: &Bed,
        outcomes: Outcomes,
        run: String,
        label: String,
        capacity: Option<f64>,
    ) -> Result<Self, Stop> {
        bed.add_timeline(Timeline::of(label, capacity, &outcomes));
        match outcomes.void() {
            Some(reason) => Err(Stop::Inconclusive(reason)),
            None => Ok(PostsOutcome { outcomes, run }),
        }
    }

    /// The name of this run, which its contents carry.
    pub(super) fn run(&self) -> &str {
        &self.run
    }
}

/// The run and the number of the request that made `content`: `post {run}-{number} …`.
pub(super) fn origin(content: &str) -> Option<(&str, usize)> {
    let (run, rest) = content.strip_prefix("post ")?.split_once('-')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((run, rest[..end].parse().ok()?))
}

impl Deref for PostsOutcome {
    type Target = Outcomes;

    fn deref(&self) -> &Outcomes {
        &self.outcomes
    }
}

impl Observed for Counts {
    fn figures(&self) -> Vec<Figure> {
        let rest = [
            ("refused", self.refused),
            ("other status", self.other_status),
            ("timed out", self.timed_out),
            ("connection refused", self.connection_refused),
            ("reset", self.reset),
            ("unsent", self.unsent),
        ];
        let mut figures =
            vec![Figure::count("offered", self.scheduled), Figure::count("accepted", self.accepted)];
        figures.extend(
            rest.into_iter().filter(|(_, count)| *count > 0).map(|(name, count)| Figure::count(name, count)),
        );
        figures
    }
}
