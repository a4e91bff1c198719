//! A crowd that stays: it is looked at while it asks, and goes when it is dropped.

use std::mem::take;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

use super::client::Client;
use super::{Asked, Crowd};

/// Clients that go on until this is dropped.
pub struct Staying {
    seen: Arc<Mutex<Seen>>,
    /// Each holds its connection.
    _clients: JoinSet<()>,
}

/// What was seen of a crowd since it was last looked at.
#[derive(Clone, Debug, Default)]
pub struct Look {
    /// The requests that ended meanwhile.
    pub ended: Vec<Asked>,
    /// For how long each client has been waiting that has no answer at this moment.
    pub waiting: Vec<Duration>,
}

#[derive(Default)]
struct Seen {
    ended: Vec<Asked>,
    /// Since when each client waits, by its number.
    asking: Vec<Option<Instant>>,
}

impl Seen {
    fn ends(&mut self, client: usize, asked: Asked) {
        self.asking[client] = None;
        self.ended.push(asked);
    }
}

impl Crowd {
    /// Lets them come and ask without an end, whatever the [length](Crowd::length).
    pub fn stay(self) -> Staying {
        let begun = Instant::now();
        let seen = Arc::new(Mutex::new(Seen { asking: vec![None; self.clients], ..Seen::default() }));
        let paths: Arc<[&'static str]> = self.paths.into();
        let mut clients = JoinSet::new();
        for n in 0..self.clients {
            let mut at = begun + self.every.mul_f64(n as f64 / self.clients as f64);
            let (seen, paths, every) = (Arc::clone(&seen), Arc::clone(&paths), self.every);
            let mut client = Client::of(self.target);
            clients.spawn(async move {
                for path in paths.iter().copied().cycle().skip(n) {
                    sleep_until(at).await;
                    let asking = Instant::now();
                    lock(&seen).asking[n] = Some(asking);
                    let said = client.get(path).await;
                    let asked = Asked { path, said, took: asking.elapsed() };
                    lock(&seen).ends(n, asked);
                    // What was missed is left out, and the rhythm kept: who waited together would come together from then on.
                    while at <= Instant::now() {
                        at += every;
                    }
                }
            });
        }
        Staying { seen, _clients: clients }
    }
}

impl Staying {
    /// What was seen since the last look.
    pub fn look(&self) -> Look {
        let mut seen = lock(&self.seen);
        let waiting = seen.asking.iter().flatten().map(Instant::elapsed).collect();
        Look { ended: take(&mut seen.ended), waiting }
    }
}

impl Look {
    /// How many requests were answered with this status.
    pub fn answered(&self, status: u16) -> usize {
        self.ended.iter().filter(|asked| asked.said == Ok(status)).count()
    }

    /// How many ended otherwise: with another status, or with none.
    pub fn not_answered(&self, status: u16) -> usize {
        self.ended.len() - self.answered(status)
    }

    /// How many clients have waited longer than this, and wait still.
    pub fn waiting_longer_than(&self, time: Duration) -> usize {
        self.waiting.iter().filter(|waited| **waited > time).count()
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;
    use crate::wait;

    const SOON: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn those_who_are_answered_and_those_who_wait_are_told_apart() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let crowd = Crowd {
            target: listener.local_addr().unwrap(),
            clients: 2,
            within: Duration::from_millis(20),
            every: Duration::from_millis(20),
            length: Duration::ZERO,
            paths: vec!["/"],
        };
        // One connection is served, the other one accepted and left alone.
        let serving = async {
            let (mut served, _) = listener.accept().await.unwrap();
            let (_silent, _) = listener.accept().await.unwrap();
            let mut bytes = [0; 1024];
            while served.read(&mut bytes).await.is_ok_and(|read| read > 0) {
                served.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await.unwrap();
            }
        };
        let looking = async {
            let staying = crowd.stay();
            let (mut served, mut others) = (0, 0);
            let seen = wait::until(SOON, async || {
                let look = staying.look();
                served += look.answered(200);
                others += look.not_answered(200);
                let waits = look.waiting_longer_than(Duration::from_millis(200));
                (served >= 3 && waits == 1).then_some(others)
            });
            assert_eq!(seen.await, Some(0));
        };
        // The crowd goes with its last look, and so the served connection ends.
        tokio::join!(serving, looking);
    }
}
