//! Connections: accepting them, bounding them, and ending them well.
//!
//! `axum::serve` would be shorter. It has no timer for a client that sends its head byte by byte,
//! and its graceful stop has no end.

mod connection;
mod limits;
mod stop;
mod stream;

use std::{
    future::{Future, pending},
    io,
    pin::pin,
    sync::Arc,
    time::Duration,
};

use axum::Router;
use tokio::{
    net::{TcpListener, TcpSocket, lookup_host},
    sync::Semaphore,
    time::sleep,
};

pub use connection::Connections;
pub use limits::Limits;
pub use stop::terminated;

/// Listens on `address`, as `host:port`.
///
/// # Errors
/// The address is not known, not ours, or taken.
pub async fn bind(address: &str, limits: Limits) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host(address).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(limits.backlog)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// Serves `app` until `shutdown` is over, and then the requests that had arrived, for at most
/// `drain`.
// ANCHOR: serve
pub async fn run(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    shutdown: impl Future<Output = ()>,
    drain: Duration,
) {
    let connections = Connections::new(app, limits);
    let places = Arc::new(Semaphore::new(limits.connections));
    let mut shutdown = pin!(shutdown);

    loop {
        let next = async {
            let place = places.clone().acquire_owned().await;
            (place, listener.accept().await)
        };
        tokio::select! {
            biased;
            () = &mut shutdown => break,
            (place, accepted) = next => match accepted {
                Ok((stream, _)) => connections.serve(stream, Arc::new(place), pending()),
                Err(error) => not_accepted(&error, limits.pause).await,
            }
        }
    }
    tracing::info!(open = connections.open(), "stopping");
    connections.finish(listener, drain).await;
}
// ANCHOR_END: serve

/// A client that left before we came is no reason to wait.
async fn not_accepted(error: &io::Error, pause: Duration) {
    tracing::warn!("failed to accept a connection: {error}");
    if error.kind() != io::ErrorKind::ConnectionAborted {
        sleep(pause).await;
    }
}
