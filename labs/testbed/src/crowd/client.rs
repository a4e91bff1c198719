//! One client: a connection, kept while the server keeps it, and one request at a time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

/// How long a client tries to get an answer to one request.
const PATIENCE: Duration = Duration::from_secs(8);
/// The pause before a connection that was refused or closed at once is tried again.
const PAUSE: Duration = Duration::from_millis(20);

/// Why a request had no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No connection could be opened in time.
    NoConnection,
    /// An answer was begun, and broken off.
    Cut,
    /// Nothing came in time.
    NoAnswer,
}

impl Failure {
    /// Every failure, in the order in which reports show them.
    pub const ALL: [Self; 3] = [Self::NoConnection, Self::Cut, Self::NoAnswer];

    /// What a report calls it.
    pub fn name(self) -> &'static str {
        match self {
            Failure::NoConnection => "no connection",
            Failure::Cut => "cut off",
            Failure::NoAnswer => "no answer",
        }
    }
}

/// A client and the connection that it keeps.
pub(super) struct Client {
    target: SocketAddr,
    kept: Option<Kept>,
    connections: usize,
}

struct Kept {
    sender: SendRequest<Empty<Bytes>>,
    link: JoinHandle<()>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        // The task owns the socket.
        self.link.abort();
    }
}

impl Client {
    pub(super) fn of(target: SocketAddr) -> Client {
        Client { target, kept: None, connections: 0 }
    }

    pub(super) fn connections(&self) -> usize {
        self.connections
    }

    /// Asks until there is an answer, whatever it is, or patience ends.
    pub(super) async fn get(&mut self, path: &str) -> Result<u16, Failure> {
        let deadline = Instant::now() + PATIENCE;
        let mut last = Failure::NoConnection;
        while Instant::now() < deadline {
            let kept = match self.kept.take() {
                Some(kept) if !kept.sender.is_closed() => Ok(kept),
                _ => match timeout_at(deadline, self.connect()).await {
                    Ok(kept) => kept,
                    Err(_) => return Err(Failure::NoConnection),
                },
            };
            let Ok(mut kept) = kept else {
                sleep(PAUSE).await;
                continue;
            };
            match timeout_at(deadline, exchange(&mut kept, self.target, path)).await {
                Ok(Ok(status)) => {
                    self.kept = Some(kept);
                    return Ok(status);
                }
                Ok(Err(Broken::Begun)) => return Err(Failure::Cut),
                // Nothing of an answer has come: the request may be repeated.
                Ok(Err(Broken::Before)) => {
                    last = Failure::NoAnswer;
                    sleep(PAUSE).await;
                }
                Err(_) => return Err(Failure::NoAnswer),
            }
        }
        Err(last)
    }

    async fn connect(&mut self) -> io::Result<Kept> {
        let stream = TcpStream::connect(self.target).await?;
        // A connect to a port where nobody listens can be given that very port as its own, and meets itself.
        if stream.local_addr()? == self.target {
            return Err(io::ErrorKind::ConnectionRefused.into());
        }
        stream.set_nodelay(true)?;
        self.connections += 1;
        let (sender, link) = http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        let link = tokio::spawn(async move {
            // Its error is the request's, too.
            let _ = link.await;
        });
        Ok(Kept { sender, link })
    }
}

/// Where an exchange broke.
enum Broken {
    /// Before anything of the answer had come.
    Before,
    /// In the middle of it.
    Begun,
}

async fn exchange(kept: &mut Kept, target: SocketAddr, path: &str) -> Result<u16, Broken> {
    let request = Request::get(path).header("host", target.to_string()).body(Empty::new());
    let request = request.map_err(|_| Broken::Before)?;
    kept.sender.ready().await.map_err(|_| Broken::Before)?;
    let answer = kept.sender.send_request(request).await.map_err(|_| Broken::Before)?;
    let status = answer.status().as_u16();
    answer.into_body().collect().await.map_err(|_| Broken::Begun)?;
    Ok(status)
}
