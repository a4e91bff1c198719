//! One HTTP/1.1 connection: opened for a request, kept while the server keeps it, one exchange at a time.
//!
//! The connection's own work and the exchange run in one task, so that an answer costs no wake of another task.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::{Bytes, BytesMut};
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER};
use http::response::Parts;
use http_body_util::Full;
use hyper::body::{Body, Incoming};
use hyper::client::conn::http1::{self, SendRequest};
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

use crate::client::{is_media_type, is_retry_after};

use super::driver::Shared;
use super::outcome::{Outcome, Sample};
use super::socket::{NoConnection, Socket, Written};

/// An answer's body is read to its end, and kept up to here: enough for every receipt.
const BODY_KEPT: usize = 1 << 20;

/// Opens connection `id`, sends request `first` on it, and then whatever the board gives it.
pub(super) async fn run(shared: Arc<Shared>, id: usize, first: usize) {
    serve(&shared, id, first).await;
    let mut board = shared.board();
    board.leave(id);
    if board.has_due(shared.now()) || board.over() {
        shared.wake();
    }
}

async fn serve(shared: &Shared, id: usize, first: usize) {
    let mut began = Began::now(shared, first);
    let opened = timeout_at(began.deadline, async {
        let socket = Socket::connect(shared.target).await?;
        let written = socket.written();
        // Head and body are small: one copy is cheaper than a scattered write.
        let (sender, link) = http1::Builder::new()
            .writev(false)
            .handshake(socket)
            .await
            .map_err(|_| NoConnection::Theirs(Outcome::Reset))?;
        Ok(Connection { sender, link, open: true, written, alarm: Box::pin(sleep_until(began.deadline)) })
    });
    let mut connection = match opened.await {
        Ok(Ok(connection)) => connection,
        Ok(Err(NoConnection::Theirs(outcome))) => return shared.end(began.failed(shared, outcome)),
        Ok(Err(NoConnection::Ours(fault))) => return shared.end_unsent(first, fault),
        Err(_elapsed) => return shared.end(began.failed(shared, Outcome::TimedOut)),
    };

    let mut fresh = true;
    loop {
        let next = match connection.exchange(shared, &began).await {
            Ok(answer) => {
                let sample = began.answered(shared, &answer);
                let mut board = shared.board();
                board.end(sample);
                if board.over() {
                    shared.wake();
                }
                if !connection.open {
                    return;
                }
                board.next_or_idle(id, shared.now())
            }
            // It was closed while it lay idle. Nothing of the request left, so another connection may send it.
            Err(Broken { written: false, timed_out: false, .. }) if !fresh => {
                return shared.board().give_back(began.n);
            }
            // Or while the request was on its way to it.
            Err(Broken { begun: false, timed_out: false, .. }) if !fresh && shared.repeats => {
                return shared.board().give_back(began.n);
            }
            Err(Broken { timed_out: true, .. }) => {
                return shared.end(began.failed(shared, Outcome::TimedOut));
            }
            Err(_) => return shared.end(began.failed(shared, Outcome::Reset)),
        };
        let Some(n) = (match next {
            Some(n) => Some(n),
            None => connection.idle(shared, id).await,
        }) else {
            return;
        };
        began = Began::now(shared, n);
        fresh = false;
    }
}

struct Connection {
    sender: SendRequest<Full<Bytes>>,
    link: http1::Connection<Socket, Full<Bytes>>,
    open: bool,
    written: Written,
    /// Set once and moved on only when it fires: the deadlines of one connection only ever grow.
    alarm: Pin<Box<Sleep>>,
}

/// An exchange that ended without an answer.
struct Broken {
    /// Something of the request left.
    written: bool,
    /// Something of the answer came.
    begun: bool,
    timed_out: bool,
}

impl Connection {
    async fn exchange(&mut self, shared: &Shared, began: &Began) -> Result<(Parts, Bytes), Broken> {
        let before = self.written.bytes();
        let mut begun = false;
        let answer = self.answer(shared, began, &mut begun).await;
        answer.map_err(|timed_out| Broken { written: self.written.bytes() > before, begun, timed_out })
    }

    /// `Err(true)` when patience ended first. `begun` tells whether something of the answer has come.
    async fn answer(
        &mut self,
        shared: &Shared,
        began: &Began,
        begun: &mut bool,
    ) -> Result<(Parts, Bytes), bool> {
        let Self { sender, link, open, alarm, .. } = self;
        let mut beside = Beside { link, open, alarm, deadline: began.deadline };

        // Only a connection that was looked at a moment ago can be believed to be open.
        beside.wait(|cx| sender.poll_ready(cx)).await?.map_err(|_closed| false)?;
        let mut answer = pin!(sender.send_request(shared.request(began.n)));
        let (parts, mut body) =
            beside.wait(|cx| answer.as_mut().poll(cx)).await?.map_err(|_broken| false)?.into_parts();
        *begun = true;
        let bytes = read(&mut beside, &mut body).await?;
        // An answer that closes the connection ends it in the same turn in which its body ends.
        beside.look().await;
        Ok((parts, bytes))
    }

    /// Waits for the next request; `None` when the server closes the connection first.
    async fn idle(&mut self, shared: &Shared, id: usize) -> Option<usize> {
        poll_fn(|cx| {
            if Pin::new(&mut self.link).poll(cx).is_ready() {
                self.open = false;
                return Poll::Ready(None);
            }
            match shared.board().assigned(id, cx.waker()) {
                Some(n) => Poll::Ready(Some(n)),
                None => Poll::Pending,
            }
        })
        .await
    }
}

async fn read(beside: &mut Beside<'_>, body: &mut Incoming) -> Result<Bytes, bool> {
    let mut first = Bytes::new();
    let mut rest = BytesMut::new();
    while !body.is_end_stream() {
        let Some(frame) = beside.wait(|cx| Pin::new(&mut *body).poll_frame(cx)).await? else {
            break;
        };
        let Ok(data) = frame.map_err(|_broken| false)?.into_data() else {
            continue;
        };
        if first.is_empty() {
            first = data;
        } else if first.len() + rest.len() < BODY_KEPT {
            rest.extend_from_slice(&data);
        }
    }
    if rest.is_empty() {
        return Ok(first);
    }
    Ok([first, rest.freeze()].concat().into())
}

/// The connection's own work, done beside whatever the exchange waits for.
struct Beside<'a> {
    link: &'a mut http1::Connection<Socket, Full<Bytes>>,
    open: &'a mut bool,
    alarm: &'a mut Pin<Box<Sleep>>,
    deadline: Instant,
}

impl Beside<'_> {
    /// `Err(true)` when patience ended first, `Err(false)` when the connection did.
    async fn wait<T>(&mut self, mut wanted: impl FnMut(&mut Context<'_>) -> Poll<T>) -> Result<T, bool> {
        poll_fn(|cx| {
            // The first look tells the connection that something is wanted, the second one finds it.
            if let Poll::Ready(value) = wanted(cx) {
                return Poll::Ready(Ok(value));
            }
            self.work(cx);
            if let Poll::Ready(value) = wanted(cx) {
                return Poll::Ready(Ok(value));
            }
            if !*self.open {
                return Poll::Ready(Err(false));
            }
            self.alarm(cx).map(|()| Err(true))
        })
        .await
    }

    async fn look(&mut self) {
        poll_fn(|cx| {
            self.work(cx);
            Poll::Ready(())
        })
        .await;
    }

    fn work(&mut self, cx: &mut Context<'_>) {
        if *self.open && Pin::new(&mut *self.link).poll(cx).is_ready() {
            *self.open = false;
        }
    }

    fn alarm(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        while self.alarm.as_mut().poll(cx).is_ready() {
            if Instant::now() >= self.deadline {
                return Poll::Ready(());
            }
            self.alarm.as_mut().reset(self.deadline);
        }
        Poll::Pending
    }
}

/// A request that a connection has begun to send.
struct Began {
    n: usize,
    sent: std::time::Duration,
    deadline: Instant,
}

impl Began {
    fn now(shared: &Shared, n: usize) -> Self {
        let sent = shared.now();
        Self { n, sent, deadline: Instant::from_std(shared.started + sent + shared.patience) }
    }

    fn failed(&self, shared: &Shared, outcome: Outcome) -> Sample {
        Sample {
            n: self.n,
            intended: shared.intended(self.n),
            sent: Some(self.sent),
            ended: shared.now(),
            outcome,
            status: None,
            retry_after: false,
            problem: false,
            receipt: None,
        }
    }

    fn answered(&self, shared: &Shared, (parts, body): &(Parts, Bytes)) -> Sample {
        let ended = shared.now();
        let status = parts.status.as_u16();
        let outcome = Outcome::of_status(status);
        let media_type =
            parts.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let retry_after = parts.headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok());
        Sample {
            ended,
            outcome,
            status: Some(status),
            retry_after: retry_after.is_some_and(is_retry_after),
            problem: is_media_type(media_type, "application/problem+json"),
            receipt: (outcome == Outcome::Accepted)
                .then(|| shared.traffic.receipt(self.n, parts, body))
                .flatten(),
            ..self.failed(shared, outcome)
        }
    }
}

impl Shared {
    fn request(&self, n: usize) -> http::Request<Full<Bytes>> {
        let mut request = self.traffic.request(n);
        request.headers_mut().entry(HOST).or_insert_with(|| self.host.clone());
        request
    }
}
