//! The connections that are open: how each is served, and how all are told to end.

use std::{pin::pin, time::Duration};

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::Limits;

/// How long after the signal a connection is still read. A request that had arrived may not have
/// been read when the signal came.
const LAST_READ: Duration = Duration::from_millis(100);

/// Serves connections, and counts them.
pub(super) struct Connections {
    app: Router,
    pub(super) limits: Limits,
    /// Tells every connection to end after the request that it is serving.
    pub(super) stop: CancellationToken,
    /// The tasks of the connections.
    pub(super) tasks: TaskTracker,
}

impl Connections {
    pub(super) fn new(app: Router, limits: Limits) -> Self {
        Self { app, limits, stop: CancellationToken::new(), tasks: TaskTracker::new() }
    }

    /// How many are open.
    pub(super) fn open(&self) -> usize {
        self.tasks.len()
    }

    /// Serves a connection in a task of its own. `place` is held until it ends.
    pub(super) fn serve(&self, stream: TcpStream, place: impl Send + 'static) {
        // An answer is one small packet: it must not wait for the acknowledgement of the one
        // before.
        let _ = stream.set_nodelay(true);
        let service = TowerToHyperService::new(self.app.clone());
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_timeout)
            .max_buf_size(self.limits.head);
        let stop = self.stop.clone();

        self.tasks.spawn(async move {
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
}
