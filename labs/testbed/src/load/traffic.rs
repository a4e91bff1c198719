//! What each request is, and what its answer acknowledges.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, Request, Uri, response};
use http_body_util::Full;
use serde::Deserialize;
use uuid::Uuid;

/// The requests of a run, by their place in the schedule.
pub trait Traffic: Send + Sync + 'static {
    /// The request at place `n`. It is made on the generator's thread at the moment it is due, so it must be
    /// quick; it may be asked for more than once, and must then be the same. `Host` is added when missing.
    fn request(&self, n: usize) -> Request<Full<Bytes>>;

    /// What a 2xx answer to request `n` acknowledges, if anything: the id of the stored post.
    fn receipt(&self, n: usize, answer: &response::Parts, body: &Bytes) -> Option<Uuid> {
        let _ = (n, answer, body);
        None
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

/// `GET path`, the same each time. The path carries its query, percent-encoded.
///
/// # Panics
/// When `path` is no path.
pub fn gets(path: &str) -> Gets {
    Gets { uri: path.parse().unwrap_or_else(|error| panic!("`{path}` is no path: {error}")) }
}

/// The same read again and again. See [`gets`].
#[derive(Clone, Debug)]
pub struct Gets {
    uri: Uri,
}

impl Traffic for Gets {
    fn request(&self, _n: usize) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.uri.clone();
        request
    }
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
}
