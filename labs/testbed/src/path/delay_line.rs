//! One direction of one connection: a delay line.

use std::collections::VecDeque;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::{Buf, Bytes};
use tokio::io::AsyncWriteExt;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;

use super::Way;
use super::state::{Control, Direction, Fault, State, Stop, Wire};

/// How a direction ended, while the other may go on.
#[derive(Debug)]
pub(super) enum End {
    /// The sender closed, and the receiver was told.
    Closed,
    /// The receiver takes no more. What it sent before still travels the other way.
    Refused,
}

pub(super) struct DelayLine<'a> {
    direction: Direction,
    state: &'a State,
    watch: watch::Receiver<Control>,
    /// The orders under which the connection was made.
    made: Control,
    /// Data went up and none has come down since: shared by a connection's two delay lines.
    asked: &'a AtomicBool,
    /// What is under way. It arrives in this order, whatever becomes of the path meanwhile.
    under_way: VecDeque<Parcel>,
    bytes_under_way: usize,
    /// When the last parcel was ready to leave: none leaves before the handshake is done.
    last_ready: Instant,
    /// The sender has had more than the wire could take, ever since the wire last held it up. The wire is then busy
    /// without a gap, also when this task comes late to the next piece.
    backlog: bool,
    sender_is_done: bool,
}

struct Parcel {
    due: Instant,
    content: Content,
}

enum Content {
    Data(Bytes),
    Close,
    Reset,
}

/// What a delay line found when it tried to move something.
enum Try {
    Moved,
    /// The socket is not ready.
    Blocked,
    /// Nothing to do before this instant.
    Until(Instant),
    /// Nothing to do before something else changes.
    Idle,
    Ended(Result<End, Stop>),
}

impl<'a> DelayLine<'a> {
    /// A delay line of a connection that was `made` under these orders, and whose handshake is done at `opens`.
    pub(super) fn new(
        direction: Direction,
        state: &'a State,
        made: Control,
        asked: &'a AtomicBool,
        opens: Instant,
    ) -> Self {
        Self {
            direction,
            state,
            watch: state.watch(),
            made,
            asked,
            under_way: VecDeque::new(),
            bytes_under_way: 0,
            last_ready: opens,
            backlog: false,
            sender_is_done: false,
        }
    }

    /// Moves data until the sender ends or the receiver refuses.
    pub(super) async fn carry(mut self, from: &ReadHalf<'_>, to: &mut WriteHalf<'_>) -> Result<End, Stop> {
        loop {
            tokio::task::coop::consume_budget().await;
            let control = *self.watch.borrow_and_update();
            // What a black hole held back dies with the connection. This task may be woken before the one that ends it.
            if let Some(stop) = self.made.stop(&control) {
                return Err(stop);
            }
            if control.fault == Fault::BlackHole {
                // An error means that the path is gone, and this task with it.
                let _ = self.watch.changed().await;
                continue;
            }
            let delivery = self.deliver(to).await;
            if let Try::Ended(end) = delivery {
                return end;
            }
            let intake = self.take_in(from, &control.way);
            if matches!(delivery, Try::Moved) || matches!(intake, Try::Moved) {
                continue;
            }
            let alarm = match (&delivery, &intake) {
                (Try::Until(one), Try::Until(other)) => Some(*one.min(other)),
                (Try::Until(one), _) | (_, Try::Until(one)) => Some(*one),
                _ => None,
            };
            // Readiness is only a hint: what comes of it is seen on the next turn.
            tokio::select! {
                _ = self.watch.changed() => {}
                _ = to.writable(), if matches!(delivery, Try::Blocked) => {}
                _ = from.readable(), if matches!(intake, Try::Blocked) => {}
                () = self.state.clock.until(alarm.unwrap_or(self.last_ready)), if alarm.is_some() => {}
            }
        }
    }

    async fn deliver(&mut self, to: &mut WriteHalf<'_>) -> Try {
        let Some(next) = self.under_way.front_mut() else {
            return Try::Idle;
        };
        if !self.state.clock.is_due(next.due) {
            return Try::Until(next.due);
        }
        match &mut next.content {
            Content::Data(data) => match to.try_write(data) {
                Ok(written) => {
                    data.advance(written);
                    let whole = data.is_empty();
                    self.bytes_under_way -= written;
                    if whole {
                        self.under_way.pop_front();
                    }
                    Try::Moved
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => Try::Blocked,
                Err(_) => Try::Ended(Ok(End::Refused)),
            },
            Content::Close => Try::Ended(Ok(match to.shutdown().await {
                Ok(()) => End::Closed,
                Err(_) => End::Refused,
            })),
            Content::Reset => Try::Ended(Err(Stop::Reset)),
        }
    }

    fn take_in(&mut self, from: &ReadHalf<'_>, way: &Way) -> Try {
        let room = way.buffer().saturating_sub(self.bytes_under_way);
        if self.sender_is_done || room == 0 {
            return Try::Idle;
        }
        let now = Instant::now();
        match self.state.wire(self.direction).takes_from() {
            Some(from) if from > now => {
                self.backlog = true;
                return Try::Until(from);
            }
            _ => {}
        }
        let most = room.min(way.chunk());
        let content = match read(from, most) {
            Ok(data) if data.is_empty() => Content::Close,
            Ok(data) => Content::Data(data),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.backlog = false;
                return Try::Blocked;
            }
            Err(_) => Content::Reset,
        };
        let bytes = match &content {
            Content::Data(data) => data.len(),
            Content::Close | Content::Reset => {
                self.sender_is_done = true;
                0
            }
        };
        if bytes > 0 {
            self.count(bytes);
        }
        self.backlog &= bytes == most && way.bandwidth.is_some();
        let ready = if self.backlog { self.last_ready } else { now.max(self.last_ready) };
        let left = self.state.wire(self.direction).book(bytes, ready, way.bandwidth);
        self.last_ready = ready;
        self.bytes_under_way += bytes;
        self.under_way.push_back(Parcel { due: left + way.round_trip / 2, content });
        Try::Moved
    }

    fn count(&self, bytes: usize) {
        let mut counts = self.state.counts();
        match self.direction {
            Direction::Up => {
                counts.bytes_up += bytes as u64;
                self.asked.store(true, Ordering::Relaxed);
            }
            Direction::Down => {
                counts.bytes_down += bytes as u64;
                counts.turn_arounds += u64::from(self.asked.swap(false, Ordering::Relaxed));
            }
        }
    }
}

impl Way {
    /// How many bytes a connection may have under way, each way.
    fn buffer(&self) -> usize {
        const SPARE: usize = 256 * 1024;
        const UNLIMITED: usize = 4 * 1024 * 1024;
        self.bandwidth.map_or(UNLIMITED, |bandwidth| {
            SPARE + (bandwidth as f64 * (self.round_trip + Wire::AHEAD).as_secs_f64()) as usize
        })
    }

    /// How many bytes are carried at a time: about two milliseconds' worth, so that data flows instead of arriving in
    /// lumps.
    fn chunk(&self) -> usize {
        const LUMP: Duration = Duration::from_millis(2);
        self.bandwidth.map_or(MOST_AT_ONCE, |bandwidth| {
            ((bandwidth as f64 * LUMP.as_secs_f64()) as usize).clamp(1448, MOST_AT_ONCE)
        })
    }
}

const MOST_AT_ONCE: usize = 32 * 1024;

fn read(from: &ReadHalf<'_>, most: usize) -> io::Result<Bytes> {
    let mut buffer = [0; MOST_AT_ONCE];
    let read = from.try_read(&mut buffer[..most])?;
    Ok(Bytes::copy_from_slice(&buffer[..read]))
}
