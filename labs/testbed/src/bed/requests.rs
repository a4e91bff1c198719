//! Load against an endpoint, recorded for the report and, where its requests leave rows, for the ledger.

use std::net::SocketAddr;
use std::ops::Deref;
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::interval;

use super::Bed;
use crate::endpoint::Endpoint;
use crate::fact::Fact;
use crate::load::{Counts, Gets, Load, Outcome, Outcomes, Running, Schedule, Traffic, gets};
use crate::progress::Voice;
use crate::report::Timeline;
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
    repeats: bool,
    clients: usize,
    run: String,
    traffic: T,
}

impl Bed {
    /// Requests at the moments of `schedule`. `traffic` is given the name of the run, which tells what its requests leave
    /// behind from what those of another leave.
    pub fn load<T: Traffic>(
        &self,
        endpoint: &(impl Endpoint + ?Sized),
        schedule: Schedule,
        traffic: impl FnOnce(&str) -> T,
    ) -> Requests<T> {
        let run = self.new_run();
        let (bed, target, label) = (self.clone(), endpoint.addr(), self.name().to_owned());
        let traffic = traffic(&run);
        let (capacity, patience, repeats, clients) = (None, PATIENCE, false, 0);
        Requests { bed, target, schedule, label, capacity, patience, repeats, clients, run, traffic }
    }

    /// `GET path` at the moments of `schedule`. The path carries its query, percent-encoded.
    ///
    /// # Panics
    /// When `path` is no path.
    pub fn gets(
        &self,
        endpoint: &(impl Endpoint + ?Sized),
        path: &str,
        schedule: Schedule,
    ) -> Requests<Gets> {
        self.load(endpoint, schedule, |_| gets(path))
    }
}

impl<T: Traffic> Requests<T> {
    /// Changes what is sent. `change` is given the name of the run as well.
    pub fn with<U: Traffic>(self, change: impl FnOnce(&str, T) -> U) -> Requests<U> {
        let Requests { bed, target, schedule, label, capacity, patience, repeats, clients, run, traffic } =
            self;
        let traffic = change(&run, traffic);
        Requests { bed, target, schedule, label, capacity, patience, repeats, clients, run, traffic }
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

    /// The clients repeat what they had sent on a connection that is closed before anything of the answer has come. See
    /// [`Load::repeating`].
    pub fn repeating(mut self) -> Self {
        self.repeats = true;
        self
    }

    /// So many clients send in turn, each on a connection of its own that it keeps. See [`Load::clients`].
    pub fn clients(mut self, clients: usize) -> Self {
        self.clients = clients;
        self
    }

    /// Begins to send.
    pub fn start(self) -> UnderWay {
        let Requests { bed, target, schedule, label, capacity, patience, repeats, clients, run, traffic } =
            self;
        // Loads of one check, side by side, are told apart by their labels.
        let described = if label == bed.name() { schedule.to_string() } else { label.clone() };
        let load = Load::new(target, schedule, traffic).timeout(patience).clients(clients);
        let running = if repeats { load.repeating() } else { load }.start();
        let ticker = tell_each_second(bed.voice(), described, running.watcher());
        UnderWay { bed, running, run, label, capacity, ticker }
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
fn tell_each_second(voice: Voice, described: String, counts: impl Fn() -> Counts + Send + 'static) -> Ticker {
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
            voice.says(&format!(
                "{second:>3} s  {described}  accepted {accepted}  refused {refused}  failed {failed}  in flight {in_flight}"
            ));
        }
    }))
}

/// A load under way. Dropping it stops everything at once.
pub struct UnderWay {
    bed: Bed,
    running: Running,
    run: String,
    label: String,
    capacity: Option<f64>,
    ticker: Ticker,
}

impl UnderWay {
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
                "turn every error into an answer; a panic is quoted in the report",
            )
            .likely(
                counts.refused > counts.accepted,
                "the service refuses work that it has room for",
                "look at what the admission counts, and when it gives a place back",
            )
            .likely(
                counts.timed_out > counts.accepted,
                "a request waits for something that never comes",
                "look at who ends the wait: a permit that is given back, a task that is woken; and bound it all the same",
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
    pub async fn stop(self) -> Result<Finished, Stop> {
        let UnderWay { bed, running, run, label, capacity, ticker } = self;
        let outcomes = running.stop().await;
        drop(ticker);
        Finished::record(&bed, outcomes, run, label, capacity)
    }

    /// Sends to the end of the schedule, waits for what is under way, and reckons.
    pub async fn finish(self) -> Result<Finished, Stop> {
        let UnderWay { bed, running, run, label, capacity, ticker } = self;
        let outcomes = running.finish().await;
        drop(ticker);
        Finished::record(&bed, outcomes, run, label, capacity)
    }
}

/// What a load came to.
pub struct Finished {
    outcomes: Outcomes,
    run: String,
}

impl Finished {
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
            None => Ok(Finished { outcomes, run }),
        }
    }

    /// The name of this run, which its requests carry.
    pub fn run(&self) -> &str {
        &self.run
    }
}

impl Deref for Finished {
    type Target = Outcomes;

    fn deref(&self) -> &Outcomes {
        &self.outcomes
    }
}

impl Observed for Counts {
    fn facts(&self) -> Vec<Fact> {
        let mut facts = vec![Fact::count("offered", self.scheduled)];
        let is_shown = |outcome: &Outcome| *outcome == Outcome::Accepted || self.of(*outcome) > 0;
        let shown = Outcome::ALL.into_iter().filter(is_shown);
        facts.extend(shown.map(|outcome| Fact::count(outcome.words(), self.of(outcome))));
        facts
    }
}
