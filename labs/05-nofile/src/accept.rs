//! Accepting connections, and no more of them than there are places for.

use std::{future::pending, io, time::Duration};

use axum::{Router, middleware};
use direct_write::server::{Connections, Limits};
use tokio::{
    net::TcpListener,
    time::{Instant, sleep},
};
use tokio_util::sync::CancellationToken;

use crate::{http::answer_in_place, places::Places};

/// How often a connection that cannot be accepted is told of, at most.
const TOLD_EVERY: Duration = Duration::from_secs(1);

/// Serves `app` until `stop`, and then the requests that had arrived, for at most `drain`.
// ANCHOR: serve
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: Limits,
    stop: CancellationToken,
    drain: Duration,
) {
    let places = Places::new(limits.connections);
    let connections = Connections::new(app.layer(middleware::from_fn(answer_in_place)), limits);
    let mut failures = Failures::default();

    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            // The descriptor of a client that waits for its place is one of those to spare.
            Ok((stream, _)) => tokio::select! {
                biased;
                place = places.take() => {
                    let left = place.left();
                    connections.serve(stream, place, left);
                }
                // Whoever was accepted before the stop is answered, with a place or without.
                () = stop.cancelled() => connections.serve(stream, (), pending()),
            },
            Err(error) => failures.not_accepted(&error, limits.pause).await,
        }
    }
    tracing::info!(open = connections.open(), "stopping");
    connections.finish(listener, drain).await;
}
// ANCHOR_END: serve

/// What could not be accepted.
#[derive(Debug, Default)]
struct Failures {
    told: Option<Instant>,
    since: u64,
}

impl Failures {
    /// Tells of it, but not of each, and waits until it makes sense to try again.
    // ANCHOR: not-accepted
    async fn not_accepted(&mut self, error: &io::Error, pause: Duration) {
        // ANCHOR: hole-not-accepted
        // Tell of a connection that could not be accepted, and wait a moment.
        //
        // Without descriptors `accept` fails at once, and the connection is still there. What does a loop do that goes on, and what
        // one that ends?
        let _ = (error, pause, self.told, self.since, TOLD_EVERY, io::ErrorKind::ConnectionAborted);
        sleep(Duration::from_secs(1)).await;
        // ANCHOR_END: hole-not-accepted
    }
    // ANCHOR_END: not-accepted
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use direct_write::server::bind;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpStream,
        time::timeout,
    };

    use super::*;

    const SOON: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn an_answer_is_written_to_its_end_whoever_wants_the_place() {
        /// More than the kernel keeps for a client who does not read.
        const ANSWER: usize = 32 << 20;
        /// Who has a place and asks for nothing has to go before that.
        const LONG: Duration = Duration::from_millis(300);
        let limits = Limits { connections: 1, ..Limits::default() };
        let listener = bind("127.0.0.1:0", limits).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let app = Router::new().route("/", get(async || vec![b'a'; ANSWER]));
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listener, app, limits, stop.clone(), SOON));

        let ask = async || {
            let mut stream = TcpStream::connect(address).await.expect("listening");
            stream.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n").await.expect("open");
            stream
        };
        let mut first = ask().await;
        first.readable().await.expect("its answer begins");
        let mut second = ask().await;
        assert!(timeout(LONG, second.readable()).await.is_err(), "there is one place");
        let mut answer = vec![0; ANSWER];
        for client in [&mut first, &mut second] {
            timeout(SOON, client.read_exact(&mut answer)).await.expect("it comes").expect("all of it");
        }
        stop.cancel();
        serving.await.expect("no panic");
    }

    #[tokio::test]
    async fn the_next_attempt_comes_soon_and_not_at_once_and_is_told_of_once() {
        let (full, pause) = (io::Error::from_raw_os_error(24), Duration::from_millis(5));
        let (begun, mut failures) = (Instant::now(), Failures::default());
        for _ in 0..10 {
            failures.not_accepted(&full, pause).await;
        }
        assert!(begun.elapsed() >= 10 * pause);
        assert_eq!(failures.since, 9, "the first was told");
        failures.not_accepted(&io::ErrorKind::ConnectionAborted.into(), pause).await;
        assert_eq!(failures.since, 9, "who has left is none of ours");
    }
}
