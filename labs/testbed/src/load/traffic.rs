//! What each request is, and what its answer acknowledges.

use bytes::Bytes;
use http::{Request, Uri, response};
use http_body_util::Full;
use uuid::Uuid;

/// The requests of a run, by their place in the schedule.
pub trait Traffic: Send + Sync + 'static {
    /// The request at place `n`. It is made on the generator's thread at the moment it is due, so it must be
    /// quick; it may be asked for more than once, and must then be the same. `Host` is added when missing.
    fn request(&self, n: usize) -> Request<Full<Bytes>>;

    /// What a 2xx answer to request `n` acknowledges, if anything: the id of what is stored.
    fn receipt(&self, n: usize, answer: &response::Parts, body: &Bytes) -> Option<Uuid> {
        let _ = (n, answer, body);
        None
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
