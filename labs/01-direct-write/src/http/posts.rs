//! The handlers: what is asked, what is done, what is answered.

use axum::{
    extract::State,
    http::{HeaderName, StatusCode, header::LOCATION},
};
use serde::Deserialize;
use uuid::Uuid;

use super::{
    Error,
    extract::{FromQuery, Json, Path, Query},
};
use crate::{
    post::{NewPost, Post},
    query::{Page, SearchText},
    store::Store,
};

/// Status, `Location` and the post.
pub(super) type Created = (StatusCode, [(HeaderName, String); 1], axum::Json<Post>);

/// `POST /post`: 201 with `Location` and the post, after the commit.
// ANCHOR: create
pub(super) async fn create(State(store): State<Store>, Json(new): Json<NewPost>) -> Result<Created, Error> {
    // ANCHOR: hole-create
    // Make the post, store it, and answer 201 with its `Location` (`/post/{id}`) and itself.
    //
    // The contract promises that an answered post survives a kill. What must have happened before the
    // answer leaves?
    let _ = (store, new, LOCATION);
    todo!("lab 01: store the post and answer after the commit")
    // ANCHOR_END: hole-create
}
// ANCHOR_END: create

/// `GET /posts`: a page of posts, newest first.
// ANCHOR: list
pub(super) async fn list(
    State(store): State<Store>,
    Query(query): Query<ListQuery>,
) -> Result<axum::Json<Vec<Post>>, Error> {
    Ok(axum::Json(store.page(query.page).await?))
}
// ANCHOR_END: list

/// `GET /post/{id}`: one post.
pub(super) async fn read(
    State(store): State<Store>,
    Path(id): Path<Uuid>,
) -> Result<axum::Json<Post>, Error> {
    store.get(id).await?.map(axum::Json).ok_or(Error::NotFound("there is no such post"))
}

/// `GET /search`: a page of the posts that hold a text, newest first.
pub(super) async fn search(
    State(store): State<Store>,
    Query(query): Query<SearchQuery>,
) -> Result<axum::Json<Vec<Post>>, Error> {
    Ok(axum::Json(store.search(&query.content, query.page).await?))
}

/// Which page of the list.
#[derive(Clone, Copy, Debug)]
pub struct ListQuery {
    /// The page; without it the first.
    pub page: Page,
}

/// Which text, and which page of what is found.
#[derive(Clone, Debug)]
pub struct SearchQuery {
    /// The text to look for.
    pub content: SearchText,
    /// The page; without it the first.
    pub page: Page,
}

/// The parameters as they came. Both queries read them; what one does not know it ignores.
#[derive(Debug, Deserialize)]
pub struct Parameters {
    content: Option<String>,
    page: Option<String>,
}

impl FromQuery for ListQuery {
    type Raw = Parameters;

    fn from_query(raw: Parameters) -> Result<Self, Error> {
        Ok(Self { page: page(raw.page.as_deref())? })
    }
}

impl FromQuery for SearchQuery {
    type Raw = Parameters;

    fn from_query(raw: Parameters) -> Result<Self, Error> {
        let content = SearchText::try_from(raw.content.unwrap_or_default());
        Ok(Self {
            page: page(raw.page.as_deref())?,
            content: content.map_err(|error| Error::Invalid(error.to_string()))?,
        })
    }
}

fn page(text: Option<&str>) -> Result<Page, Error> {
    let page = text.map_or(Ok(Page::FIRST), str::parse);
    page.map_err(|_| Error::Malformed("the page must be a whole number from 1 to 2147483647"))
}
