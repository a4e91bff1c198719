//! One request and its answer, for the checks that look at answers one by one.

mod ask;
mod pieces;

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;

pub use ask::Ask;

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

    /// The body as JSON.
    ///
    /// # Errors
    /// A body that is not JSON under a JSON media type breaks the promise that it is.
    pub fn json(&self) -> Result<Value, Stop> {
        let media_type = self.header("content-type");
        let is_json =
            media_type.starts_with("application/json") || media_type.starts_with("application/problem+json");
        let parsed = serde_json::from_slice(&self.body).ok().filter(|_| is_json);
        let holds = parsed.is_some();
        promise(format!("{} is answered with JSON under a JSON media type", self.asked))
            .observed(self)
            .observed(Fact::named("content-type", media_type))
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
