//! HTTP: page 1 from memory. The other pages are read from the table, as before.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use direct_write::{
    http::{Error, ListQuery, Query},
    query,
    store::Store,
};
use headers::{Age, CacheControl, ContentType, HeaderMapExt as _, IfNoneMatch};
use tokio::sync::watch;

use crate::page::Page;

/// `Cache-Status` (RFC 9211): who answered, and from where.
const CACHE_STATUS: HeaderName = HeaderName::from_static("cache-status");

/// Page 1 in memory, and how old it may be.
#[derive(Clone, Debug)]
pub struct FirstPage {
    /// The page that is served now.
    pub page: watch::Receiver<Arc<Page>>,
    /// How often there is a new one.
    pub refresh: Duration,
    /// Beyond this age it is served no more.
    pub stale: Duration,
}

/// `GET /posts`.
pub fn list_route(first_page: FirstPage, store: Store) -> Router {
    Router::new().route("/posts", get(list)).with_state((first_page, store))
}

// ANCHOR: list
async fn list(
    State((first_page, store)): State<(FirstPage, Store)>,
    Query(query): Query<ListQuery>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    if query.page == query::Page::FIRST {
        first_page.answer(headers.typed_get())
    } else {
        Ok(Json(store.page(query.page).await?).into_response())
    }
}
// ANCHOR_END: list

impl FirstPage {
    /// The answer to a request for page 1, whose sender may have the page already.
    // ANCHOR: answer
    fn answer(&self, known: Option<IfNoneMatch>) -> Result<Response, Error> {
        // ANCHOR: hole-serve
        // Answer from memory: the page as it is, 304 to who has it already, 503 when it is too old.
        //
        // A page that is old is better than none, up to a point. Who says which point, and what tells the
        // reader how old it is?
        let _ = (known, &self.page, self.stale, Self::headers, is_known, Error::Unavailable);
        let _ = (StatusCode::NOT_MODIFIED, ContentType::json());
        todo!("lab 03: answer page 1 from memory")
        // ANCHOR_END: hole-serve
    }
    // ANCHOR_END: answer

    /// What a page of this age says to caches on its way.
    fn headers(&self, age: Duration) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.typed_insert(Age::from_secs(age.as_secs()));
        // In whole seconds, as the header has them; the typed one panics on any other time.
        let fresh = Duration::from_secs(self.refresh.as_secs());
        headers.typed_insert(CacheControl::new().with_max_age(fresh));
        // The typed header knows no `stale-if-error` (RFC 5861). It counts from when the page went
        // stale: so nobody shows one that is older than ours may be.
        let beyond = self.stale.saturating_sub(self.refresh).as_secs();
        let stale = HeaderValue::from_str(&format!("stale-if-error={beyond}"));
        headers.extend(stale.ok().map(|stale| (header::CACHE_CONTROL, stale)));
        let fresh_for = self.refresh.as_secs_f64() - age.as_secs_f64();
        let status = HeaderValue::from_str(&format!("first-page; hit; ttl={}", fresh_for.floor()));
        headers.extend(status.ok().map(|status| (CACHE_STATUS, status)));
        headers
    }
}

/// Whether the sender has the page already, by what its `If-None-Match` says.
// ANCHOR: known
fn is_known(page: &Page, known: Option<IfNoneMatch>) -> bool {
    // ANCHOR: hole-not-modified
    // Say whether the sender has the page already.
    //
    // A header may hold one tag, several, a weak one (`W/"x"`), or `*`. The typed header knows them all.
    let _ = (page, known);
    todo!("lab 03: say whether the reader has the page already")
    // ANCHOR_END: hole-not-modified
}
// ANCHOR_END: known

#[cfg(test)]
mod tests {
    use axum::{body::Body, http::Request};
    use bytes::Bytes;
    use http_body_util::BodyExt as _;
    use tokio::time::Instant;
    use tower::ServiceExt as _;

    use super::*;

    const STALE: Duration = Duration::from_secs(60);

    /// The answer to a request for page 1 with this `If-None-Match`, when it was read so long ago.
    async fn answer(read: Duration, known: Option<&str>) -> (StatusCode, HeaderMap, Bytes) {
        let read = Instant::now().checked_sub(read).expect("the machine runs for longer");
        let (_writer, page) = watch::channel(Arc::new(Page::of(&[], read).expect("JSON")));
        let first_page = FirstPage { page, refresh: Duration::from_secs(1), stale: STALE };
        let app = Router::new()
            .route("/posts", get(async move |headers: HeaderMap| first_page.answer(headers.typed_get())));
        let mut request = Request::get("/posts");
        if let Some(known) = known {
            request = request.header(header::IF_NONE_MATCH, known);
        }
        let request = request.body(Body::empty()).expect("a valid request");
        let (head, body) = app.oneshot(request).await.expect("a router never fails").into_parts();
        (head.status, head.headers, body.collect().await.expect("a whole body").to_bytes())
    }

    #[tokio::test]
    async fn the_age_is_that_of_the_read() {
        let (status, headers, body) = answer(Duration::from_millis(3_900), None).await;
        assert_eq!((status, &body[..]), (StatusCode::OK, &b"[]"[..]));
        assert_eq!(headers[header::AGE], "3");
        assert_eq!(headers[header::CONTENT_TYPE], "application/json");
    }

    #[test]
    fn caches_are_told_whole_seconds() {
        let (_writer, page) = watch::channel(Arc::new(Page::of(&[], Instant::now()).expect("JSON")));
        let first_page = FirstPage { page, refresh: Duration::from_millis(1_400), stale: STALE };
        assert_eq!(first_page.headers(Duration::from_millis(900))[header::CACHE_CONTROL], "max-age=1");
    }

    #[tokio::test]
    async fn what_is_too_old_is_refused() {
        assert_eq!(answer(STALE - Duration::from_secs(5), None).await.0, StatusCode::OK);
        let (status, headers, _) = answer(STALE + Duration::from_secs(1), None).await;
        assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
        assert!(headers.contains_key(header::RETRY_AFTER));
    }

    #[tokio::test]
    async fn who_has_the_page_gets_no_body() {
        let (_, headers, _) = answer(Duration::ZERO, None).await;
        let tag = headers[header::ETAG].to_str().expect("a tag is text").to_owned();
        for known in [tag.clone(), format!("\"x\", {tag}"), format!("W/{tag}"), "*".to_owned()] {
            let (status, headers, body) = answer(Duration::ZERO, Some(&known)).await;
            assert_eq!((status, body.len()), (StatusCode::NOT_MODIFIED, 0), "{known}");
            assert_eq!(headers[header::ETAG], tag, "{known}");
        }
        for other in ["\"x\"", "W/\"x\", \"y\"", "no tag at all"] {
            assert_eq!(answer(Duration::ZERO, Some(other)).await.0, StatusCode::OK, "{other}");
        }
    }
}
