//! One request, and what it means when no answer comes.

use std::time::{Duration, Instant};

use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Client, Method};
use serde_json::Value;

use super::pieces::Pieces;
use super::{Answer, shorten};
use crate::report::Figure;
use crate::setup::SetUp;
use crate::subject::Subject;
use crate::verdict::{Stop, promise};

/// How long a single request is waited for. The contract's deadline is 2 s; a check of deadlines sets its own.
const PATIENCE: Duration = Duration::from_secs(10);

/// A client that opens a connection for each request, so that no request inherits another's fault.
pub(crate) fn client() -> Result<Client, SetUp> {
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(PATIENCE).build();
    client.map_err(|error| SetUp::from_cause("make an HTTP client", error))
}

/// A request to a subject, ready to be sent.
#[must_use]
pub struct Ask {
    method: Method,
    url: String,
    shown: String,
    body: Option<(Option<&'static str>, Vec<u8>)>,
    in_two_pieces: bool,
}

impl Subject {
    /// `GET path`. The path carries its query, percent-encoded.
    pub fn get(&self, path: &str) -> Ask {
        self.ask(Method::GET, path)
    }

    /// A request with any method and no body.
    pub fn ask(&self, method: Method, path: &str) -> Ask {
        let shown = format!("{method} {}", shorten(path, 60));
        Ask { method, url: format!("http://{}{path}", self.addr()), shown, body: None, in_two_pieces: false }
    }

    /// `POST /post` with this JSON.
    pub fn post(&self, body: &Value) -> Ask {
        self.post_raw(Some("application/json"), body.to_string())
    }

    /// `POST /post` with these bytes under this media type, or under none.
    pub fn post_raw(&self, media_type: Option<&'static str>, body: impl Into<Vec<u8>>) -> Ask {
        let body = body.into();
        let mut ask = self.ask(Method::POST, "/post");
        ask.shown = format!("POST /post {}", shorten(&String::from_utf8_lossy(&body), 60));
        ask.body = Some((media_type, body));
        ask
    }
}

impl Ask {
    /// The second half of its body leaves a moment after the first.
    pub fn in_two_pieces(self) -> Self {
        Ask { in_two_pieces: true, ..self }
    }

    /// Sends the request and reads the whole answer.
    ///
    /// # Errors
    /// No answer is a broken promise: the contract answers every request.
    pub async fn send(self) -> Result<Answer, Stop> {
        let Ask { method, url, shown, body, in_two_pieces } = self;
        let mut request = client()?.request(method, &url);
        if let Some((media_type, body)) = body {
            if let Some(media_type) = media_type {
                request = request.header(CONTENT_TYPE, media_type);
            }
            request = match in_two_pieces {
                true => request.body(Body::wrap(Pieces::of(body))),
                false => request.body(body),
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
        .observed(Figure::named(asked, what))
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
