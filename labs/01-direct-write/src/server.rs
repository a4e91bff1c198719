//! Connections: taking them, bounding them, and ending them well.
//!
//! `axum::serve` would be shorter. It has no timer for a client that sends its head byte by byte,
//! and its graceful stop has no end.

use std::{future::Future, io, pin::pin, sync::Arc, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream, lookup_host},
    signal::unix::{SignalKind, signal},
    sync::Semaphore,
    time::timeout,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// How many connections may wait in the kernel to be accepted. They are accepted at once, so this
/// only has to outlast a pause of the host. When it is full a client sees no refusal, but a
/// connection that takes 1 s, then 3 s, then 7 s.
const BACKLOG: u32 = 1024;

/// How many connections are served at once. Each costs a descriptor and up to [`MAX_HEAD`] of
/// memory; further ones wait in the kernel.
const MAX_CONNECTIONS: usize = 4096;

/// The longest request head, in bytes: room for a long search.
const MAX_HEAD: usize = 80 * 1024;

/// How long a client may take to send a request head, and how long a connection may be idle between
/// two.
const HEAD_TIMEOUT: Duration = Duration::from_secs(30);

/// How long after the signal a connection is still read. A request that had arrived may not have
/// been read when the signal came.
const LAST_READ: Duration = Duration::from_millis(100);

/// Listens on `address`, as `host:port`.
///
/// # Errors
/// The address is not known, not ours, or taken.
pub async fn bind(address: &str) -> io::Result<TcpListener> {
    let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in lookup_host(address).await? {
        let socket = if address.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
        socket.set_reuseaddr(true)?;
        match socket.bind(address).and_then(|()| socket.listen(BACKLOG)) {
            Ok(listener) => return Ok(listener),
            Err(error) => last = error,
        }
    }
    Err(last)
}

/// SIGTERM or Ctrl-C. The signals are caught from the moment this returns.
///
/// # Errors
/// The operating system does not let us catch them.
pub fn terminated() -> io::Result<impl Future<Output = ()>> {
    let (mut term, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    Ok(async move {
        tokio::select! { _ = term.recv() => {}, _ = interrupt.recv() => {} }
    })
}

/// Serves `app` until `shutdown` is over, and then the requests that had arrived, for at most
/// `drain`.
// ANCHOR: serve
pub async fn run(listener: TcpListener, app: Router, shutdown: impl Future<Output = ()>, drain: Duration) {
    let server = Server { app, stop: CancellationToken::new(), connections: TaskTracker::new() };
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
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
                Ok((stream, _)) => server.serve(stream, place.ok()),
                Err(error) => not_accepted(&error).await,
            }
        }
    }
    tracing::info!(open = server.connections.len(), "stopping");
    server.finish(listener, drain).await;
}
// ANCHOR_END: serve

/// A client that left before we came is no reason to wait. Anything else (no descriptors left)
/// would fail again at once, and spin.
async fn not_accepted(error: &io::Error) {
    tracing::warn!("failed to accept a connection: {error}");
    if error.kind() != io::ErrorKind::ConnectionAborted {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

struct Server {
    app: Router,
    /// Tells every connection to end after the request that it is serving.
    stop: CancellationToken,
    /// Counts the connections.
    connections: TaskTracker,
}

impl Server {
    /// Serves a connection in a task of its own. `place` is held until it ends.
    fn serve(&self, stream: TcpStream, place: impl Send + 'static) {
        // An answer is one small packet: it must not wait for the acknowledgement of the one
        // before.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(self.app.clone());
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MAX_HEAD);
        let stop = self.stop.clone();

        self.connections.spawn(async move {
            let _place = place;
            let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
            let ended = tokio::select! {
                ended = &mut connection => ended,
                () = stop.cancelled() => match timeout(LAST_READ, &mut connection).await {
                    Ok(ended) => ended,
                    Err(_) => {
                        connection.as_mut().graceful_shutdown();
                        connection.await
                    }
                }
            };
            if let Err(error) = ended {
                tracing::debug!("a connection broke: {error}");
            }
        });
    }

    /// The graceful stop: takes no more connections than those that the kernel has already taken
    /// for us, lets every request that had arrived end with its answer, and gives up on what is
    /// left (a client that sent half a request) after `drain`.
    // ANCHOR: shutdown
    async fn finish(self, listener: TcpListener, drain: Duration) {
        // Three steps: no more connections, the word to those that are open (`stop`), and a wait
        // for their end (`connections`) that has an end itself. Mind the connections that the
        // kernel has accepted for us and that nobody serves yet.
        let _ = (listener, drain);
        todo!("lab 01: stop gracefully")
    }
    // ANCHOR_END: shutdown
}

#[cfg(test)]
mod tests {
    use axum::routing::get;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::oneshot,
    };

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nhost: x\r\n\r\n";

    #[tokio::test]
    async fn a_stop_answers_what_had_arrived_and_waits_for_nobody_else() {
        let (begun, mut begins) = tokio::sync::mpsc::channel(1);
        let (answer, gate) = oneshot::channel::<()>();
        let gate = Arc::new(tokio::sync::Mutex::new(Some(gate)));
        let app = Router::new().route(
            "/",
            get(async move || {
                let gate = gate.lock().await.take();
                begun.send(()).await.expect("the test waits");
                if let Some(gate) = gate {
                    gate.await.expect("the test answers");
                }
                "done"
            }),
        );
        let listener = bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(run(
            listener,
            app,
            async { stopped.await.expect("the test stops") },
            Duration::from_secs(1),
        ));

        let connect = || TcpStream::connect(address);
        let mut busy = connect().await.expect("listening");
        busy.write_all(REQUEST).await.expect("open");
        begins.recv().await.expect("a request in flight");
        let mut half = connect().await.expect("listening");
        half.write_all(b"GET / HTT").await.expect("open");
        let idle = connect().await.expect("listening");

        stop.send(()).expect("running");
        while connect().await.is_ok() {
            tokio::task::yield_now().await;
        }
        answer.send(()).expect("in flight");
        let mut answered = String::new();
        let read = timeout(Duration::from_secs(10), busy.read_to_string(&mut answered));
        read.await.expect("the connection ends after the answer").expect("a whole answer");
        assert!(answered.starts_with("HTTP/1.1 200 OK") && answered.ends_with("done"), "{answered}");
        timeout(Duration::from_secs(10), server).await.expect("bounded by `drain`").expect("no panic");
        drop((half, idle));
    }
}
