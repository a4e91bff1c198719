//! A crowd: many clients, each on a connection of its own, which it keeps for as long as the server does.
//!
//! A [load](crate::load) is requests at moments, over as few connections as it takes. A crowd is the other thing that a server has to
//! live with: connections. Each client asks, reads its answer, waits, and asks again on the same connection. Who finds it closed
//! before any byte of an answer has come opens another, and repeats the request there, as browsers do; the time goes on.

mod client;
mod staying;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use crate::endpoint::Endpoint;
use crate::fact::Fact;
use crate::verdict::Observed;

use client::Client;
pub use client::Failure;
pub use staying::{Look, Staying};

/// Clients that are to come.
#[derive(Clone, Debug)]
pub struct Crowd {
    target: SocketAddr,
    clients: usize,
    within: Duration,
    every: Duration,
    length: Duration,
    paths: Vec<&'static str>,
}

/// One request: how it ended, and how long it took from the first attempt on.
#[derive(Clone, Debug)]
pub struct Asked {
    /// What was asked for.
    pub path: &'static str,
    /// The status of the answer, or why there was none.
    pub said: Result<u16, Failure>,
    /// From the first attempt to the end, connecting and repeating included.
    pub took: Duration,
}

/// What a crowd saw.
#[derive(Clone, Debug, Default)]
pub struct Crowded {
    /// Every request.
    pub asked: Vec<Asked>,
    /// How many connections were opened in all.
    pub connections: usize,
}

impl Crowd {
    /// So many clients, who come one after the other within two seconds, and ask for `path` once in two seconds, for six seconds.
    pub fn of(clients: usize, endpoint: &(impl Endpoint + ?Sized), path: &'static str) -> Crowd {
        let (every, length) = (Duration::from_secs(2), Duration::from_secs(6));
        Crowd { target: endpoint.addr(), clients, within: every, every, length, paths: vec![path] }
    }

    /// They come one after the other within this time.
    #[must_use]
    pub fn within(self, within: Duration) -> Crowd {
        Crowd { within, ..self }
    }

    /// For how long they ask, from the first one's arrival on.
    #[must_use]
    pub fn length(self, length: Duration) -> Crowd {
        Crowd { length, ..self }
    }

    /// Some of the requests are for this path instead: with one more path half of them, with two a third.
    #[must_use]
    pub fn also(mut self, path: &'static str) -> Crowd {
        self.paths.push(path);
        self
    }

    /// Lets them come, ask, and go. Their connections are closed when this returns.
    pub async fn come(self) -> Crowded {
        let begun = Instant::now();
        let paths: Arc<[&'static str]> = self.paths.into();
        let mut tasks = JoinSet::new();
        for n in 0..self.clients {
            let first = begun + self.within.mul_f64(n as f64 / self.clients as f64);
            let (paths, every, end) = (Arc::clone(&paths), self.every, begun + self.length);
            let mut client = Client::of(self.target);
            tasks.spawn(async move {
                let (mut at, mut asked) = (first, Vec::new());
                while at < end {
                    sleep_until(at).await;
                    let path = paths[(n + asked.len()) % paths.len()];
                    let asking = Instant::now();
                    let said = client.get(path).await;
                    asked.push(Asked { path, said, took: asking.elapsed() });
                    // Not at once: a client that was kept waiting is late, and does not make up for it.
                    at = (at + every).max(Instant::now());
                }
                Crowded { asked, connections: client.connections() }
            });
        }
        let mut all = Crowded::default();
        while let Some(one) = tasks.join_next().await {
            let one = one.unwrap_or_default();
            all.asked.extend(one.asked);
            all.connections += one.connections;
        }
        all
    }
}

impl Crowded {
    /// Those that were answered with this status.
    pub fn answered(&self, status: u16) -> usize {
        self.asked.iter().filter(|asked| asked.said == Ok(status)).count()
    }

    /// Those that ended so.
    pub fn failed(&self, failure: Failure) -> usize {
        self.asked.iter().filter(|asked| asked.said == Err(failure)).count()
    }

    /// Those that took longer than this, however they ended.
    pub fn slower_than(&self, time: Duration) -> usize {
        self.asked.iter().filter(|asked| asked.took > time).count()
    }

    /// Whether all were answered with 200, and there were some.
    pub fn all_served(&self) -> bool {
        !self.asked.is_empty() && self.answered(200) == self.asked.len()
    }

    /// What this share of them took at most: 0.9 is nine of ten.
    pub fn percentile(&self, share: f64) -> Duration {
        let mut times: Vec<Duration> = self.asked.iter().map(|asked| asked.took).collect();
        times.sort_unstable();
        let place = (times.len() as f64 * share).ceil() as usize;
        times.get(place.saturating_sub(1)).copied().unwrap_or_default()
    }

    /// What the slowest took.
    pub fn slowest(&self) -> Duration {
        self.asked.iter().map(|asked| asked.took).max().unwrap_or_default()
    }
}

impl Observed for &Crowded {
    fn facts(&self) -> Vec<Fact> {
        let served = self.answered(200);
        let refused = self.answered(503);
        let failed = |failure| (self.failed(failure), failure.name());
        let others = self.asked.iter().filter(|asked| asked.said.is_ok()).count() - served - refused;
        let mut facts = vec![Fact::count("requests", self.asked.len()), Fact::count("served", served)];
        let rest = [
            (refused, "answered 503"),
            (others, "other status"),
            failed(Failure::NoConnection),
            failed(Failure::Cut),
            failed(Failure::NoAnswer),
        ];
        facts.extend(
            rest.into_iter().filter(|(count, _)| *count > 0).map(|(count, name)| Fact::count(name, count)),
        );
        facts
    }
}
