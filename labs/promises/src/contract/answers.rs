//! How an answer is held against the contract.

use serde_json::Value;
use testbed::prelude::*;

/// The promises that a single answer can keep or break.
pub trait AsAgreed {
    /// The promise that the answer has this status.
    fn has_status(&self, status: u16) -> Verdict;
    /// The promise that this is a refusal in the contract's one shape, with one of `statuses`, and that it tells nothing internal.
    fn is_problem(&self, statuses: &[u16]) -> Verdict;
    /// The promise that the refusal says when to come back.
    fn says_when(&self) -> Verdict;
    /// The promise that a refusal says nothing of how the service is made.
    fn tells_nothing_internal(&self) -> Verdict;
}

impl AsAgreed for Answer {
    fn has_status(&self, status: u16) -> Verdict {
        let (wanted, got) = (status / 100, self.status / 100);
        promise(format!("{} is answered {status}", self.asked()))
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
                wanted == 2 && self.status == 503 && self.asked() == "GET /health",
                "the health of something that the service depends on is told as its own",
                "let /health tell of the process alone: whatever watches it would end a process that needs no restart",
            )
            .likely(
                wanted == 2 && self.status == 503,
                "the service refused the work: it gave up on a wait, or its queue was full",
                "find where the code refuses: each such place is a case of a unit test",
            )
            .likely(
                got == 5,
                "the service met a fault of its own",
                "log the error where the answer is made; then the report quotes it",
            )
            .likely(
                wanted == 4 && got == 2,
                "the request was taken for a good one",
                "look for the rule that should have refused it (labs/openapi.yaml)",
            )
            .kept_if(self.status == status)
    }

    fn is_problem(&self, statuses: &[u16]) -> Verdict {
        let wanted = statuses.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ");
        let kept = promise(format!("{} is refused with {wanted}", self.asked()))
            .observed(self)
            .likely(
                self.status < 300 && statuses == [503],
                "it was answered as done, where it cannot have been: the answer left before the work",
                "do the work, then answer",
            )
            .likely(
                self.status < 300,
                "the request was taken for a good one",
                "look for the rule of the contract that should have refused it",
            )
            .likely(
                self.status >= 500,
                "the fault travelled to where nobody expected it",
                "refuse it where the request is read",
            )
            .likely(
                true,
                format!("it is refused with {}, where the contract says {wanted}", self.status),
                "compare with the contract's table of statuses",
            )
            .kept_if(statuses.contains(&self.status))?;
        let problem = serde_json::from_slice::<Value>(&self.body).unwrap_or_default();
        let media_type = self.header("content-type").starts_with("application/problem+json");
        let words = ["type", "title", "detail"].iter().all(|key| problem[key].is_string());
        promise(format!(
            "{} is refused as application/problem+json with type, title, status and detail",
            self.asked()
        ))
        .observed(self)
        .observed(Fact::named("content-type", self.header("content-type")))
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

    fn says_when(&self) -> Verdict {
        let when = self.header("retry-after");
        promise(format!("the refusal of {} says when to come back", self.asked()))
            .observed(self)
            .observed(Fact::named("Retry-After", if when.is_empty() { "none" } else { when }))
            .likely(when.is_empty(), "the header is missing", "send Retry-After with every 503")
            .likely(true, "it is neither seconds nor a date", "send whole seconds: `Retry-After: 1`")
            .kept_if(testbed::client::is_retry_after(when))
    }

    fn tells_nothing_internal(&self) -> Verdict {
        const INTERNAL: [&str; 29] = [
            "strconv.",
            "invalid literal for",
            "numberformatexception",
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
        promise(format!("the refusal of {} tells nothing internal", self.asked()))
            .observed(self)
            .observed(told.map(|word| Fact::named("internal", format!("`{}`", word.trim()))))
            .likely(
                true,
                "an error's own text became the answer",
                "log the cause, answer with words of your own",
            )
            .kept_if(told.is_none())
    }
}
