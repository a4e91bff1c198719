//! HTTP: `POST /post` as in lab 02, with an id from `Idempotency-Key`, and with `Server-Timing`.

use std::time::Duration;

use axum::{
    Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue},
    routing::post,
};
use direct_write::http::Json;
use message_queue::accepting::http::{self as queue, Answer, Intake, Refusal, Request};
use tokio::time::Instant;

use crate::key;

/// `Server-Timing` (W3C): how long the parts of an answer took, in milliseconds.
const SERVER_TIMING: HeaderName = HeaderName::from_static("server-timing");

/// `POST /post`.
pub fn post_route(intake: Intake) -> Router {
    Router::new().route("/post", post(accept)).with_state(intake)
}

/// `POST /post`: lab 02's 202, for a post that may have its id from the header, and with the time that
/// it took.
// ANCHOR: accept
async fn accept(
    State(intake): State<Intake>,
    headers: HeaderMap,
    Json(mut request): Json<Request>,
) -> Result<(HeaderMap, Answer), Refusal> {
    // What the body says is the client's own word; the header may be the proxy's.
    request.id = request.id.or(key::id(&headers)?);
    let begun = Instant::now();
    let answer = queue::accept(State(intake), Json(request)).await?;
    Ok((timing(begun.elapsed()), answer))
}
// ANCHOR_END: accept

/// What a 202 says of its time: the broker's confirm, and the record if there is one.
// ANCHOR: timing
fn timing(broker: Duration) -> HeaderMap {
    // ANCHOR: hole-timing
    let value = format!("broker;dur={:.3}", broker.as_secs_f64() * 1_000.0);
    let value = HeaderValue::from_str(&value).ok();
    value.map(|value| (SERVER_TIMING, value)).into_iter().collect()
    // ANCHOR_END: hole-timing
}
// ANCHOR_END: timing

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_is_in_milliseconds_with_a_fraction() {
        let said = |micros| timing(Duration::from_micros(micros)).remove(SERVER_TIMING);
        assert_eq!(said(12_345).as_ref().map(HeaderValue::as_bytes), Some(&b"broker;dur=12.345"[..]));
        assert_eq!(said(70).as_ref().map(HeaderValue::as_bytes), Some(&b"broker;dur=0.070"[..]));
    }
}
