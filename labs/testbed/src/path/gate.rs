//! Where clients come in: the listener of a path, as it stands, closed, or with its queue full.
//!
//! A path that loses packets must not let a client's `connect` return. The kernel drops the handshakes of a listener whose queue is
//! full, and the client's kernel sends them again: exactly what a lost SYN is. So such a listener is given a queue of two places, and
//! the path takes both itself.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
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
    ear: Option<Ear>,
    /// While the gate is blocked, the orders that held before.
    blocked: Option<Control>,
    /// What fills the queue while the gate is blocked.
    fillers: Vec<std::net::TcpStream>,
    /// Those that had come in when the gate was blocked, and the orders that held then.
    came_before: VecDeque<(TcpStream, Control)>,
}

/// A listener that can be waited for, and emptied without a wait: the runtime may not have heard yet of who is there.
#[derive(Debug)]
struct Ear {
    waits: TcpListener,
    looks: std::net::TcpListener,
}

impl Gate {
    /// A gate at `addr` that is open.
    pub(super) fn at(addr: SocketAddr) -> io::Result<Gate> {
        let inside = Inside { ear: Some(Ear::at(addr)?), ..Inside::default() };
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
        match &inside.ear {
            Some(ear) if inside.blocked.is_none() => {
                ear.waits.poll_accept(context).map_ok(|(client, _)| (client, state.control()))
            }
            _ => Poll::Pending,
        }
    }

    /// Lets clients in from now on, and gives the `order` that goes with it. A closed gate takes its port back.
    pub(super) fn open(&self, order: impl FnOnce()) -> io::Result<()> {
        let mut guard = self.inside();
        let inside = &mut *guard;
        if inside.ear.is_none() {
            inside.ear = Some(Ear::at(self.addr)?);
        }
        if let (Some(ear), Some(before)) = (&inside.ear, inside.blocked) {
            // The first in the queue are those that filled it. A client that was quicker than a filler belongs to the time before.
            let fillers: Vec<_> = inside.fillers.iter().flat_map(|filler| filler.local_addr()).collect();
            for _ in 0..=SHORT_QUEUE {
                match ear.next()? {
                    Some((_, from)) if fillers.contains(&from) => {}
                    Some((client, _)) => inside.came_before.push_back((client, before)),
                    None => break,
                }
            }
            listen(&ear.looks, QUEUE)?;
            inside.fillers.clear();
            inside.blocked = None;
        }
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
        let mut guard = self.inside();
        let inside = &mut *guard;
        if inside.ear.is_none() {
            inside.ear = Some(Ear::at(self.addr)?);
        }
        if let (Some(ear), None) = (&inside.ear, inside.blocked) {
            let before = state.control();
            listen(&ear.looks, SHORT_QUEUE)?;
            while let Some((client, _)) = ear.next()? {
                inside.came_before.push_back((client, before));
            }
            inside.blocked = Some(before);
            for _ in 0..=SHORT_QUEUE {
                // Where a client was quicker, the queue is full already.
                let Ok(filler) = std::net::TcpStream::connect_timeout(&self.addr, FILLING) else { break };
                inside.fillers.push(filler);
            }
        }
        order();
        Ok(())
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        // Stays usable if a task panicked: a listener is there or it is not.
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ear {
    fn at(addr: SocketAddr) -> io::Result<Ear> {
        let socket = TcpSocket::new_v4()?;
        // What is left of a closed gate's connections does not keep it from its port.
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        let waits = socket.listen(QUEUE.unsigned_abs())?;
        let looks = waits.as_fd().try_clone_to_owned()?.into();
        Ok(Ear { waits, looks })
    }

    /// Who is there now, if anybody is.
    fn next(&self) -> io::Result<Option<(TcpStream, SocketAddr)>> {
        match self.looks.accept() {
            Ok((client, from)) => {
                client.set_nonblocking(true)?;
                Ok(Some((TcpStream::from_std(client)?, from)))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}
