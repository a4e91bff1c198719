//! HTTP: the routes, and what every route has in common.

mod deadline;
mod error;
mod extract;
mod posts;

use std::any::Any;

use axum::{
    Router, middleware,
    response::{IntoResponse as _, Response},
    routing::{get, post},
};
use tower_http::catch_panic::CatchPanicLayer;

pub use error::Error;
pub use extract::{FromQuery, Json, MAX_BODY, Path, Query};
pub use posts::{ListQuery, SearchQuery};

use crate::{budget::Budget, store::Store};

// ANCHOR: router
/// The whole service.
pub fn app(store: Store, budget: Budget) -> Router {
    finish(health_route().merge(read_routes(store.clone())).merge(write_routes(store)), budget)
}

/// `GET /health`: 200 from the moment this process can serve, whatever becomes of its database.
pub fn health_route() -> Router {
    Router::new().route("/health", get(async || "ok\n"))
}

/// `GET /posts`, `GET /post/{id}` and `GET /search`.
pub fn read_routes(store: Store) -> Router {
    Router::new().route("/posts", get(posts::list)).with_state(store.clone()).merge(find_routes(store))
}

/// `GET /post/{id}` and `GET /search`: the reads that are no list.
pub fn find_routes(store: Store) -> Router {
    Router::new().route("/post/{id}", get(posts::read)).route("/search", get(posts::search)).with_state(store)
}

/// `POST /post`.
pub fn write_routes(store: Store) -> Router {
    Router::new().route("/post", post(posts::create)).with_state(store)
}

/// Gives routes what all have in common: refusals of one shape, an answer in time, and a panic that
/// ends one request only.
pub fn finish(routes: Router, budget: Budget) -> Router {
    routes
        .fallback(async || Error::NotFound("there is no such route"))
        .method_not_allowed_fallback(async || Error::MethodNotAllowed)
        // The outer one first. Together, since each call of `layer` boxes every route once more.
        .layer((
            CatchPanicLayer::custom(answer_panic),
            middleware::from_fn_with_state(budget, deadline::answer_in_time),
        ))
}
// ANCHOR_END: router

/// The panic itself has been printed by the panic hook, with its file and line.
fn answer_panic(_: Box<dyn Any + Send>) -> Response {
    Error::Internal.into_response()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::{
        body::Body,
        http::{Request, StatusCode, header},
    };
    use http_body_util::BodyExt as _;
    use tower::ServiceExt as _;

    use super::*;
    use crate::post::NewPost;

    /// Routes that need no database, in front of the real extractors and layers.
    fn app() -> Router {
        let routes = health_route()
            .route("/post", post(async |Json(new): Json<NewPost>| String::from(new.content)))
            .route("/post/{id}", get(async |Path(id): Path<uuid::Uuid>| id.to_string()))
            .route("/search", get(async |Query(_): Query<SearchQuery>| ()))
            .route("/slow", get(std::future::pending::<()>))
            .route(
                "/panic",
                get(async || {
                    if true {
                        panic!("planted")
                    }
                }),
            );
        finish(routes, Budget::new(Duration::from_millis(100)))
    }

    async fn send(request: Request<Body>) -> (StatusCode, header::HeaderMap, String) {
        let response = app().oneshot(request).await.expect("a router never fails");
        let (head, body) = response.into_parts();
        let body = body.collect().await.expect("a whole body").to_bytes();
        (head.status, head.headers, String::from_utf8_lossy(&body).into_owned())
    }

    fn request(method: &str, uri: &str) -> Request<Body> {
        Request::builder().method(method).uri(uri).body(Body::empty()).expect("a valid request")
    }

    fn posting(media_type: &str, body: impl Into<Body>) -> Request<Body> {
        let request = Request::post("/post").header(header::CONTENT_TYPE, media_type);
        request.body(body.into()).expect("a valid request")
    }

    #[tokio::test]
    async fn every_refusal_is_a_problem() {
        let json = "application/json";
        let cases = [
            (request("GET", "/nowhere"), 404),
            (request("DELETE", "/post"), 405),
            (request("GET", "/post/42"), 400),
            (request("GET", "/search?content=x&page=0"), 400),
            (request("GET", "/search?content=x&page="), 400),
            (request("GET", "/search?content="), 422),
            (request("GET", "/search"), 422),
            (request("POST", "/post"), 415),
            (posting("text/plain", r#"{"content":"x"}"#), 415),
            (posting(json, ""), 400),
            (posting(json, "{\"content\":\"x\""), 400),
            (posting(json, &b"{\"content\":\"\xff\"}"[..]), 400),
            (posting(json, r#"["x"]"#), 422),
            (posting(json, "null"), 422),
            (posting(json, "{}"), 422),
            (posting(json, r#"{"content":5}"#), 422),
            (posting(json, r#"{"content":" "}"#), 422),
            (posting(json, vec![b' '; MAX_BODY + 1]), 413),
            (request("GET", "/slow"), 503),
            (request("GET", "/panic"), 500),
        ];
        for (request, expected) in cases {
            let about = format!("{} {}", request.method(), request.uri());
            let (status, headers, body) = send(request).await;
            assert_eq!(status, expected, "{about}: {body}");
            assert_eq!(headers[header::CONTENT_TYPE], "application/problem+json", "{about}");
            assert_eq!(headers.contains_key(header::RETRY_AFTER), expected == 503, "{about}");
            let problem: serde_json::Value = serde_json::from_str(&body).expect("a JSON body");
            assert_eq!(problem["status"], expected, "{about}");
            for member in ["type", "title", "detail"] {
                assert!(problem[member].is_string(), "{about}: no `{member}` in {body}");
            }
        }
    }

    #[tokio::test]
    async fn a_wrong_method_is_told_the_right_ones() {
        let (_, headers, _) = send(request("DELETE", "/post")).await;
        assert_eq!(headers[header::ALLOW], "POST");
    }

    #[tokio::test]
    async fn what_the_contract_leaves_open_is_accepted() {
        let deep = format!(r#" {{"id":1,"more":{}{},"content":" x"}}"#, "[".repeat(500), "]".repeat(500));
        let (status, _, body) = send(posting("Application/JSON; charset=utf-8", deep)).await;
        assert_eq!((status, body.as_str()), (StatusCode::OK, " x"));
    }

    #[test]
    fn a_problem_has_one_shape() {
        let refusal = Error::Invalid("the content must not be blank".to_owned());
        insta::assert_json_snapshot!(refusal.problem(), @r#"
        {
          "type": "about:blank",
          "title": "Unprocessable Entity",
          "status": 422,
          "detail": "the content must not be blank"
        }
        "#);
    }
}
