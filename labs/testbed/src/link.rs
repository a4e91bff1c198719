//! A TCP path with a round-trip time, a bandwidth and faults, between any two parties.
//!
//! A link listens on 127.0.0.1 and carries every connection to its upstream. It changes nothing but time: bytes arrive
//! whole, in order, half a round trip later, and so do a half-close and a reset. Where a real path would differ from a
//! plain proxy, the link does as the path would:
//!
//! - **Set-up costs a round trip.** The local `connect` returns at once, so the link makes the client's first byte wait
//!   for the handshake: it arrives upstream one and a half round trips after the connection was made, its answer after
//!   two. The upstream sees the connection after half a round trip; what it says first reaches the client after two.
//! - **Delay does not cost rate.** Data is stamped when it enters and leaves when it is due, so a pipelined connection
//!   keeps its rate; only whoever waits for an answer pays.
//! - **The bandwidth is the path's**, each way, and its connections share it.
//! - **A black hole loses time, not bytes.** TCP sends again what was lost, so what was sent into the hole arrives after
//!   [`Link::heal`], until the sender gives up.
//! - **Buffers are bounded.** A connection holds, each way, the bandwidth-delay product and 256 KiB (4 MiB where the
//!   bandwidth is unlimited, which then bounds one connection to 4 MiB in half a round trip); a receiver that does not
//!   read stops the sender.

mod clock;
mod connection;
mod lane;
mod state;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

use state::{Fault, State};

/// What a path costs. The default costs nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Path {
    /// The time from a request's departure to the arrival of an instant answer.
    pub round_trip: Duration,
    /// Bytes a second, each way; `None` is unlimited.
    pub bandwidth: Option<u64>,
}

impl Path {
    /// A path with this round-trip time and no limit to its bandwidth.
    pub fn round_trip(round_trip: Duration) -> Self {
        Self { round_trip, bandwidth: None }
    }
}

/// What went over a link since it was opened, or since [`Link::reset_counts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections made to the link, those that it then reset or held included.
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

/// A TCP path between whoever connects to [`Link::addr`] and an upstream. Dropping it ends every connection and frees
/// the port.
#[derive(Debug)]
pub struct Link {
    addr: SocketAddr,
    state: Arc<State>,
    listening: AbortHandle,
}

impl Link {
    /// Opens a link to `upstream` on a free port of 127.0.0.1. Its tasks run on the ambient tokio runtime.
    pub async fn open(upstream: SocketAddr, path: Path) -> io::Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.bind((Ipv4Addr::LOCALHOST, 0).into())?;
        let listener = socket.listen(4096)?;
        let addr = listener.local_addr()?;
        let state = Arc::new(State::new(upstream, path)?);
        let listening = tokio::spawn(listen(listener, state.clone())).abort_handle();
        Ok(Self { addr, state, listening })
    }

    /// Where clients connect.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Sends the connections made from now on to another upstream. Those that are open stay where they are.
    pub fn set_upstream(&self, upstream: SocketAddr) {
        self.state.change(|control| control.upstream = upstream);
    }

    /// Changes what the path costs, for data that enters from now on. Nothing overtakes what is under way.
    pub fn set_path(&self, path: Path) {
        self.state.change(|control| control.path = path);
    }

    /// Resets every connection, and each new one as soon as it is made, until [`Link::heal`].
    pub fn cut(&self) {
        self.state.change(|control| {
            control.fault = Fault::Cut;
            control.cuts += 1;
        });
    }

    /// Lets nothing through, either way, until [`Link::heal`]: connections stay open and hang, and so do new ones.
    pub fn black_hole(&self) {
        self.state.change(|control| control.fault = Fault::BlackHole);
    }

    /// Ends [`Link::cut`] or [`Link::black_hole`].
    pub fn heal(&self) {
        self.state.change(|control| control.fault = Fault::None);
    }

    /// What went over the link.
    pub fn counts(&self) -> Counts {
        *self.state.counts()
    }

    /// Counts from zero again. Connections that are open stay counted as open.
    pub fn reset_counts(&self) {
        let mut counts = self.state.counts();
        *counts = Counts { open: counts.open, peak_open: counts.open, ..Counts::default() };
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // The listening task owns the listener and the connections' tasks, and so takes them along.
        self.listening.abort();
    }
}

async fn listen(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => accept(client, &state, &mut connections),
                // Out of descriptors: connections wait in the kernel's queue, as they would before any busy server.
                Err(_) => tokio::time::sleep(Duration::from_millis(10)).await,
            },
            Some(_) = connections.join_next() => {}
        }
    }
}

fn accept(client: TcpStream, state: &Arc<State>, connections: &mut JoinSet<()>) {
    let open = state.opened();
    let control = state.control();
    if control.fault == Fault::Cut {
        connection::reset(client);
    } else {
        connections.spawn(connection::carry(client, open, control.cuts));
    }
}
