//! A body in two pieces: what a slow or distant client sends, whose request does not come by one read.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

/// Between the pieces: long enough for whoever reads only once to have read.
const APART: Duration = Duration::from_millis(100);

/// The first half of a body at once, and the second a moment later.
pub(super) struct Pieces {
    first: Bytes,
    second: Bytes,
    /// Whether the request says how long its body is.
    told: bool,
    /// Runs from the moment at which the first is on its way.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Pieces {
    /// With `told` the request says its `Content-Length`; without it the body comes in chunks.
    pub(super) fn of(body: Vec<u8>, told: bool) -> Self {
        let mut first = Bytes::from(body);
        let second = first.split_off(first.len() / 2);
        Self { first, second, told, pause: None }
    }
}

impl Body for Pieces {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.pause {
            None => {
                self.pause = Some(Box::pin(sleep(APART)));
                std::mem::take(&mut self.first)
            }
            Some(pause) => {
                ready!(pause.as_mut().poll(cx));
                std::mem::take(&mut self.second)
            }
        };
        Poll::Ready((!piece.is_empty()).then_some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.first.is_empty() && self.second.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.told {
            true => SizeHint::with_exact((self.first.len() + self.second.len()) as u64),
            false => SizeHint::default(),
        }
    }
}
