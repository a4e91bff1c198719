//! The connections that are open: how each is served, and how all are told to end.

use std::{future::Future, pin::pin, time::Duration};

use axum::{Router, http::Request};
use hyper::{
    body::Incoming,
    server::conn::http1,
    service::{Service as _, service_fn},
};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    service::TowerToHyperService,
};
use tokio::{net::TcpStream, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{Limits, stream::ClientStream};

/// How long after the signal a connection is still read. A request that had arrived may not have
/// been read when the signal came.
const LAST_READ: Duration = Duration::from_millis(100);

/// Serves connections, and counts them.
pub struct Connections {
    app: Router,
    pub(super) limits: Limits,
    /// Tells every connection to end after the request that it is serving.
    pub(super) stop: CancellationToken,
    /// The tasks of the connections.
    pub(super) tasks: TaskTracker,
}

impl Connections {
    /// None is open yet.
    #[must_use]
    pub fn new(app: Router, limits: Limits) -> Self {
        Self { app, limits, stop: CancellationToken::new(), tasks: TaskTracker::new() }
    }

    /// How many are open.
    #[must_use]
    pub fn open(&self) -> usize {
        self.tasks.len()
    }

    /// Serves a connection in a task of its own, until it ends or `left` is over, which closes it as soon
    /// as the client has taken what is being written. Each of its requests finds `place` among its
    /// extensions, and the connection itself holds it until it ends.
    pub fn serve<P: Clone + Send + Sync + 'static>(
        &self,
        stream: TcpStream,
        place: P,
        left: impl Future<Output = ()> + Send + 'static,
    ) {
        // An answer is one small packet: it must not wait for the acknowledgement of the one
        // before.
        let _ = stream.set_nodelay(true);
        let app = TowerToHyperService::new(self.app.clone());
        let service = service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(place.clone());
            app.call(request)
        });
        let mut http = http1::Builder::new();
        http.timer(TokioTimer::new())
            .header_read_timeout(self.limits.head_timeout)
            .max_buf_size(self.limits.head);
        let stop = self.stop.clone();
        let stream = ClientStream::new(stream, self.limits.stall);
        let written = stream.written();

        self.tasks.spawn(async move {
            let mut connection = pin!(http.serve_connection(TokioIo::new(stream), service));
            let leave = async {
                left.await;
                written.await;
            };
            let ended = tokio::select! {
                ended = &mut connection => ended,
                () = leave => return,
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
