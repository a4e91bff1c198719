//! The one public error. What went wrong inside is logged here and never answered.

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use crate::store::StoreError;

/// After how many seconds a refused client may come back. The line in front of the database is
/// shorter than that.
const RETRY_AFTER: HeaderValue = HeaderValue::from_static("1");

// ANCHOR: problem
/// Every way in which a request can be refused. The texts are answered, so they say what the caller
/// can do, and nothing internal.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Error {
    /// 400: not JSON, not an id, not a page.
    Malformed(&'static str),
    /// 404.
    NotFound(&'static str),
    /// 405; the router adds `Allow`.
    MethodNotAllowed,
    /// 413.
    BodyTooLarge,
    /// 415.
    NotJson,
    /// 422: well-formed, and still not what is asked for.
    Invalid(String),
    /// 500: a fault of ours.
    Internal,
    /// 503: not now.
    Unavailable,
}

/// The body of a refusal, as RFC 9457 has it.
#[derive(Debug, Serialize)]
pub struct Problem<'a> {
    r#type: &'static str,
    title: &'static str,
    status: u16,
    detail: &'a str,
}

impl Error {
    fn status(&self) -> StatusCode {
        match self {
            Self::Malformed(_) => StatusCode::BAD_REQUEST,
            Self::NotFound(_) => StatusCode::NOT_FOUND,
            Self::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
            Self::BodyTooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::NotJson => StatusCode::UNSUPPORTED_MEDIA_TYPE,
            Self::Invalid(_) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Internal => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    /// The body of the answer.
    #[must_use]
    pub fn problem(&self) -> Problem<'_> {
        let detail = match self {
            Self::Malformed(detail) | Self::NotFound(detail) => detail,
            Self::MethodNotAllowed => "this route has other methods; see `Allow`",
            Self::BodyTooLarge => "the body must not be longer than 65536 bytes",
            Self::NotJson => "the body must be sent as application/json",
            Self::Invalid(detail) => detail,
            Self::Internal => "the service met a fault of its own",
            Self::Unavailable => "the service cannot do this now; try again later",
        };
        let status = self.status();
        Problem {
            r#type: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail,
        }
    }
}

impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = (self.status(), axum::Json(self.problem())).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self == Self::Unavailable {
            headers.insert(header::RETRY_AFTER, RETRY_AFTER);
        }
        response
    }
}

impl From<StoreError> for Error {
    fn from(error: StoreError) -> Self {
        match error {
            // Under overload this is the common answer: a log line for each would be one more load.
            StoreError::LineIsFull(full) => {
                tracing::debug!("{full}");
                Self::Unavailable
            }
            error if error.is_temporary() => {
                tracing::warn!("{error}");
                Self::Unavailable
            }
            error => {
                tracing::error!("{error}");
                Self::Internal
            }
        }
    }
}
// ANCHOR_END: problem
