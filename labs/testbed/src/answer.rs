//! One request and its answer, for the checks that look at answers one by one.

mod ask;
mod pieces;

use std::time::Duration;

use reqwest::header::HeaderMap;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

pub use ask::Ask;
pub(crate) use ask::client;

use crate::report::Figure;
use crate::verdict::{Kept, Observed, Stop, Verdict, promise};

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
    /// A header's value, or the empty string.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The body as JSON.
    ///
    /// # Errors
    /// A body that is not JSON under a JSON media type breaks the contract.
    pub fn json(&self) -> Result<Value, Stop> {
        let media_type = self.header("content-type");
        let is_json =
            media_type.starts_with("application/json") || media_type.starts_with("application/problem+json");
        let parsed = serde_json::from_slice(&self.body).ok().filter(|_| is_json);
        let holds = parsed.is_some();
        promise(format!("{} is answered with JSON under a JSON media type", self.asked))
            .observed(self)
            .observed(Figure::named("content-type", media_type))
            .kept_if(holds)?;
        Ok(parsed.unwrap_or_default())
    }

    /// The promise that the answer has this status.
    pub fn has_status(&self, status: u16) -> Verdict {
        let (wanted, got) = (status / 100, self.status / 100);
        promise(format!("{} is answered {status}", self.asked))
            .observed(self)
            .likely(
                wanted == 2 && got == 2,
                "the work may be right, but the status is another one",
                format!("answer {status} (labs/openapi.yaml)"),
            )
            .likely(
                wanted == 2 && got == 4,
                "a good request was refused: the answer's `detail` says by which rule",
                "compare that rule with labs/openapi.yaml",
            )
            .likely(
                wanted == 2 && self.status == 503 && self.asked == "GET /health",
                "the health of something that the service depends on is told as its own",
                "let /health tell of the process alone: whatever watches it would end a process that needs no restart",
            )
            .likely(
                wanted == 2 && self.status == 503,
                "the service gave up on its database, or its line was full",
                "look at the service's stderr: it knows which",
            )
            .likely(got == 5, "the service met a fault of its own", "look at the service's stderr")
            .likely(
                wanted == 4 && got == 2,
                "the request was taken for a good one",
                "look for the rule that should have refused it (labs/openapi.yaml)",
            )
            .kept_if(self.status == status)
    }

    /// The promise that this is a refusal in the contract's one shape, with one of `statuses`, and that it tells nothing internal.
    pub fn is_problem(&self, statuses: &[u16]) -> Verdict {
        let wanted = statuses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        let kept = promise(format!("{} is refused with {wanted}", self.asked))
            .observed(self)
            .likely(
                self.status < 300,
                "the request was taken for a good one",
                "look for the rule that should have refused it (labs/openapi.yaml)",
            )
            .likely(
                self.status >= 500,
                "the fault travelled to where nobody expected it",
                "refuse it where the request is read",
            )
            .kept_if(statuses.contains(&self.status))?;
        let problem = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        let media_type = self.header("content-type").starts_with("application/problem+json");
        let words = ["type", "title", "detail"].iter().all(|key| problem[key].is_string());
        promise(format!(
            "{} is refused as application/problem+json with type, title, status and detail",
            self.asked
        ))
        .observed(self)
        .observed(Figure::named("content-type", self.header("content-type")))
        .likely(
            !media_type,
            "the refusal is the framework's own, not the service's",
            "give the framework's rejections your one error shape",
        )
        .likely(
            problem["status"] != self.status,
            "the body's `status` is not the answer's",
            "fill `status` from the answer's own",
        )
        .kept_if(media_type && words && problem["status"] == self.status)?;
        self.tells_nothing_internal()?;
        Ok(kept)
    }

    /// The promise that the refusal says when to come back.
    pub fn says_when(&self) -> Verdict {
        let when = self.header("retry-after");
        promise(format!("the refusal of {} says when to come back", self.asked))
            .observed(self)
            .observed(Figure::named("Retry-After", if when.is_empty() { "none" } else { when }))
            .likely(when.is_empty(), "the header is missing", "send Retry-After with every 503")
            .likely(true, "it is neither seconds nor a date", "send whole seconds: `Retry-After: 1`")
            .kept_if(is_retry_after(when))
    }

    /// The promise that a refusal says nothing of how the service is made.
    pub fn tells_nothing_internal(&self) -> Verdict {
        const INTERNAL: [&str; 26] = [
            "insert into",
            "syntax error",
            "sqlstate",
            "sqlx",
            "postgres",
            "psycopg",
            "asyncpg",
            "hikari",
            "jdbc",
            "os error",
            "error communicating",
            "connection refused",
            "127.0.0.1",
            "localhost",
            "traceback",
            "panicked at",
            "stack backtrace",
            "relation \"",
            "server closed the connection",
            "terminated abnormally",
            "is the server running",
            "could not connect to server",
            "connection reset",
            "broken pipe",
            "[errno",
            "amqp://",
        ];
        let body = String::from_utf8_lossy(&self.body).to_lowercase();
        let statement = (body.contains("select ") && body.contains(" from ")).then_some("select … from");
        let told = INTERNAL.into_iter().find(|word| body.contains(word)).or(statement);
        promise(format!("the refusal of {} tells nothing internal", self.asked))
            .observed(self)
            .observed(told.map(|word| Figure::named("internal", format!("`{}`", word.trim()))))
            .likely(
                true,
                "an error's own text became the answer",
                "log the cause, answer with words of your own",
            )
            .kept_if(told.is_none())
    }
}

impl Observed for &Answer {
    fn figures(&self) -> Vec<Figure> {
        let body = String::from_utf8_lossy(&self.body);
        vec![Figure::named(&self.asked, format!("answered {}: {}", self.status, shorten(&body, 160)))]
    }
}

/// Whether a value of `Retry-After` is one: seconds, or an HTTP date.
pub(crate) fn is_retry_after(value: &str) -> bool {
    let is_date = |text: &str| OffsetDateTime::parse(text, &Rfc2822).is_ok();
    // RFC 2822 writes the same date, with another name for the zone.
    value.parse::<u64>().is_ok()
        || value.strip_suffix("GMT").is_some_and(|date| is_date(&format!("{date}+0000")))
}

/// Joins the evidence of a table of cases into one kept promise.
pub fn all_kept(sentence: &str, cases: usize) -> Kept {
    Kept { promised: vec![sentence.to_owned()], observed: vec![Figure::count("cases", cases)] }
}

fn shorten(text: &str, most: usize) -> String {
    let mut line: String = text.chars().take(most).map(|c| if c.is_control() { '·' } else { c }).collect();
    if text.chars().nth(most).is_some() {
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::is_retry_after;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for value in ["0", "1", "120", "Tue, 24 Nov 2026 08:00:00 GMT"] {
            assert!(is_retry_after(value), "{value}");
        }
        for value in ["", "soon", "-1", "1.5", "1 s", "2026-11-24T08:00:00Z", "GMT"] {
            assert!(!is_retry_after(value), "{value}");
        }
    }
}
