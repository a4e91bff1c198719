//! Load of reads: one path, asked for again and again.

use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;

use super::Bed;
use super::posts::Requests;
use crate::load::{Schedule, Traffic};
use crate::subject::Subject;

/// A load of reads, to be shaped before it starts.
pub type Gets = Requests<Get>;

impl Bed {
    /// `GET path` at the moments of `schedule`. The path carries its query, percent-encoded.
    ///
    /// # Panics
    /// When `path` is no path.
    pub fn gets(&self, service: &Subject, path: &str, schedule: Schedule) -> Gets {
        let uri = path.parse().unwrap_or_else(|error| panic!("`{path}` is no path: {error}"));
        Requests::new(self, service, schedule, self.new_run(), Get { uri })
    }
}

/// The same read each time.
#[derive(Clone, Debug)]
pub struct Get {
    uri: Uri,
}

impl Traffic for Get {
    fn request(&self, _n: usize) -> Request<Full<Bytes>> {
        let mut request = Request::new(Full::default());
        *request.uri_mut() = self.uri.clone();
        request
    }
}
