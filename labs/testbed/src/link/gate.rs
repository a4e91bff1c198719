//! Where clients come in: the listener of a link, as it stands, closed, or with its queue full.
//!
//! A path that loses packets must not let a client's `connect` return. The kernel drops the handshakes of a listener whose queue is
//! full, and the client's kernel sends them again: exactly what a lost SYN is. So such a listener is given a queue of two places, and
//! the link takes both itself.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustix::net::listen;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::state::{Control, State};

/// How many clients may wait to be accepted: the kernel's own bound.
const QUEUE: i32 = 4096;
/// The shortest queue that the kernel does not take for a flood. It holds one connection more than its length.
const SHORT_QUEUE: i32 = 1;
/// How long a connection that fills the queue may take. On loopback it is there at once, or the queue is full already.
const FILLING: Duration = Duration::from_millis(50);

#[derive(Debug)]
pub(super) struct Gate {
    addr: SocketAddr,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    /// `None` while the gate is closed.
    listener: Option<TcpListener>,
    /// Those that had come in when the gate was blocked, and the orders that held then.
    came_before: VecDeque<(TcpStream, Control)>,
    /// What fills the queue while the gate is blocked.
    fillers: Vec<std::net::TcpStream>,
    /// By these names the fillers' other ends are known when they are accepted.
    filled_by: Vec<SocketAddr>,
}

impl Gate {
    /// A gate at `addr` that is open.
    pub(super) fn at(addr: SocketAddr) -> io::Result<Gate> {
        let inside = Inside { listener: Some(listener_at(addr)?), ..Inside::default() };
        Ok(Gate { addr, inside: Mutex::new(inside) })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The next client, with the orders under which it came in. Whoever changes the gate must change the orders: that wakes the task
    /// that waits here.
    pub(super) fn poll_accept(
        &self,
        context: &mut Context<'_>,
        state: &State,
    ) -> Poll<io::Result<(TcpStream, Control)>> {
        let mut inside = self.inside();
        if let Some(before) = inside.came_before.pop_front() {
            return Poll::Ready(Ok(before));
        }
        if !inside.fillers.is_empty() {
            return Poll::Pending;
        }
        inside.poll_accept(context).map_ok(|client| (client, state.control()))
    }

    /// Lets clients in from now on, and gives the `order` that goes with it. A closed gate takes its port back.
    pub(super) fn open(&self, order: impl FnOnce()) -> io::Result<()> {
        let mut inside = self.inside();
        match &inside.listener {
            None => inside.listener = Some(listener_at(self.addr)?),
            Some(listener) if !inside.fillers.is_empty() => listen(listener, QUEUE)?,
            Some(_) => {}
        }
        inside.fillers.clear();
        order();
        Ok(())
    }

    /// Lets nobody in: the kernel refuses each client. Gives the `order` that goes with it first, so that none who slips in is missed.
    pub(super) fn close(&self, order: impl FnOnce()) {
        let mut inside = self.inside();
        order();
        // Those in the kernel's queue are reset with it.
        *inside = Inside { came_before: std::mem::take(&mut inside.came_before), ..Inside::default() };
    }

    /// Makes every client wait in its handshake. Who has come in before belongs to the time before the `order`.
    pub(super) fn block(&self, state: &State, order: impl FnOnce()) -> io::Result<()> {
        let mut inside = self.inside();
        if !inside.fillers.is_empty() {
            order();
            return Ok(());
        }
        if inside.listener.is_none() {
            inside.listener = Some(listener_at(self.addr)?);
        }
        // The one that waits in `poll_accept` loses its place to this look, and is woken by the order.
        let mut look = Context::from_waker(Waker::noop());
        while let Poll::Ready(Ok(client)) = inside.poll_accept(&mut look) {
            inside.came_before.push_back((client, state.control()));
        }
        if let Some(listener) = &inside.listener {
            listen(listener, SHORT_QUEUE)?;
        }
        for _ in 0..=SHORT_QUEUE {
            let Ok(filler) = std::net::TcpStream::connect_timeout(&self.addr, FILLING) else { break };
            inside.filled_by.push(filler.local_addr()?);
            inside.fillers.push(filler);
        }
        order();
        Ok(())
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Stays usable if a task panicked: a listener is there or it is not.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn poll_accept(&mut self, context: &mut Context<'_>) -> Poll<io::Result<TcpStream>> {
        let Some(listener) = &self.listener else { return Poll::Pending };
        loop {
            let (client, from) = std::task::ready!(listener.poll_accept(context))?;
            match self.filled_by.iter().position(|filler| *filler == from) {
                Some(known) => drop(self.filled_by.swap_remove(known)),
                None => return Poll::Ready(Ok(client)),
            }
        }
    }
}

fn listener_at(addr: SocketAddr) -> io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // What is left of a closed gate's connections does not keep it from its port.
    socket.set_reuseaddr(true)?;
    socket.bind(addr)?;
    socket.listen(QUEUE.unsigned_abs())
}
