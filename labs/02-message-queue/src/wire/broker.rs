//! Connections to the broker. Each has a deadline for everything, and an end.
//!
//! lapin can reconnect by itself. We do not let it: it gives up after some attempts, and a confirm
//! that was under way can then wait for ever. A connection here lives once; who holds it notices
//! its end and opens another, with a [`Backoff`](super::backoff::Backoff).

use std::{
    future::Future,
    io,
    net::{Shutdown, TcpStream},
    os::fd::AsFd as _,
    sync::{Arc, OnceLock},
    time::Duration,
};

use futures_util::StreamExt as _;
use lapin::{
    Channel, Connection, ConnectionProperties,
    tcp::{AMQPUriTcpExt as _, AsyncTcpStream},
    uri::AMQPUri,
};
use thiserror::Error;
use tokio::time::timeout;

/// How long the broker may take for one answer: to let us in, to open a channel, to declare a queue.
const ANSWER: Duration = Duration::from_secs(5);

/// How long a broker may be silent, in seconds, before it is asked whether it lives. After twice
/// that without a word the connection is over.
const HEARTBEAT: u16 = 5;

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// How often a connection is looked at, beside its events: lapin has none for a close without an
/// error.
const LOOK: Duration = Duration::from_secs(1);

/// Which broker.
#[derive(Clone, Debug)]
pub struct Broker {
    uri: AMQPUri,
}

impl Broker {
    /// The broker at `uri`. A heartbeat that the URI asks for is kept.
    #[must_use]
    pub fn new(mut uri: AMQPUri) -> Self {
        uri.query.heartbeat.get_or_insert(HEARTBEAT);
        Self { uri }
    }

    /// Opens a connection, which the broker lists under `name`.
    ///
    /// # Errors
    /// The broker cannot be reached, does not answer in time, or does not let us in.
    // ANCHOR: connect
    pub async fn connect(&self, name: &str) -> Result<Link, BrokerError> {
        let socket = Arc::new(Socket::default());
        let handed = Arc::downgrade(&socket);
        let properties = ConnectionProperties::default().with_connection_name(name.into());
        let runtime = lapin::runtime::default_runtime().map_err(failed_to("find the runtime"))?;
        let connection = Connection::connector(
            self.uri.clone(),
            runtime,
            async move |uri, runtime| {
                let stream =
                    timeout(ANSWER, uri.connect_async(&runtime)).await.map_err(io::Error::from)??;
                // Nobody waits for it any more: it ends here.
                let socket = handed.upgrade().ok_or_else(|| io::Error::from(io::ErrorKind::TimedOut))?;
                if let AsyncTcpStream::Plain(tcp) = &stream {
                    let _ = socket.0.set(tcp.get_ref().as_fd().try_clone_to_owned()?.into());
                }
                Ok(stream)
            },
            properties,
        );
        let connection = within("connect to the broker", connection).await?;
        Ok(Link { connection, socket })
    }
    // ANCHOR_END: connect
}

/// The connection's socket, beside lapin's own handle of it. When it is dropped the connection is
/// cut, whatever state lapin is in.
///
/// lapin gives each connection a thread, and a handshake or a farewell that a silent broker never
/// answers would keep it for as long as the broker is silent. To cut the socket ends the thread.
#[derive(Debug, Default)]
struct Socket(OnceLock<TcpStream>);

impl Drop for Socket {
    fn drop(&mut self) {
        if let Some(socket) = self.0.get() {
            let _ = socket.shutdown(Shutdown::Both); // It may be closed already.
        }
    }
}

/// One connection, from its handshake to its end. Dropped, it is cut, as by a crash: the broker
/// gives what was not acknowledged to somebody else.
#[derive(Debug)]
pub struct Link {
    connection: Connection,
    #[expect(dead_code, reason = "held, never read")]
    socket: Arc<Socket>,
}

impl Link {
    /// Opens a channel.
    ///
    /// # Errors
    /// The connection is over, or the broker does not answer in time.
    pub async fn channel(&self) -> Result<Channel, BrokerError> {
        within("open a channel", self.connection.create_channel()).await
    }

    /// Whether the connection lives, as far as is known here.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.connection.status().connected()
    }

    /// Whether the broker has said that it takes no publishes now, because it is short of memory or
    /// disk.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.connection.status().blocked()
    }

    /// Waits for the end of the connection.
    pub async fn ended(&self) {
        let mut events = self.connection.events_listener();
        while self.is_open() {
            let _ = timeout(LOOK, events.next()).await;
        }
    }

    /// Says goodbye, and waits a moment for the answer.
    pub async fn close(&self) {
        let _ = timeout(FAREWELL, self.connection.close(200, "goodbye".into())).await;
    }
}

/// Waits for the broker's answer, but not for ever: a paused broker takes every question and
/// answers none.
///
/// # Errors
/// The broker refused, the connection broke, or no answer came in time.
pub async fn within<T>(
    operation: &'static str,
    call: impl Future<Output = lapin::Result<T>>,
) -> Result<T, BrokerError> {
    match timeout(ANSWER, call).await {
        Ok(answer) => answer.map_err(failed_to(operation)),
        Err(_) => Err(BrokerError::Silent { operation }),
    }
}

/// For `map_err`: lapin's error with what was tried.
pub fn failed_to(operation: &'static str) -> impl FnOnce(lapin::Error) -> BrokerError {
    move |cause| BrokerError::Failed { operation, cause }
}

/// What the broker did not do. Its text is for the log, never for an answer.
#[derive(Clone, Debug, Error)]
pub enum BrokerError {
    /// It refused, or the connection broke.
    #[error("failed to {operation}: {cause}")]
    Failed {
        /// What was tried.
        operation: &'static str,
        /// What came of it.
        #[source]
        cause: lapin::Error,
    },
    /// It said nothing.
    #[error("failed to {operation}: no answer within {ANSWER:?}")]
    Silent {
        /// What was tried.
        operation: &'static str,
    },
}
