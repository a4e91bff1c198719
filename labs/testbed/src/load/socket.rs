//! A TCP stream that knows whether anything was written to it.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use rustix::io::Errno;
use tokio::net::TcpStream;

use super::outcome::Outcome;

/// Bytes that the kernel took on one connection.
#[derive(Clone, Default)]
pub(super) struct Written(Arc<AtomicU64>);

impl Written {
    pub(super) fn bytes(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    fn count(&self, taken: Poll<io::Result<usize>>) -> Poll<io::Result<usize>> {
        if let Poll::Ready(Ok(bytes)) = taken {
            self.0.fetch_add(bytes as u64, Ordering::Relaxed);
        }
        taken
    }
}

pub(super) struct Socket {
    io: TokioIo<TcpStream>,
    written: Written,
}

/// Why no connection could be opened.
pub(super) enum NoConnection {
    /// The server's side: refused or reset.
    Theirs(Outcome),
    /// This host's side: no descriptor, no port.
    Ours(String),
}

impl Socket {
    pub(super) async fn connect(target: SocketAddr) -> Result<Self, NoConnection> {
        let stream = TcpStream::connect(target).await.map_err(|error| cause(target, &error))?;
        // On loopback, a connect to a port where nobody listens can be given that very port as its own and then
        // meets itself. It must not stay open: the server could not come back to its address.
        if stream.local_addr().is_ok_and(|local| local == target) {
            let _ = stream.set_zero_linger();
            return Err(NoConnection::Theirs(Outcome::ConnectionRefused));
        }
        // Without it a body could wait for the acknowledgement of its head. It fails only on a dead socket, and
        // then so does the write.
        let _ = stream.set_nodelay(true);
        Ok(Self { io: TokioIo::new(stream), written: Written::default() })
    }

    pub(super) fn written(&self) -> Written {
        self.written.clone()
    }
}

fn cause(target: SocketAddr, error: &io::Error) -> NoConnection {
    match Errno::from_io_error(error) {
        Some(
            Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM | Errno::ADDRNOTAVAIL | Errno::AGAIN,
        ) => NoConnection::Ours(format!("failed to open a connection to {target}: {error}")),
        Some(Errno::CONNRESET) => NoConnection::Theirs(Outcome::Reset),
        Some(Errno::TIMEDOUT) => NoConnection::Theirs(Outcome::TimedOut),
        _ => NoConnection::Theirs(Outcome::ConnectionRefused),
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for Socket {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.io).poll_write(cx, bytes);
        self.written.count(taken)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let taken = Pin::new(&mut self.io).poll_write_vectored(cx, slices);
        self.written.count(taken)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }
}
