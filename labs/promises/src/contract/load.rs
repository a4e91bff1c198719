//! Load of posts: what each request is, and which of a table's rows it made.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Uri, response};
use http_body_util::Full;
use serde::Deserialize;
use testbed::bed::Requests;
use testbed::load::Traffic;
use testbed::prelude::*;
use uuid::Uuid;

/// A load of posts, to be shaped before it starts.
pub trait LoadOfPosts {
    /// Posts at the moments of `schedule`, each with a content of its own.
    fn posts(&self, endpoint: &(impl Endpoint + ?Sized), schedule: Schedule) -> Requests<Posts>;
}

impl LoadOfPosts for Bed {
    fn posts(&self, endpoint: &(impl Endpoint + ?Sized), schedule: Schedule) -> Requests<Posts> {
        self.load(endpoint, schedule, |run| posts(run, 40))
    }
}

/// How the posts of a load are shaped.
pub trait PostsLoad {
    /// Each post as long as the contract allows: 10,000 characters, of three bytes each.
    #[must_use]
    fn heavy(self) -> Self;
}

impl PostsLoad for Requests<Posts> {
    fn heavy(self) -> Self {
        self.with(|run, _| posts(run, 10_000).heavy())
    }
}

/// `POST /post` with a content that no other request of any run has, of `characters` characters.
///
/// `run` tells the runs of one check apart. The content is `post {run}-{n}` and filler; where that alone is longer
/// than `characters`, it stands without filler.
pub fn posts(run: impl Into<String>, characters: usize) -> Posts {
    Posts { run: run.into(), characters, filler: ".".repeat(characters), width: 1 }
}

/// Posts of unique content. See [`posts`].
#[derive(Clone, Debug)]
pub struct Posts {
    run: String,
    characters: usize,
    /// Made once: a request is built at the moment it is due, and a long one must not make the next one late.
    filler: String,
    /// Bytes of each of the filler's characters.
    width: usize,
}

impl Posts {
    /// Fills with a character of three bytes, to make the body heavy. None of four: some languages count these as two.
    pub fn heavy(mut self) -> Self {
        self.filler = "글".repeat(self.characters);
        self.width = '글'.len_utf8();
        self
    }

    /// The content of the post at place `n` of the schedule. Nothing in it needs an escape in JSON.
    pub fn content(&self, n: usize) -> String {
        let mut content = format!("post {}-{n}", self.run);
        if let Some(missing) = self.characters.checked_sub(content.len() + 1) {
            content.push(' ');
            content.push_str(&self.filler[..missing * self.width]);
        }
        content
    }
}

impl Traffic for Posts {
    fn request(&self, n: usize) -> Request<Full<Bytes>> {
        let body = format!("{{\"content\":\"{}\"}}", self.content(n));
        let mut request = Request::new(Full::from(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = Uri::from_static("/post");
        request.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        request
    }

    fn receipt(&self, _n: usize, _answer: &response::Parts, body: &Bytes) -> Option<Uuid> {
        #[derive(Deserialize)]
        struct Receipt {
            id: Uuid,
        }
        serde_json::from_slice::<Receipt>(body).ok().map(|receipt| receipt.id)
    }
}

/// The run and the number of the request that made `content`: `post {run}-{number} …`.
pub fn origin(content: &str) -> Option<(&str, usize)> {
    let (run, rest) = content.strip_prefix("post ")?.split_once('-')?;
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    Some((run, rest[..end].parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contents_are_unique_and_of_the_asked_length() {
        let traffic = posts("a", 40);
        assert_ne!(traffic.content(1), traffic.content(2));
        assert_eq!(traffic.content(12).chars().count(), 40);
        assert_eq!(posts("a", 3).content(12), "post a-12");
        let heavy = posts("a", 10_000).heavy().content(0);
        assert_eq!(heavy.chars().count(), 10_000);
        assert!(heavy.len() > 29_000);
    }

    #[test]
    fn a_content_tells_the_request_that_made_it() {
        assert_eq!(origin(&posts("ab12", 40).content(7)), Some(("ab12", 7)));
        assert_eq!(origin("post by hand"), None);
    }
}
