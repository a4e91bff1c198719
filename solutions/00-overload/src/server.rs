//! The listener and the graceful stop.

use std::{future::Future, io, time::Duration};

use axum::Router;
use tokio::{
    net::TcpListener,
    signal::unix::{SignalKind, signal},
    sync::oneshot,
    time::sleep,
};

/// How long the stop waits for what runs and waits: less than the 10 s after which the contract's patience ends.
const DRAIN: Duration = Duration::from_secs(9);

/// SIGTERM or Ctrl-C. The signals are caught from the moment this returns.
///
/// # Errors
/// The operating system does not let us catch them.
pub fn terminated() -> io::Result<impl Future<Output = ()> + Send> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = term.recv() => {}, _ = interrupt.recv() => {} }
    })
}

/// Serves `app` until `shutdown` is over, and then the requests that it has, for a bounded time.
///
/// # Errors
/// The listener broke.
// ANCHOR: stop
pub async fn run(
    listener: TcpListener,
    app: Router,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    // ANCHOR: hole-stop
    let (stopping, stop) = oneshot::channel();
    let server = axum::serve(listener, app).with_graceful_shutdown(async move {
        shutdown.await;
        tracing::info!("stopping");
        let _ = stopping.send(());
    });
    let given_up = async {
        let _ = stop.await;
        sleep(DRAIN).await;
    };
    tokio::select! {
        ended = server => ended,
        () = given_up => {
            tracing::warn!("gave up on what did not end");
            Ok(())
        }
    }
    // ANCHOR_END: hole-stop
}
// ANCHOR_END: stop
