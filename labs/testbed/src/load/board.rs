//! The account of one run: which request is due, which connection is idle, and how each request ended.
//!
//! Invariant: every place of the schedule is in exactly one of four states: not yet taken, given back (its idle
//! connection turned out to be closed before a byte was written), in flight, or ended with one sample.

mod milestone;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use tokio::sync::oneshot;

use super::outcome::{Counts, Outcome, Sample};
use super::record::Final;
pub(super) use milestone::Milestone;

/// A request whose moment finds every connection taken waits this long for one, then it is unsent. Longer, and
/// the generator would answer a stall of the server with a burst that the schedule does not contain.
pub(super) const GRACE: Duration = Duration::from_millis(50);

pub(super) struct Board {
    offsets: Arc<[Duration]>,
    /// Places before this one were taken at least once.
    taken: usize,
    /// Places from here on were cut.
    until: usize,
    given_back: VecDeque<usize>,
    /// How many connections are opened before one is used again.
    clients: usize,
    max_connections: usize,
    /// Since when due requests have found every connection taken.
    full_since: Option<Duration>,
    connections: Vec<Slot>,
    vacant: Vec<usize>,
    /// Last in, first out: a small load keeps to few connections, as a pooled client does. Many clients take turns: first in, first out.
    idle: VecDeque<usize>,
    opened: u64,
    samples: Vec<Option<Sample>>,
    counts: Counts,
    fault: Option<String>,
    watchers: Vec<Watcher>,
    closed: bool,
}

enum Slot {
    Vacant,
    Busy,
    Idle(Option<Waker>),
    Assigned(usize),
}

struct Watcher {
    milestone: Milestone,
    tell: oneshot::Sender<bool>,
}

/// What to do with the requests that are due.
pub(super) struct Dispatch {
    /// Connections to open, each with its first request.
    pub(super) open: Vec<(usize, usize)>,
    /// Whether a due request waits for a connection.
    pub(super) waiting: bool,
}

impl Board {
    pub(super) fn new(offsets: Arc<[Duration]>, clients: usize, max_connections: usize) -> Self {
        let scheduled = offsets.len();
        Self {
            taken: 0,
            until: scheduled,
            given_back: VecDeque::new(),
            clients,
            max_connections,
            full_since: None,
            connections: Vec::new(),
            vacant: Vec::new(),
            idle: VecDeque::new(),
            opened: 0,
            samples: vec![None; scheduled],
            counts: Counts { scheduled: scheduled as u64, ..Counts::default() },
            fault: None,
            watchers: Vec::new(),
            closed: false,
            offsets,
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    pub(super) fn over(&self) -> bool {
        self.counts.ended() == self.counts.scheduled
    }

    fn due(&self, now: Duration) -> Option<usize> {
        let next = || (self.taken < self.until && self.offsets[self.taken] <= now).then_some(self.taken);
        self.given_back.front().copied().or_else(next)
    }

    fn take(&mut self, n: usize) {
        if self.given_back.front() == Some(&n) {
            self.given_back.pop_front();
        } else {
            self.taken = n + 1;
        }
        self.counts.in_flight += 1;
    }

    /// Hands every due request to an idle connection, to a new one, or, when it has waited too long, to nobody.
    pub(super) fn dispatch(&mut self, now: Duration) -> Dispatch {
        let mut open = Vec::new();
        let mut waiting = false;
        while let Some(n) = self.due(now) {
            if let Some(id) = self.rested() {
                self.take(n);
                let slot = std::mem::replace(&mut self.connections[id], Slot::Assigned(n));
                if let Slot::Idle(Some(waker)) = slot {
                    waker.wake();
                }
            } else if self.open() < self.max_connections {
                self.take(n);
                open.push((self.occupy(), n));
            } else if self.waited(n, now) > GRACE {
                self.take(n);
                self.end_unsent(n, now, format!("all {} connections were taken", self.max_connections));
            } else {
                waiting = true;
                break;
            }
        }
        if !waiting {
            self.full_since = None;
        }
        self.tell_watchers();
        Dispatch { open, waiting }
    }

    fn open(&self) -> usize {
        self.connections.len() - self.vacant.len()
    }

    /// The idle connection whose turn it is, if nobody is to open another one first.
    fn rested(&mut self) -> Option<usize> {
        match self.clients {
            0 => self.idle.pop_back(),
            clients if self.open() < clients => None,
            _ => self.idle.pop_front(),
        }
    }

    /// How long request `n` has waited for a connection. A driver that comes late has not kept it waiting for one.
    fn waited(&mut self, n: usize, now: Duration) -> Duration {
        let since = *self.full_since.get_or_insert(now);
        now.saturating_sub(since.max(self.offsets[n]))
    }

    fn occupy(&mut self) -> usize {
        self.opened += 1;
        let id = self.vacant.pop().unwrap_or_else(|| {
            self.connections.push(Slot::Vacant);
            self.connections.len() - 1
        });
        self.connections[id] = Slot::Busy;
        id
    }

    fn unsent(&self, n: usize, now: Duration) -> Sample {
        Sample {
            n,
            intended: self.offsets[n],
            sent: None,
            ended: now,
            outcome: Outcome::Unsent,
            status: None,
            retry_after: false,
            problem: false,
            receipt: None,
        }
    }

    /// The host could not send request `n`, for this reason.
    pub(super) fn end_unsent(&mut self, n: usize, now: Duration, fault: String) {
        self.fault.get_or_insert(fault);
        self.end(self.unsent(n, now));
    }

    /// Writes down how a request ended.
    pub(super) fn end(&mut self, sample: Sample) {
        let place = &mut self.samples[sample.n];
        assert!(place.is_none(), "request {} ended twice", sample.n);
        self.counts.in_flight -= 1;
        self.counts.add(sample.outcome);
        *place = Some(sample);
        self.tell_watchers();
    }

    /// The connection is free again: it gets the next due request, or becomes idle.
    pub(super) fn next_or_idle(&mut self, id: usize, now: Duration) -> Option<usize> {
        if let Some(n) = self.due(now) {
            self.take(n);
            self.tell_watchers();
            return Some(n);
        }
        self.connections[id] = Slot::Idle(None);
        self.idle.push_back(id);
        None
    }

    /// Looks whether the idle connection was given a request; if not, `waker` is called when it is.
    pub(super) fn assigned(&mut self, id: usize, waker: &Waker) -> Option<usize> {
        match &mut self.connections[id] {
            Slot::Assigned(n) => {
                let n = *n;
                self.connections[id] = Slot::Busy;
                Some(n)
            }
            Slot::Idle(Some(known)) if known.will_wake(waker) => None,
            slot => {
                *slot = Slot::Idle(Some(waker.clone()));
                None
            }
        }
    }

    /// Not a byte of request `n` was written, since its idle connection had been closed: another one gets it.
    pub(super) fn give_back(&mut self, n: usize) {
        self.counts.in_flight -= 1;
        self.given_back.push_back(n);
    }

    /// The connection is no more. A request that it was given and never began is given back.
    pub(super) fn leave(&mut self, id: usize) {
        match std::mem::replace(&mut self.connections[id], Slot::Vacant) {
            Slot::Assigned(n) => self.give_back(n),
            Slot::Idle(_) => self.idle.retain(|idle| *idle != id),
            Slot::Busy | Slot::Vacant => {}
        }
        self.vacant.push(id);
    }

    /// Whether the driver must look again now that a connection has left.
    pub(super) fn has_due(&self, now: Duration) -> bool {
        self.due(now).is_some()
    }

    /// Ends the schedule at `now`: what is not yet due leaves it.
    pub(super) fn cut(&mut self, now: Duration) {
        let due = self.offsets.partition_point(|offset| *offset <= now);
        self.until = due.max(self.taken).min(self.until);
        self.counts.scheduled = self.until as u64;
        self.counts.cut = (self.offsets.len() - self.until) as u64;
        self.tell_watchers();
    }

    /// Tells whether the milestone was reached, now or as soon as it is certain.
    pub(super) fn watch(&mut self, milestone: Milestone) -> oneshot::Receiver<bool> {
        let (tell, told) = oneshot::channel();
        self.watchers.push(Watcher { milestone, tell });
        self.tell_watchers();
        if self.closed {
            self.watchers.clear();
        }
        told
    }

    fn tell_watchers(&mut self) {
        if self.watchers.is_empty() {
            return;
        }
        for watcher in std::mem::take(&mut self.watchers) {
            match watcher.milestone.is_reached(&self.counts) {
                // An error means that nobody waits any more.
                Some(reached) => drop(watcher.tell.send(reached)),
                None => self.watchers.push(watcher),
            }
        }
    }

    /// Nothing more will happen: whoever still waits is told so.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.watchers.clear();
    }

    /// Hands over what was written down.
    pub(super) fn take_final(&mut self) -> Final {
        Final {
            samples: std::mem::take(&mut self.samples).into_iter().flatten().collect(),
            counts: self.counts,
            opened: self.opened,
            fault: self.fault.take(),
        }
    }
}

#[cfg(test)]
mod tests;
