//! One request and its answer, for the checks that look at answers one by one.

mod ask;
mod pieces;

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

pub use ask::Ask;

use crate::client::is_media_type;
use crate::fact::Fact;
use crate::verdict::{Kept, Observed, Stop, promise};

/// An answer, read to its end.
#[derive(Clone, Debug)]
pub struct Answer {
    asked: String,
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Vec<u8>,
    /// From the first byte sent to the last byte read.
    pub took: Duration,
}

impl Answer {
    /// What was asked, in short: `GET /posts?page=2`.
    pub fn asked(&self) -> &str {
        &self.asked
    }

    /// A header's value, or the empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// All values of a header that may come on several lines, as one list.
    pub fn header_list(&self, name: &str) -> String {
        let values = self.headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
        values.collect::<Vec<_>>().join(", ")
    }

    /// Whether the body is said to be of this media type, in whatever case, and with whatever parameters.
    pub fn is_of(&self, media_type: &str) -> bool {
        is_media_type(self.header("content-type"), media_type)
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// A body that is not JSON under a JSON media type breaks the promise that it is.
    pub fn json(&self) -> Result<Value, Stop> {
        let is_json = self.is_of("application/json") || self.is_of("application/problem+json");
        let parsed = serde_json::from_slice(&self.body).ok().filter(|_| is_json);
        let holds = parsed.is_some();
        promise(format!("{} is answered with JSON under a JSON media type", self.asked))
            .observed(self)
            .observed(Fact::named("content-type", self.header("content-type")))
            .kept_if(holds)?;
        Ok(parsed.unwrap_or_default())
    }
}

impl Observed for &Answer {
    fn facts(&self) -> Vec<Fact> {
        let body = String::from_utf8_lossy(&self.body);
        vec![Fact::named(&self.asked, format!("answered {}: {}", self.status, shorten(&body, 160)))]
    }
}

/// Joins the evidence of a table of cases into one kept promise.
pub fn all_kept(sentence: &str, cases: usize) -> Kept {
    Kept { promised: vec![sentence.to_owned()], observed: vec![Fact::count("cases", cases)] }
}

/// A text on one line, cut off after so many characters.
pub fn shorten(text: &str, most: usize) -> String {
    let mut line: String = text.chars().take(most).map(|c| if c.is_control() { '·' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        line.push('…');
    }
    line
}
