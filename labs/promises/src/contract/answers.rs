//! How an answer is held against the contract.

use serde_json::Value;
use testbed::client::is_media_type;
use testbed::prelude::*;
use uuid::Uuid;

/// Whether a refusal with this status has the contract's one shape.
pub fn is_in_shape(status: u16, media_type: &str, body: &[u8]) -> bool {
    let problem = serde_json::from_slice::<Value>(body).unwrap_or_default();
    let words = ["type", "title", "detail"].iter().all(|key| problem[key].is_string());
    is_problem_type(media_type) && words && problem["status"] == status
}

fn is_problem_type(media_type: &str) -> bool {
    is_media_type(media_type, "application/problem+json")
}

/// The promises that a single answer can keep or break.
pub trait AsAgreed {
    /// The promise that the answer has this status.
    fn has_status(&self, status: u16) -> Verdict;
    /// The promise that this is a refusal in the contract's one shape, with one of `statuses`, and that it tells nothing internal.
    fn is_problem(&self, statuses: &[u16]) -> Verdict;
    /// The promise that the refusal says when to come back.
    fn says_when(&self) -> Verdict;
    /// The ids of an answered list, in its order; and the promise that it is one.
    fn ids(&self) -> Result<Vec<Uuid>, Stop>;
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
        let media_type = self.header("content-type");
        promise(format!(
            "{} is refused as application/problem+json with type, title, status and detail",
            self.asked()
        ))
        .observed(self)
        .observed(Fact::named("content-type", media_type))
        .likely(
            !is_problem_type(media_type),
            "the refusal is the framework's own, not the service's",
            "give the framework's rejections your one error shape",
        )
        .likely(
            problem["status"] != self.status,
            "the body's `status` is not the answer's",
            "fill `status` from the answer's own",
        )
        .kept_if(is_in_shape(self.status, media_type, &self.body))?;
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

    fn ids(&self) -> Result<Vec<Uuid>, Stop> {
        let list = self.json()?;
        promise("a list is a JSON array, also when nothing is in it")
            .observed(self)
            .likely(
                list.is_null(),
                "where there is nothing, the list is null",
                "answer [] where there is nothing",
            )
            .kept_if(list.is_array())?;
        let posts = list.as_array().into_iter().flatten();
        Ok(posts.filter_map(|post| Uuid::parse_str(post["id"].as_str()?).ok()).collect())
    }

    fn tells_nothing_internal(&self) -> Verdict {
        let body = String::from_utf8_lossy(&self.body).to_lowercase();
        let told = internal(&body);
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

/// What of a refusal's body, in lower case, tells how the service is made: a word of a driver's or a database's own, or a statement.
fn internal(body: &str) -> Option<&'static str> {
    const WORDS: [&str; 60] = [
        "strconv.",
        "invalid literal for",
        "numberformatexception",
        "java.lang.",
        "java.util.",
        "java.net.",
        "goroutine ",
        "no permits available",
        "insert into",
        "syntax error at or near",
        "syntax error at end of input",
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
        "canceling statement",
        "terminating connection due to",
        "the database system is",
        "too many clients already",
        "no space left on device",
        "duplicate key value",
        "violates unique",
        "violates check",
        "violates not-null",
        "connection terminated unexpectedly",
        "connection terminated due to",
        "econnrefused",
        "econnreset",
        "timeout exceeded when trying to connect",
        "query read timeout",
        "i/o error occurred while sending",
        "couldn't get a connection after",
        "closed in the middle of operation",
        "queuepool",
        "pool timed out while",
        "dial tcp",
        "context deadline exceeded",
        "not_found - no queue",
        "precondition_failed - ",
        "planted by the check",
    ];
    /// What a statement reads from. In words of its own a service may well ask its caller to select something from something.
    const TABLES: [&str; 6] = ["post ", "post\\", "post\"", "\\\"post", "public.post", "pg_"];
    let reads = |from: &str| TABLES.iter().any(|table| from.starts_with(table));
    let is_statement =
        body.split_once("select ").is_some_and(|(_, rest)| rest.split("from ").skip(1).any(reads));
    let statement = is_statement.then_some("select … from");
    WORDS.into_iter().find(|word| body.contains(word)).or(statement)
}

#[cfg(test)]
mod tests {
    use super::internal;

    #[test]
    fn words_of_a_driver_or_a_database_are_internal() {
        for told in [
            r#"syntax error at or near "drop""#,
            "error: syntax error at end of input",
            "[sql: select post.id, post.content \\nfrom post \\nwhere post.id = %s]",
            "select id, content from post where id = $1",
            r#"select "id" from \"post\" limit 20"#,
            "select id from post\",",
            "select pg_sleep from pg_class",
            "sqlstate 53100",
        ] {
            assert!(internal(told).is_some(), "{told}");
        }
    }

    #[test]
    fn words_of_its_own_are_not() {
        for told in [
            "json syntax error at offset 11",
            "select a page from 1 to 2147483647",
            "select a page from those of the posts",
            "the database cannot take the post now; try again later",
        ] {
            assert_eq!(internal(told), None, "{told}");
        }
    }
}
