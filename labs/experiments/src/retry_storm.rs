//! One second of silence, and clients that ask again: without a bound, within a budget, and without a bound at a server whose line is
//! shorter than their patience.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use serde_json::json;
use testbed::bed::Bed;
use testbed::endpoint::Endpoint as _;
use testbed::load::Schedule;
use testbed::setup::SetUp;
use testbed::verdict::Stop;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use uuid::Uuid;

use crate::client::Probe;
use crate::figure::{Bar, Bars, Ink};
use crate::findings::{Findings, Table, claim};
use crate::subject::server;

const WORKERS: usize = 4;
/// Three quarters of a second of work: longer than a client waits.
const LONG: usize = 60;
/// Less than two tenths of a second: whoever has a place is still there for the answer.
const SHORT: usize = 12;
const PATH: &str = "/io/50";
/// What four workers make of 50 ms, in requests a second.
const CAPACITY: f64 = 80.0;
/// Users a second: the server has room for a third more.
const USERS: f64 = 56.0;
/// How long a client waits for an answer before it hangs up.
const PATIENCE: Duration = Duration::from_millis(300);
/// How often a user asks at the most.
const ATTEMPTS: usize = 12;
/// How long the server is silent, and from when on.
const SILENT: Range<Duration> = Duration::from_secs(4)..Duration::from_secs(5);
const LENGTH: Duration = Duration::from_secs(16);
/// Before the silence, when the first requests are through.
const BEFORE: Range<Duration> = Duration::from_secs(1)..SILENT.start;
/// When a second's silence should long be over: the server would need half of these seconds for all whom it has kept waiting.
const AFTER: Range<Duration> = Duration::from_secs(10)..LENGTH;

/// When a client asks again that had no answer, or a refusal.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Retries {
    /// A quarter of a second later, each time.
    Always,
    /// At a moment by chance, later with each attempt, and only while retries are a tenth of what is asked.
    WithinBudget,
}

/// How many retries all clients together may still make, in tenths.
struct Budget(AtomicU32);

impl Budget {
    /// For a moment's trouble.
    const MOST: u32 = 100;

    fn new() -> Budget {
        Budget(AtomicU32::new(Budget::MOST))
    }

    /// A user's first request earns a tenth of a retry.
    fn earn(&self) {
        let _ = self
            .0
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| Some((left + 1).min(Budget::MOST)));
    }

    /// Whether one may be made.
    fn spend(&self) -> bool {
        self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |left| left.checked_sub(10)).is_ok()
    }
}

/// One user: when each attempt left, and when one was answered with 200.
struct User {
    attempts: Vec<Duration>,
    served: Option<Duration>,
}

/// What was seen of one kind of client and one line.
struct Seen {
    who: String,
    users: Vec<User>,
}

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let seen = [
        storm(&bed, Retries::Always, LONG).await?,
        storm(&bed, Retries::WithinBudget, LONG).await?,
        storm(&bed, Retries::Always, SHORT).await?,
    ];
    Ok(findings(&seen))
}

impl Retries {
    fn words(self) -> &'static str {
        match self {
            Retries::Always => "retries always",
            Retries::WithinBudget => "retries within a budget",
        }
    }
}

/// The users, the second of silence, and what became of both.
async fn storm(bed: &Bed, retries: Retries, queue: usize) -> Result<Seen, Stop> {
    let who = format!("{}, QUEUE={queue}", retries.words());
    let server = server(bed).set("WORKERS", WORKERS).set("QUEUE", queue).set("TIMEOUT_MS", 10_000);
    let server = server.start().await?;
    bed.says(format!("{who}: {USERS:.0} users a second, {} s", LENGTH.as_secs()));
    let (target, begun, budget) = (server.addr(), Instant::now(), Arc::new(Budget::new()));
    let mut asking = JoinSet::new();
    for due in Schedule::constant(USERS, LENGTH).offsets() {
        let (due, budget) = (begun + *due, Arc::clone(&budget));
        asking.spawn(async move {
            sleep_until(due).await;
            ask(target, begun, retries, &budget).await
        });
    }
    sleep_until(begun + SILENT.start).await;
    bed.says(format!("{who}: the server is silent for a second"));
    server.pause()?;
    sleep_until(begun + SILENT.end).await;
    server.resume()?;
    let mut users = Vec::new();
    while let Some(user) = asking.join_next().await {
        users.push(user.map_err(|error| SetUp::from_cause("be a client", error))?);
    }
    Ok(Seen { who, users })
}

/// Asks until there is an answer, or no attempt is left.
async fn ask(target: SocketAddr, begun: Instant, retries: Retries, budget: &Budget) -> User {
    budget.earn();
    let mut attempts = Vec::new();
    loop {
        attempts.push(begun.elapsed());
        // Dropped after its time: the connection is closed, and the server could know it.
        let asked = timeout(PATIENCE, Probe::get(target, PATH)).await;
        if asked.is_ok_and(|asked| asked.is_ok_and(|probe| probe.status == 200)) {
            return User { attempts, served: Some(begun.elapsed()) };
        }
        if attempts.len() == ATTEMPTS {
            return User { attempts, served: None };
        }
        match retries {
            Retries::Always => sleep(Duration::from_millis(250)).await,
            Retries::WithinBudget if !budget.spend() => return User { attempts, served: None },
            Retries::WithinBudget => sleep(by_chance(attempts.len())).await,
        }
    }
}

/// Up to a quarter of a second before the second attempt, and twice as much before each further one.
fn by_chance(attempt: usize) -> Duration {
    let most = 250_u64 << attempt.saturating_sub(1).min(4);
    Duration::from_millis((Uuid::new_v4().as_u128() % u128::from(most)) as u64)
}

impl Seen {
    /// Users a second that were served in `window`.
    fn served(&self, window: &Range<Duration>) -> f64 {
        let served = self.users.iter().filter(|user| user.served.is_some_and(|at| window.contains(&at)));
        served.count() as f64 / seconds(window)
    }

    /// Requests a second that left in `window`.
    fn asked(&self, window: &Range<Duration>) -> f64 {
        let asked = self.users.iter().flat_map(|user| &user.attempts).filter(|at| window.contains(*at));
        asked.count() as f64 / seconds(window)
    }

    /// How many users never had an answer.
    fn failed(&self) -> usize {
        self.users.iter().filter(|user| user.served.is_none()).count()
    }

    fn data(&self) -> serde_json::Value {
        let second = |second| Duration::from_secs(second)..Duration::from_secs(second + 1);
        let seconds: Vec<_> = (0..LENGTH.as_secs())
            .map(|at| json!({ "asked": self.asked(&second(at)), "served": self.served(&second(at)) }))
            .collect();
        json!({ "who": self.who, "users": self.users.len(), "failed": self.failed(), "seconds": seconds })
    }
}

fn seconds(window: &Range<Duration>) -> f64 {
    (window.end - window.start).as_secs_f64()
}

fn findings(seen: &[Seen; 3]) -> Findings {
    let mut table = Table::of(&["who", "served before", "asked after", "served after", "never served"]);
    for seen in seen {
        table.row([
            seen.who.clone(),
            format!("{:.0} /s", seen.served(&BEFORE)),
            format!("{:.0} /s", seen.asked(&AFTER)),
            format!("{:.0} /s", seen.served(&AFTER)),
            format!("{} of {}", seen.failed(), seen.users.len()),
        ]);
    }
    table.note(format!(
        "before: {} s to {} s; after: from {} s on",
        BEFORE.start.as_secs(),
        BEFORE.end.as_secs(),
        AFTER.start.as_secs()
    ));
    let [always, budget, short] = seen;
    let sentence = format!(
        "{USERS:.0} users a second came to a server that can serve {CAPACITY:.0}. After one second of silence the clients that always \
         ask again sent {:.0} requests a second, and {:.0} users a second were served, five seconds later and to the end. With a budget for \
         retries the same server served {:.0}. With a line of {SHORT}, in which nobody waits for longer than a client does, it served {:.0}: those \
         who came, and those whom it had kept waiting.",
        always.asked(&AFTER),
        always.served(&AFTER),
        budget.served(&AFTER),
        short.served(&AFTER),
    );
    let bar = |seen: &Seen| Bar {
        label: seen.who.clone(),
        parts: vec![(Ink::Good, seen.served(&AFTER)), (Ink::Lost, (USERS - seen.served(&AFTER)).max(0.0))],
        shown: format!("{:.0} of {USERS:.0}", seen.served(&AFTER)),
    };
    let figure = Bars {
        id: "retry-storm",
        title: "users served a second, from five seconds after the silence on".to_owned(),
        groups: vec![(String::new(), seen.iter().map(bar).collect())],
        legend: vec![(Ink::Good, "served".to_owned()), (Ink::Lost, "not served".to_owned())],
    };
    let well = |served: f64| served >= 0.9 * USERS;
    Findings {
        table,
        sentence,
        claims: vec![
            claim("before the silence all are served", seen.iter().all(|seen| well(seen.served(&BEFORE)))),
            claim(
                "retries without a bound keep the server down long after the silence",
                always.served(&AFTER) < 0.3 * USERS && always.asked(&AFTER) > 3.0 * USERS,
            ),
            claim("within a budget all are served again", well(budget.served(&AFTER))),
            claim("with a line shorter than their patience all are served again", well(short.served(&AFTER))),
        ],
        figures: vec![("retry-storm", figure.svg())],
        data: json!(seen.each_ref().map(Seen::data)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_lets_a_tenth_be_asked_again() {
        let budget = Budget::new();
        assert_eq!((0..100).filter(|_| budget.spend()).count(), 10, "what is there for a moment's trouble");
        (0..100).for_each(|_| budget.earn());
        assert_eq!((0..100).filter(|_| budget.spend()).count(), 10, "a tenth of a hundred");
        (0..1000).for_each(|_| budget.earn());
        assert_eq!((0..100).filter(|_| budget.spend()).count(), 10, "never more than that at once");
    }

    #[test]
    fn the_pause_grows_with_each_attempt_and_has_an_end() {
        for (attempt, most) in [(1, 250), (2, 500), (5, 4000), (11, 4000)] {
            let most = Duration::from_millis(most);
            assert!((0..50).all(|_| by_chance(attempt) < most), "attempt {attempt}");
        }
    }
}
