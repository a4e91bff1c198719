//! How a request becomes a value, or one of our refusals. (axum's own rejections are plain text.)

use axum::{
    body::Body,
    extract::{FromRequest, FromRequestParts, Request},
    http::{HeaderMap, header, request::Parts},
};
use http_body_util::BodyExt as _;
use serde::{
    Deserialize,
    de::{DeserializeOwned, IgnoredAny},
};
use serde_json::error::Category;

use super::Error;

/// The longest body that is taken, in bytes.
pub const MAX_BODY: usize = 65_536;

/// How much of a longer body is read and thrown away. A client that is still sending when the
/// connection closes sees a reset, and never the 413.
const MAX_DISCARDED: usize = 16 * MAX_BODY;

/// A JSON object as the body.
#[derive(Clone, Copy, Debug)]
pub struct Json<T>(pub T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self, Error> {
        let json = is_json(request.headers());
        let body = read(request.into_body()).await?;
        if json { object(&body).map(Self) } else { Err(Error::NotJson) }
    }
}

/// Parameters (`; charset=utf-8`) may follow the media type.
fn is_json(headers: &HeaderMap) -> bool {
    let media_type =
        headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let essence = media_type.split_once(';').map_or(media_type, |(essence, _)| essence);
    essence.trim().eq_ignore_ascii_case("application/json")
}

async fn read(mut body: Body) -> Result<Vec<u8>, Error> {
    let mut kept = Vec::new();
    let mut length = 0;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame.map_err(|_| Error::Malformed("the body broke off"))?.into_data() else {
            continue;
        };
        length += data.len();
        if length <= MAX_BODY {
            kept.extend_from_slice(&data);
        } else if length > MAX_DISCARDED {
            break;
        }
    }
    if length <= MAX_BODY { Ok(kept) } else { Err(Error::BodyTooLarge) }
}

/// First whether it is JSON at all (400), then whether it is what we want (422).
fn object<T: DeserializeOwned>(body: &[u8]) -> Result<T, Error> {
    const MALFORMED: Error = Error::Malformed("the body is not valid JSON");

    let text = std::str::from_utf8(body).map_err(|_| MALFORMED)?;
    serde_json::from_str::<IgnoredAny>(text).map_err(|_| MALFORMED)?;
    if !text.trim_start().starts_with('{') {
        return Err(Error::Invalid("the body must be a JSON object".to_owned()));
    }
    serde_json::from_str(text).map_err(|error| match error.classify() {
        Category::Data => Error::Invalid(without_position(&error.to_string())),
        _ => MALFORMED,
    })
}

/// serde_json ends its messages with " at line 1 column 17", which helps nobody whose JSON was made
/// by a program.
fn without_position(message: &str) -> String {
    message.rsplit_once(" at line ").map_or(message, |(what, _)| what).to_owned()
}

/// One segment of the path.
#[derive(Clone, Copy, Debug)]
pub struct Path<T>(pub T);

impl<T: DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for Path<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match axum::extract::Path::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(_) => Err(Error::Malformed("the id must be a UUID")),
        }
    }
}

/// A query whose parameters have been checked: `T` is made from its raw form, `T::Raw`.
#[derive(Clone, Copy, Debug)]
pub struct Query<T>(pub T);

/// A query that can be made from what the URL says.
pub trait FromQuery: Sized {
    /// The parameters as they came.
    type Raw: for<'de> Deserialize<'de>;

    /// Checks the parameters.
    ///
    /// # Errors
    /// The refusal that is answered.
    fn from_query(raw: Self::Raw) -> Result<Self, Error>;
}

impl<T: FromQuery, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        match axum::extract::Query::<T::Raw>::from_request_parts(parts, state).await {
            Ok(axum::extract::Query(raw)) => T::from_query(raw).map(Self),
            Err(_) => Err(Error::Malformed("the query string cannot be read")),
        }
    }
}
