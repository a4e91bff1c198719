//! HTTP: `POST /post` by way of the queue. The reads are lab 01's.

use axum::{
    Router,
    extract::State,
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use direct_write::{
    http::{Error, Json},
    post::{Content, NewPost, Post},
};
use serde::{Deserialize, Serialize};
use tokio::time::timeout_at;
use uuid::Uuid;

use super::{
    audit::{Journal, JournalError},
    clock::{Clock, PostBudget},
    publisher::{PublishError, Publisher},
};

/// What accepts a post.
#[derive(Clone, Debug)]
pub struct Intake {
    /// Where it is published.
    pub publisher: Publisher,
    /// Where it is recorded, if it is.
    pub journal: Option<Journal>,
    /// How the time of a post is spent.
    pub budget: PostBudget,
}

/// `POST /post`.
pub fn post_route(intake: Intake) -> Router {
    Router::new().route("/post", post(accept)).with_state(intake)
}

/// What a client sends.
#[derive(Debug, Deserialize)]
pub struct Request {
    /// The text.
    pub content: Content,
    /// Its own name for the post, so that a repeat is the same post.
    pub id: Option<Uuid>,
}

/// What is answered: a name for a post that will be there.
#[derive(Debug, Serialize)]
pub struct Accepted {
    id: Uuid,
}

/// Status, `Location` and the id.
pub type Answer = (StatusCode, [(HeaderName, String); 1], axum::Json<Accepted>);

/// `POST /post`: 202 with `Location` and the id, when the broker has confirmed the post and the
/// audit log has it.
///
/// # Errors
/// A post that is not accepted, or of which it is not known.
// ANCHOR: accept
pub async fn accept(State(intake): State<Intake>, Json(request): Json<Request>) -> Result<Answer, Refusal> {
    let mut post = Post::accept(NewPost { content: request.content });
    post.id = request.id.unwrap_or(post.id);
    let id = post.id;

    let clock = intake.budget.begin();
    match timeout_at(clock.known, intake.take(&post, clock)).await {
        Ok(taken) => taken?,
        Err(_) => return Err(Refusal::Unknown(id)),
    }
    let location = format!("/post/{id}");
    Ok((StatusCode::ACCEPTED, [(header::LOCATION, location)], axum::Json(Accepted { id })))
}
// ANCHOR_END: accept

impl Intake {
    /// First the confirm, then the record: what was refused is not in it.
    // ANCHOR: take
    async fn take(&self, post: &Post, clock: Clock) -> Result<(), Refusal> {
        // ANCHOR: hole-take
        self.publisher.publish(post, clock).await.map_err(|error| Refusal::of(post.id, &error))?;
        if let Some(journal) = &self.journal {
            journal.append(post).await.map_err(|error| Refusal::not_recorded(post.id, &error))?;
        }
        Ok(())
        // ANCHOR_END: hole-take
    }
    // ANCHOR_END: take
}

/// Why a post is not accepted.
#[derive(Debug)]
pub enum Refusal {
    /// As lab 01 refuses. The post is not in the queue.
    Plain(Error),
    /// 503: it may be in the queue or not.
    Unknown(Uuid),
}

impl Refusal {
    fn of(id: Uuid, error: &PublishError) -> Self {
        match error {
            // While the broker is away this is the common answer: a log line for each would be one
            // more load.
            PublishError::LineIsFull(_) | PublishError::Unavailable(_) => {
                tracing::debug!("{error}");
                Self::Plain(Error::Unavailable)
            }
            PublishError::Unknown(_) => {
                tracing::warn!(%id, "{error}");
                Self::Unknown(id)
            }
            PublishError::Fault(_) => {
                tracing::error!("{error}");
                Self::Plain(Error::Internal)
            }
        }
    }

    /// The broker has the post, and we do not say so: who repeats it gets it into the record too.
    fn not_recorded(id: Uuid, error: &JournalError) -> Self {
        tracing::error!(%id, "{error}");
        Self::Unknown(id)
    }
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Plain(error)
    }
}

/// The body of an ambiguous answer: RFC 9457 with two members more.
#[derive(Debug, Serialize)]
struct Ambiguous {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'static str,
    id: Uuid,
    outcome: &'static str,
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let plain = match self {
            Self::Plain(error) => return error.into_response(),
            Self::Unknown(id) => axum::Json(Ambiguous {
                r#type: "about:blank",
                title: "Service Unavailable",
                status: StatusCode::SERVICE_UNAVAILABLE.as_u16(),
                detail: "the post may have been accepted or not; to send it again with this `id` is safe",
                id,
                outcome: "unknown",
            }),
        };
        let headers = [
            (header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json")),
            (header::RETRY_AFTER, HeaderValue::from_static("1")),
        ];
        (StatusCode::SERVICE_UNAVAILABLE, headers, plain).into_response()
    }
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use tower::ServiceExt as _;

    use super::*;

    async fn send(body: &str) -> (StatusCode, axum::http::HeaderMap, serde_json::Value) {
        // The extractors and the shape of the answers need no broker.
        let route = post(async |Json(request): Json<Request>| match request.id {
            Some(id) => Refusal::Unknown(id).into_response(),
            None => Refusal::Plain(Error::Unavailable).into_response(),
        });
        let request = axum::http::Request::post("/post").header(header::CONTENT_TYPE, "application/json");
        let request = request.body(Body::from(body.to_owned())).expect("a valid request");
        let response = Router::new().route("/post", route).oneshot(request).await.expect("never fails");
        let (head, body) = response.into_parts();
        let body = to_bytes(body, 65_536).await.expect("a whole body");
        (head.status, head.headers, serde_json::from_slice(&body).expect("a JSON body"))
    }

    #[tokio::test]
    async fn an_ambiguous_answer_says_so() {
        let (status, headers, body) =
            send(r#"{"content":"x","id":"0199f0a4-7d2c-7cc0-8d0e-5f2f3a1c9b11"}"#).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json");
        assert_eq!(headers[header::RETRY_AFTER], "1");
        insta::assert_json_snapshot!(body, @r#"
        {
          "detail": "the post may have been accepted or not; to send it again with this `id` is safe",
          "id": "0199f0a4-7d2c-7cc0-8d0e-5f2f3a1c9b11",
          "outcome": "unknown",
          "status": 503,
          "title": "Service Unavailable",
          "type": "about:blank"
        }
        "#);
    }

    #[tokio::test]
    async fn an_id_must_be_a_uuid() {
        for wrong in [r#""42""#, "42", r#""""#, "{}"] {
            let (status, _, body) = send(&format!(r#"{{"content":"x","id":{wrong}}}"#)).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{wrong}: {body}");
        }
        assert_eq!(send(r#"{"content":"x"}"#).await.0, StatusCode::SERVICE_UNAVAILABLE);
    }
}
