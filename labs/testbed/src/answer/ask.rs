//! One request, and what it means when no answer comes.

use std::net::SocketAddr;
use std::time::Instant;

use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Method};

use super::pieces::Pieces;
use super::{Answer, shorten};
use crate::client::{PATIENCE, client};
use crate::fact::Fact;
use crate::verdict::{Stop, promise};

/// A request, ready to be sent.
#[must_use]
pub struct Ask {
    method: Method,
    url: String,
    shown: String,
    headers: Vec<(&'static str, String)>,
    body: Option<(Option<&'static str>, Vec<u8>)>,
    sent: Sent,
}

/// How a body is sent.
#[derive(Clone, Copy)]
enum Sent {
    Whole,
    /// The second half a moment after the first; with its length told before, or in chunks.
    InPieces {
        told: bool,
    },
}

impl Ask {
    /// A request with no body.
    pub fn to(addr: SocketAddr, method: Method, path: &str) -> Ask {
        let shown = format!("{method} {}", shorten(path, 60));
        let url = format!("http://{addr}{path}");
        Ask { method, url, shown, headers: Vec::new(), body: None, sent: Sent::Whole }
    }

    /// With these bytes as its body, under this media type, or under none. One that is not JSON's is shown.
    pub fn body(self, media_type: Option<&'static str>, body: impl Into<Vec<u8>>) -> Self {
        let body = body.into();
        let under = match media_type {
            Some("application/json") => String::new(),
            Some(other) => format!(" as {other}"),
            None => " without a media type".to_owned(),
        };
        let shown = format!("{} {}{under}", self.shown, shorten(&String::from_utf8_lossy(&body), 60));
        Ask { shown, body: Some((media_type, body)), ..self }
    }

    /// With one header more.
    pub fn header(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The second half of its body leaves a moment after the first.
    pub fn in_two_pieces(self) -> Self {
        Ask { sent: Sent::InPieces { told: true }, ..self }
    }

    /// As [`in_two_pieces`](Self::in_two_pieces), and nobody says before how long it is: `Transfer-Encoding: chunked`.
    pub fn in_chunks(self) -> Self {
        Ask { sent: Sent::InPieces { told: false }, ..self }
    }

    /// Sends the request and reads the whole answer.
    ///
    /// # Errors
    /// No answer is a broken promise: the contract answers every request.
    pub async fn send(self) -> Result<Answer, Stop> {
        let Ask { method, url, shown, headers, body, sent } = self;
        let mut request = client()?.request(method, &url);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        if let Some((media_type, body)) = body {
            if let Some(media_type) = media_type {
                request = request.header(CONTENT_TYPE, media_type);
            }
            request = match sent {
                Sent::InPieces { told } => request.body(Body::wrap(Pieces::of(body, told))),
                Sent::Whole => request.body(body),
            };
        }
        let started = Instant::now();
        let received = async {
            let answer = request.send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
        };
        match received.await {
            Ok((status, headers, body)) => {
                Ok(Answer { asked: shown, status, headers, body: body.to_vec(), took: started.elapsed() })
            }
            Err(error) => Err(unanswered(&shown, &error)),
        }
    }
}

fn unanswered(asked: &str, error: &reqwest::Error) -> Stop {
    let what = if error.is_timeout() {
        format!("no answer within {} s", PATIENCE.as_secs())
    } else if error.is_connect() {
        "the connection was refused".to_owned()
    } else {
        "the connection was closed before the answer was complete".to_owned()
    };
    promise("every request is answered")
        .observed(Fact::named(asked, what))
        .likely(
            error.is_timeout(),
            "the request waits for something without a deadline",
            "give every wait a deadline",
        )
        .likely(
            error.is_connect(),
            "nothing listens: the service ended or stopped accepting",
            "look at its stderr",
        )
        .likely(
            true,
            "the handler ended without an answer: a panic, or a closed connection",
            "look at the service's stderr",
        )
        .is_broken()
}
