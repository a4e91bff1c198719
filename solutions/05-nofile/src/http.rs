//! HTTP: what a request does to the place of its connection.

use axum::{
    Extension,
    extract::Request,
    http::{HeaderValue, header},
    middleware::Next,
    response::Response,
};

use crate::places::Place;

/// Answers a request, which holds its connection's place meanwhile; and ends the connection with it where
/// places are short.
pub async fn answer_in_place(place: Option<Extension<Place>>, request: Request, next: Next) -> Response {
    // What had been accepted when the service was told to stop has no place, and needs none.
    let Some(Extension(place)) = place else { return next.run(request).await };
    let asking = place.asks();
    let mut response = next.run(request).await;
    end_with(&place, &mut response);
    // The answers of this service are whole when they get here. What is left is to write them, and in the
    // middle of that no connection is closed.
    drop(asking);
    response
}

/// Has the connection end with this answer, where places are short.
// ANCHOR: close
fn end_with(place: &Place, response: &mut Response) {
    // ANCHOR: hole-close
    if place.is_wanted() {
        response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    // ANCHOR_END: hole-close
}
// ANCHOR_END: close

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, middleware::from_fn, routing::get};
    use tower::ServiceExt as _;

    use super::*;
    use crate::places::Places;

    #[tokio::test]
    async fn an_answer_ends_its_connection_when_places_are_short() {
        let app = Router::new().route("/", get(async || "done")).layer(from_fn(answer_in_place));
        let places = Places::new(5);
        let closes = async |place: &Place| {
            let mut request = Request::new(Body::empty());
            request.extensions_mut().insert(place.clone());
            let response = app.clone().oneshot(request).await.expect("a router never fails");
            response.headers().contains_key(header::CONNECTION)
        };
        let first = places.take().await;
        assert!(!closes(&first).await);
        let _others = [places.take().await, places.take().await, places.take().await, places.take().await];
        assert!(closes(&first).await);
    }
}
