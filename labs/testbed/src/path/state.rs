//! What a path's tasks share: the orders they follow, what they count, the wires and the clock.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use super::clock::Clock;
use super::{Counts, Way};

/// What a path is told to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Control {
    pub(super) upstream: SocketAddr,
    pub(super) way: Way,
    pub(super) fault: Fault,
    /// How often the path was cut. A connection that sees this rise is reset, even if the path is whole again by then.
    pub(super) cuts: u64,
    /// How often the path began to lose packets. A connection that sees this rise is dead for good.
    pub(super) losses: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    None,
    /// Clients are refused, or reset as soon as they are there.
    Cut,
    BlackHole,
}

/// What ends a connection before its own ends do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// It is reset, both ways: the sender's reset has travelled the path, or the path was cut.
    Reset,
    /// Its packets are lost from now on: nothing that either side says is ever heard.
    Lost,
}

impl Control {
    /// What has befallen a connection that was made under these orders, by the orders `now`.
    pub(super) fn stop(&self, now: &Control) -> Option<Stop> {
        if now.cuts != self.cuts {
            Some(Stop::Reset)
        } else if now.losses != self.losses {
            Some(Stop::Lost)
        } else {
            None
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Up,
    Down,
}

#[derive(Debug)]
pub(super) struct State {
    control: watch::Sender<Control>,
    counts: Mutex<Counts>,
    pub(super) clock: Clock,
    up: Wire,
    down: Wire,
}

impl State {
    pub(super) fn new(upstream: SocketAddr, way: Way) -> io::Result<Self> {
        let control = Control { upstream, way, fault: Fault::None, cuts: 0, losses: 0 };
        Ok(Self {
            control: watch::Sender::new(control),
            counts: Mutex::default(),
            clock: Clock::start()?,
            up: Wire::default(),
            down: Wire::default(),
        })
    }

    pub(super) fn control(&self) -> Control {
        *self.control.borrow()
    }

    pub(super) fn watch(&self) -> watch::Receiver<Control> {
        self.control.subscribe()
    }

    pub(super) fn change(&self, change: impl FnOnce(&mut Control)) {
        self.control.send_modify(change);
    }

    pub(super) fn counts(&self) -> MutexGuard<'_, Counts> {
        lock(&self.counts)
    }

    pub(super) fn wire(&self, direction: Direction) -> &Wire {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }

    /// Counts a connection, as open until what this returns is dropped.
    pub(super) fn opened(self: &Arc<Self>) -> Open {
        let mut counts = self.counts();
        counts.connections += 1;
        counts.open += 1;
        counts.peak_open = counts.peak_open.max(counts.open);
        Open { state: self.clone() }
    }
}

/// An open connection, as far as the counts go.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) state: Arc<State>,
}

impl Drop for Open {
    fn drop(&mut self) {
        self.state.counts().open -= 1;
    }
}

/// One direction of the path, which all connections share: whose turn on the wire it is.
#[derive(Debug, Default)]
pub(super) struct Wire {
    busy_until: Mutex<Option<Instant>>,
}

impl Wire {
    /// How far ahead the wire may be booked: more than a task usually comes late, so that data flows evenly, and little
    /// enough that connections take turns.
    pub(super) const AHEAD: Duration = Duration::from_millis(10);

    /// When the wire takes more data.
    pub(super) fn takes_from(&self) -> Option<Instant> {
        lock(&self.busy_until).and_then(|busy| busy.checked_sub(Self::AHEAD))
    }

    /// Books the wire for bytes that are ready at an instant, and says when the last of them has left.
    pub(super) fn book(&self, bytes: usize, ready: Instant, bandwidth: Option<u64>) -> Instant {
        let mut busy_until = lock(&self.busy_until);
        let Some(bandwidth) = bandwidth else {
            *busy_until = None;
            return ready;
        };
        let starts = busy_until.map_or(ready, |busy| busy.max(ready));
        let ends = starts + Duration::from_secs_f64(bytes as f64 / bandwidth.max(1) as f64);
        *busy_until = Some(ends);
        ends
    }
}

/// The state stays usable if a task panicked: every change under these locks is a single step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
