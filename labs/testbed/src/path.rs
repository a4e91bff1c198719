//! A TCP path with a round-trip time, a bandwidth and faults, between any two parties.
//!
//! A path listens on 127.0.0.1 and carries every connection to its upstream. It changes nothing but time: bytes arrive
//! whole, in order, half a round trip later, and so do a half-close and a reset. Where a real path would differ from a
//! plain proxy, the path does as the path would:
//!
//! - **Set-up costs a round trip.** The local `connect` returns at once, so the path makes the client's first byte wait
//!   for the handshake: it arrives upstream one and a half round trips after the connection was made, its answer after
//!   two. The upstream sees the connection after half a round trip; what it says first reaches the client after two.
//! - **Delay does not cost rate.** Data is stamped when it enters and leaves when it is due, so a pipelined connection
//!   keeps its rate; only whoever waits for an answer pays.
//! - **The bandwidth is the path's**, each way, and its connections share it.
//! - **A black hole loses time, not bytes.** TCP sends again what was lost, so what was sent into the hole arrives after
//!   [`Path::heal`], until the sender gives up. Its one untruth: a client's `connect` returns at once all the same.
//! - **What is lost is lost for good** ([`Path::lose`]), as where a machine died or forgot its connections: those of that
//!   time stay silent until their ends give up. A new client hangs in its handshake, and its kernel sends it again.
//! - **Where nothing listens, a client is refused** ([`Path::refuse`]): the listener is closed. The kernel refuses at once;
//!   only this answer does not cost the round trip.
//! - **Buffers are bounded.** A connection holds, each way, the bandwidth-delay product and 256 KiB (4 MiB where the
//!   bandwidth is unlimited, which then bounds one connection to 4 MiB in half a round trip); a receiver that does not
//!   read stops the sender.

mod clock;
mod connection;
mod delay_line;
mod gate;
mod state;

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio::task::{AbortHandle, JoinSet};

use crate::endpoint::Endpoint;
use crate::ports;
use crate::setup::SetUp;
use gate::Gate;
use state::{Control, Fault, State};

/// How often another port is tried, when somebody takes the first one.
const TRIES: usize = 4;

/// What a path costs. The default costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Way {
    /// The time from a request's departure to the arrival of an instant answer.
    pub round_trip: Duration,
    /// Bytes a second, each way; `None` is unlimited.
    pub bandwidth: Option<u64>,
}

impl Way {
    /// A path with this round-trip time and no limit to its bandwidth.
    pub fn round_trip(round_trip: Duration) -> Self {
        Self { round_trip, bandwidth: None }
    }
}

/// What went over a path since it was opened, or since [`Path::reset_counts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections made to the path, those that it then reset or held included.
    pub connections: u64,
    /// Connections that are open now.
    pub open: u64,
    /// The most that were open at once.
    pub peak_open: u64,
    /// Connections that the upstream did not take; their clients were reset.
    pub upstream_failures: u64,
    /// Bytes taken from clients.
    pub bytes_up: u64,
    /// Bytes taken from the upstream.
    pub bytes_down: u64,
    /// How often data on a connection came down after data had gone up: with requests and answers, the round trips.
    pub turn_arounds: u64,
}

impl Counts {
    /// What went over the path after `earlier`, an account of the same path. `open` and `peak_open` are as they are now.
    #[must_use]
    pub fn since(&self, earlier: &Counts) -> Counts {
        Counts {
            connections: self.connections.saturating_sub(earlier.connections),
            open: self.open,
            peak_open: self.peak_open,
            upstream_failures: self.upstream_failures.saturating_sub(earlier.upstream_failures),
            bytes_up: self.bytes_up.saturating_sub(earlier.bytes_up),
            bytes_down: self.bytes_down.saturating_sub(earlier.bytes_down),
            turn_arounds: self.turn_arounds.saturating_sub(earlier.turn_arounds),
        }
    }
}

/// A TCP path between whoever connects to [`Path::addr`] and an upstream. Dropping it ends every connection and frees
/// the port.
#[derive(Debug)]
pub struct Path {
    gate: Arc<Gate>,
    state: Arc<State>,
    listening: AbortHandle,
}

impl Path {
    /// A path to `upstream` with this round-trip time, and no limit to its bandwidth. As [`Path::open`].
    ///
    /// # Errors
    /// As there.
    pub fn to(upstream: SocketAddr, round_trip: Duration) -> Result<Self, SetUp> {
        Path::open(upstream, Way::round_trip(round_trip))
    }

    /// Opens a path to `upstream` on a free port of 127.0.0.1. Its tasks run on the ambient tokio runtime.
    ///
    /// # Errors
    /// There is no port, or no descriptor.
    pub fn open(upstream: SocketAddr, way: Way) -> Result<Self, SetUp> {
        let fault = |error| SetUp::from_cause(format!("open a path to {upstream}"), error);
        let mut tries = 0;
        let gate = loop {
            tries += 1;
            match Gate::at(ports::free()?) {
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < TRIES => {}
                gate => break Arc::new(gate.map_err(fault)?),
            }
        };
        let state = Arc::new(State::new(upstream, way).map_err(fault)?);
        let listening = tokio::spawn(listen(gate.clone(), state.clone())).abort_handle();
        Ok(Self { gate, state, listening })
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.gate.addr()
    }

    /// Sends the connections made from now on to another upstream. Those that are open stay where they are.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        self.state.change(|control| control.upstream = upstream);
    }

    /// Changes what the path costs, for data that enters from now on. Nothing overtakes what is under way.
    pub fn set_way(&self, way: Way) {
        self.state.change(|control| control.way = way);
    }

    /// Resets every connection, and each new one as soon as it is made, until [`Path::heal`].
    ///
    /// # Errors
    /// As [`Path::heal`].
    pub fn cut(&self) -> Result<(), SetUp> {
        self.takes_clients(|control| {
            control.fault = Fault::Cut;
            control.cuts += 1;
        })
    }

    /// Lets nothing through, either way, until [`Path::heal`]: connections stay open and hang, and so do new ones.
    ///
    /// # Errors
    /// As [`Path::heal`].
    pub fn black_hole(&self) -> Result<(), SetUp> {
        self.takes_clients(|control| control.fault = Fault::BlackHole)
    }

    /// Refuses each client, as where nothing listens, until [`Path::heal`] takes the same port back. Open connections are reset.
    pub fn refuse(&self) {
        let order = |control: &mut Control| {
            control.fault = Fault::Cut;
            control.cuts += 1;
        };
        self.gate.close(|| self.state.change(order));
    }

    /// Loses every packet, either way, until [`Path::heal`], and for good: a connection that was made before stays silent ever
    /// after. A client that comes meanwhile hangs in its handshake, which its kernel repeats: after the heal it succeeds.
    ///
    /// # Errors
    /// As [`Path::heal`].
    pub fn lose(&self) -> Result<(), SetUp> {
        let order = |control: &mut Control| {
            control.fault = Fault::None;
            control.losses += 1;
        };
        self.gate.block(&self.state, || self.state.change(order)).map_err(|error| self.deaf(error))
    }

    /// Ends whichever fault there is.
    ///
    /// # Errors
    /// After [`Path::refuse`], when somebody else has taken the port meanwhile.
    pub fn heal(&self) -> Result<(), SetUp> {
        self.takes_clients(|control| control.fault = Fault::None)
    }

    fn takes_clients(&self, order: impl FnOnce(&mut Control)) -> Result<(), SetUp> {
        self.gate.open(|| self.state.change(order)).map_err(|error| self.deaf(error))
    }

    fn deaf(&self, error: io::Error) -> SetUp {
        SetUp::from_cause(format!("listen on {}, the near end of a path", self.addr()), error)
    }

    /// What went over the path.
    pub fn counts(&self) -> Counts {
        *self.state.counts()
    }

    /// Counts from zero again. Connections that are open stay counted as open.
    pub fn reset_counts(&self) {
        let mut counts = self.state.counts();
        *counts = Counts { open: counts.open, peak_open: counts.open, ..Counts::default() };
    }
}

impl Drop for Path {
    fn drop(&mut self) {
        // The listening task owns the listener and the connections' tasks, and so takes them along.
        self.listening.abort();
    }
}

impl Endpoint for Path {
    fn addr(&self) -> SocketAddr {
        self.gate.addr()
    }
}

async fn listen(gate: Arc<Gate>, state: Arc<State>) {
    let mut connections = JoinSet::new();
    let mut orders = state.watch();
    loop {
        tokio::select! {
            accepted = poll_fn(|context| gate.poll_accept(context, &state)) => match accepted {
                Ok((client, made)) => accept(client, made, &state, &mut connections),
                // Out of descriptors: connections wait in the kernel's queue, as they would before any busy server.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            // The gate may have been opened.
            _ = orders.changed() => {}
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Takes a client that came in under the orders `made`.
fn accept(client: TcpStream, made: Control, state: &Arc<State>, connections: &mut JoinSet<()>) {
    let open = state.opened();
    if made.fault == Fault::Cut {
        connection::reset(client);
    } else {
        connections.spawn(connection::carry(client, open, made));
    }
}
