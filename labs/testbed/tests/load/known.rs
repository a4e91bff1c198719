//! A server of known capacity: so many servers, one deterministic service time, a queue of so many places.
//!
//! It reckons with the moments at which requests arrive and lets each answer go when its service would end, so its
//! capacity is exact however coarse the timers of this host are.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};
use http_body_util::Empty;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::TcpListener;
use tokio::time::{Instant, sleep_until};

#[derive(Clone, Copy)]
pub(crate) struct Known {
    pub(crate) servers: usize,
    pub(crate) queue: usize,
    pub(crate) service: Duration,
}

impl Known {
    /// Requests a second.
    pub(crate) fn capacity(self) -> f64 {
        self.servers as f64 / self.service.as_secs_f64()
    }

    /// Listens until the runtime ends.
    pub(crate) async fn start(self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let inside = Arc::<Mutex<VecDeque<Instant>>>::default();
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let inside = Arc::clone(&inside);
                let serve = service_fn(move |_request| {
                    let ends = self.admit(&mut inside.lock().unwrap(), Instant::now());
                    async move { Ok::<_, Infallible>(answer(ends).await) }
                });
                let connection = hyper::server::conn::http1::Builder::new();
                tokio::spawn(connection.serve_connection(TokioIo::new(stream), serve));
            }
        });
        address
    }

    /// When the service of an arrival ends, or `None` when there is no place for it. `inside` holds, in order, when
    /// each request in the system leaves it.
    fn admit(self, inside: &mut VecDeque<Instant>, now: Instant) -> Option<Instant> {
        while inside.front().is_some_and(|leaves| *leaves <= now) {
            inside.pop_front();
        }
        if inside.len() >= self.servers + self.queue {
            return None;
        }
        let start = inside.len().checked_sub(self.servers).map_or(now, |first| inside[first]);
        inside.push_back(start + self.service);
        Some(start + self.service)
    }
}

async fn answer(ends: Option<Instant>) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    match ends {
        Some(ends) => sleep_until(ends).await,
        None => *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE,
    }
    response
}
