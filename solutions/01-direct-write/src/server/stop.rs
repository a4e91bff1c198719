//! The graceful stop: what had arrived is answered, and nobody else is waited for.

use std::{future::Future, io, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream},
    signal::unix::{SignalKind, signal},
};

use super::connection::Connections;

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

impl Connections {
    /// The graceful stop: takes no more connections than those that the kernel has already taken
    /// for us, lets every request that had arrived end with its answer, and gives up on what is
    /// left (a client that sent half a request) after `drain`.
    // ANCHOR: shutdown
    pub async fn finish(self, listener: TcpListener, drain: Duration) {
        // ANCHOR: hole-finish
        // Connections that wait in the kernel may carry requests, and closing the listener would
        // reset them.
        if let Ok(listener) = listener.into_std() {
            let waiting = std::iter::from_fn(|| listener.accept().ok()).take(self.limits.backlog as usize);
            for (stream, _) in waiting {
                if let Ok(stream) = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream)) {
                    self.serve(stream, (), std::future::pending());
                }
            }
        } // Here the listener is closed.

        self.stop.cancel();
        self.tasks.close();
        if tokio::time::timeout(drain, self.tasks.wait()).await.is_err() {
            tracing::warn!(open = self.open(), "gave up on connections that did not end");
        }
        // ANCHOR_END: hole-finish
    }
    // ANCHOR_END: shutdown
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{Router, routing::get};
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        sync::oneshot,
        time::timeout,
    };

    use super::{
        super::{Limits, bind, run},
        *,
    };

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
        let listener = bind("127.0.0.1:0", Limits::default()).await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel::<()>();
        let server = tokio::spawn(run(
            listener,
            app,
            Limits::default(),
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
