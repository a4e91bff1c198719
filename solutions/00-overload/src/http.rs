//! HTTP: the routes, the handlers, and the one shape of a refusal.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, State, rejection::PathRejection},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use serde_json::{Value, json};

use crate::{
    admission::{Admission, NotRun},
    work::Work,
};

/// After how many seconds a refused client may come back.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

/// The longest wait that can be asked for, in milliseconds.
const LONGEST_IO: u32 = 60_000;

// ANCHOR: router
/// The whole service. Health is answered here and now, by no worker: who asks wants to know whether the process lives,
/// and most of all when the line is full.
pub fn app(admission: Admission) -> Router {
    Router::new()
        .route("/hash/{text}", get(hash))
        .route("/io/{ms}", get(io))
        .with_state(admission)
        .route("/health", get(async || "ok\n"))
        .fallback(async || Refusal::NotFound)
        .method_not_allowed_fallback(async || Refusal::MethodNotAllowed)
}
// ANCHOR_END: router

type Segment = Result<Path<String>, PathRejection>;

// ANCHOR: handlers
async fn hash(State(admission): State<Admission>, text: Segment) -> Result<Json<Value>, Refusal> {
    let Path(text) = text.map_err(|_| Refusal::BadText)?;
    Ok(Json(admission.run(Work::Hash(text)).await?))
}

async fn io(State(admission): State<Admission>, ms: Segment) -> Result<Json<Value>, Refusal> {
    let ms = ms.ok().and_then(|Path(ms)| ms.parse::<u32>().ok()).filter(|ms| *ms <= LONGEST_IO);
    let time = Duration::from_millis(ms.ok_or(Refusal::BadTime)?.into());
    Ok(Json(admission.run(Work::Io(time)).await?))
}
// ANCHOR_END: handlers

// ANCHOR: refusal
/// Every way in which a request can be refused. The texts are answered, so they say what the caller can do.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// 400: the text is not UTF-8.
    BadText,
    /// 400: no number, or out of bounds.
    BadTime,
    /// 404.
    NotFound,
    /// 405; the router adds `Allow`.
    MethodNotAllowed,
    /// 500, 503 or 504.
    NotRun(NotRun),
}

impl From<NotRun> for Refusal {
    fn from(why: NotRun) -> Self {
        Self::NotRun(why)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, detail) = match self {
            Self::BadText => (StatusCode::BAD_REQUEST, "the text must be UTF-8, percent-encoded"),
            Self::BadTime => (StatusCode::BAD_REQUEST, "the time must be milliseconds, from 0 to 60000"),
            Self::NotFound => (StatusCode::NOT_FOUND, "there is no such route"),
            Self::MethodNotAllowed => {
                (StatusCode::METHOD_NOT_ALLOWED, "this route has other methods; see `Allow`")
            }
            Self::NotRun(NotRun::Broke) => {
                (StatusCode::INTERNAL_SERVER_ERROR, "the service met a fault of its own")
            }
            Self::NotRun(NotRun::Refused) => {
                (StatusCode::SERVICE_UNAVAILABLE, "the line is full; try again later")
            }
            Self::NotRun(NotRun::TimedOut) => {
                (StatusCode::GATEWAY_TIMEOUT, "no worker was free in time; nothing was done")
            }
        };
        let title = status.canonical_reason().unwrap_or("Error");
        let problem =
            json!({ "type": "about:blank", "title": title, "status": status.as_u16(), "detail": detail });
        let mut response = (status, Json(problem)).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}
// ANCHOR_END: refusal

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use axum::{body::Body, http::Request};
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::line::Line;

    /// A server whose workers never come.
    async fn ask(queue: u32, method: &str, path: &str) -> (u16, header::HeaderMap, String) {
        let app = app(Admission::new(Arc::new(Line::new(0, queue)), Duration::from_millis(1)));
        let request = Request::builder().method(method).uri(path).body(Body::empty()).expect("valid");
        let (head, body) = app.oneshot(request).await.expect("a router never fails").into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        (head.status.as_u16(), head.headers, String::from_utf8_lossy(&body).into_owned())
    }

    #[tokio::test]
    async fn every_refusal_is_a_problem() {
        for (queue, method, path, expected) in [
            (0, "GET", "/hash/x", 503),
            (1, "GET", "/hash/x", 504),
            (0, "GET", "/io/1", 503),
            (1, "GET", "/io/60000", 504),
            (1, "GET", "/io/60001", 400),
            (1, "GET", "/io/-1", 400),
            (1, "GET", "/io/soon", 400),
            (1, "GET", "/hash/%FF", 400),
            (1, "GET", "/", 404),
            (1, "POST", "/hash/x", 405),
        ] {
            let (status, headers, body) = ask(queue, method, path).await;
            assert_eq!(status, expected, "{method} {path}: {body}");
            assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json", "{method} {path}");
            assert_eq!(headers.contains_key(header::RETRY_AFTER), expected == 503, "{method} {path}");
            let problem: Value = serde_json::from_str(&body).expect("a JSON body");
            assert_eq!(problem["status"], expected, "{method} {path}");
        }
    }

    #[tokio::test]
    async fn health_needs_no_worker() {
        assert_eq!(ask(0, "GET", "/health").await.0, 200);
    }
}
