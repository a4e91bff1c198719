//! What every lab promises of its posts while something that it depends on is away, and when that is back.

use std::time::{Duration, Instant};

use testbed::load::Counts;

use crate::contract::prelude::*;

/// What a busy host may add to a deadline: many times what it usually does.
pub(crate) const HOST: Duration = Duration::from_secs(1);

/// The contract's default for REQUEST_TIMEOUT_MS.
const DEFAULT: Duration = Duration::from_secs(2);

/// The absence of something without which no post can be accepted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outage {
    /// What is away: `database`, `broker`.
    pub(crate) of: &'static str,
    /// The time in which every request has its answer.
    pub(crate) deadline: Duration,
    /// How long after it is back posts must be accepted again.
    pub(crate) recovery: Duration,
    /// How a good post is answered.
    pub(crate) posting: Posting,
}

impl Outage {
    /// The promise that every request was answered in time: accepted, or refused in words of the contract. Each of `runs` comes with
    /// the state that it met, and the promise is named after the last of them.
    ///
    /// A fault and what comes after it are judged together: whether a request is under way when the fault comes is chance, and a
    /// learner is to read the same verdict each time.
    pub(crate) fn explicit(&self, runs: &[(&str, &Finished)]) -> Verdict {
        let Outage { of, deadline, posting, .. } = self;
        let accepted = posting.status();
        let met: Vec<Met> = runs.iter().map(|&(state, run)| Met::of(state, run, *deadline)).collect();
        let total = |count: fn(&Met) -> u64| met.iter().map(count).sum::<u64>();
        let (late, bare) = (total(|met| met.late), total(|met| met.bare));
        let otherwise = total(|met| met.otherwise());
        // On a busy host some of those that fail at once are late as well.
        let mostly_late = late > 0 && late * 2 >= otherwise + bare;
        let slowest = met.iter().map(|met| met.slowest).max().unwrap_or_default();
        let state = met.last().map_or("away", |met| met.state);
        promise(format!(
            "while the {of} is {state}, every request is answered inside the deadline of {} ms: {accepted}, or 503 with Retry-After",
            deadline.as_millis()
        ))
        .observed(met.iter().map(|met| met.told(of)).collect::<Vec<_>>())
        .observed((bare > 0).then(|| Fact::count("503 without Retry-After or problem+json", bare)))
        .likely(
            mostly_late && slowest.abs_diff(DEFAULT) < DEFAULT / 4,
            "the last answers come at the contract's default of 2 s: REQUEST_TIMEOUT_MS is not what decides",
            "take every deadline from REQUEST_TIMEOUT_MS",
        )
        .likely(
            mostly_late,
            "a wait has no deadline of its own, or a longer one than the request",
            format!("bound every wait for the {of} by less than REQUEST_TIMEOUT_MS"),
        )
        .likely(
            total(|met| met.counts.other_status) > 0,
            format!("the {of}'s fault is answered as a fault of the service"),
            format!("answer 503 with Retry-After when the {of} cannot be reached"),
        )
        .likely(
            total(|met| met.counts.reset) > 0,
            "the handler ended without an answer",
            format!("turn the {of}'s error into an answer"),
        )
        .likely(
            bare > 0,
            "a 503 that does not say when to come back, or not in the one error shape",
            "send Retry-After and problem+json with every 503",
        )
        .kept_if(late == 0 && bare == 0 && otherwise == 0)
    }

    /// What was away is there again: posts are accepted again, by the same process, and then all of them.
    pub(crate) async fn works_again(&self, bed: &Bed, service: &Subject, word: &str) -> Verdict {
        let Outage { of, recovery, posting, .. } = self;
        bed.says(format!("the {of} is {word}; waiting for the service"));
        let by_hand = serde_json::json!({ "content": format!("{BY_HAND}, now that the {of} is {word}") });
        let began = Instant::now();
        let mut last = String::new();
        let back = testbed::wait::until(*recovery, async || match service.post(&by_hand).send().await {
            Ok(answer) if answer.status == posting.status() => Some(()),
            Ok(answer) => {
                last = format!("answered {}", answer.status);
                None
            }
            Err(_) => {
                last = "no answer".to_owned();
                None
            }
        });
        let back = back.await.is_some();
        let kept = promise(format!(
            "once the {of} is {word}, the same process accepts posts again within {} s",
            recovery.as_secs()
        ))
        .observed((!back).then(|| Fact::named("last try", last)))
        .likely(
            true,
            "the service holds on to connections that are dead, or never gives back the place of one that failed",
            "drop a connection that failed, give its place back, and open another",
        )
        .kept_if(back)?;
        // A connection that died may cost the request that finds it dead, and opening another takes what the host lets it take.
        let label = format!("the {of} is {word}");
        let counts = recovered(bed, service, 40.0, &label, began + *recovery).await?;
        let all = promise(format!(
            "within {} s every post is accepted, as before the {of} was not {word}",
            recovery.as_secs()
        ))
        .observed(Fact::named(label, format!("{} of {} accepted", counts.accepted, counts.scheduled)))
        .likely(
            true,
            "some connections are still dead, and stay so: each fails the request that draws it",
            "test a connection that failed before you use it again, or close it",
        )
        .kept_if(counts.accepted == counts.scheduled)?;
        Ok(kept.and(all))
    }
}

/// What the requests of one run met.
struct Met<'a> {
    state: &'a str,
    counts: Counts,
    /// Answered after the deadline, and what a host may add to it.
    late: u64,
    /// Refused without a time to come back, or not in the one error shape.
    bare: u64,
    slowest: Duration,
}

impl<'a> Met<'a> {
    fn of(state: &'a str, run: &Finished, deadline: Duration) -> Self {
        let is_late =
            |sample: &&Sample| sample.latency_from_send().is_some_and(|took| took > deadline + HOST);
        let is_bare = |sample: &&Sample| sample.outcome == Outcome::Refused && !sample.is_explicit_refusal();
        Met {
            state,
            counts: run.counts(),
            late: run.samples().iter().filter(is_late).count() as u64,
            bare: run.samples().iter().filter(is_bare).count() as u64,
            slowest: run.latency_from_send(|_| true).max().unwrap_or_default(),
        }
    }

    /// Neither accepted nor refused.
    fn otherwise(&self) -> u64 {
        self.counts.scheduled - self.counts.accepted - self.counts.refused
    }

    fn told(&self, of: &str) -> Fact {
        let Met { state, counts, late, slowest, .. } = self;
        let told = format!(
            "{} offered, {} accepted, {} refused, {} otherwise, {late} late, slowest {} ms",
            counts.scheduled,
            counts.accepted,
            counts.refused,
            self.otherwise(),
            slowest.as_millis()
        );
        Fact::named(format!("while the {of} is {state}"), told)
    }
}

/// What came of a second of posts, `rate` of them: of the first one in which all are accepted, or of the last one that `until` lets begin.
///
/// One that began before may have met the service too early: the last one begins when the time is over.
pub(super) async fn recovered(
    bed: &Bed,
    service: &Subject,
    rate: f64,
    label: &str,
    until: Instant,
) -> Result<Counts, Stop> {
    loop {
        let last = Instant::now() > until;
        let load = bed.posts(service, Schedule::constant(rate, Duration::from_secs(1))).label(label);
        let counts = load.start().finish().await?.counts();
        if counts.accepted == counts.scheduled || last {
            return Ok(counts);
        }
    }
}

/// Attempts to reach what is away, beside one for each request: ten a second for each connection of the contract's default pool.
pub(crate) const ATTEMPTS_A_SECOND: u64 = 100;

/// The promise that whatever is away is not stormed with `attempts` to reach it: one for each of `requests`, and so many `a_second`
/// in the time of `lasted`.
pub(crate) fn attempts_are_bounded(
    of: &str,
    attempts: u64,
    requests: u64,
    a_second: u64,
    lasted: Duration,
) -> Verdict {
    let most = requests + (a_second as f64 * lasted.as_secs_f64()) as u64;
    promise(format!(
        "attempts to reach a dead {of} are bounded: one for each request, and {a_second} a second"
    ))
    .observed(Fact::count("attempts", attempts))
    .observed(Fact::count("at most", most))
    .likely(
        true,
        "the service tries again without a pause: a retry storm",
        "back off between attempts, or fail the request and let the next one try",
    )
    .kept_if(attempts <= most)
}
