//! What the proxy refuses before any instance sees it, since it does not take such a head, path, method or encoding.

use http::Method;
use testbed::answer::Ask;

use crate::contract::Deployed;
use crate::contract::prelude::*;

/// More bytes in one header, or in a query, than a proxy is likely to take, and than the contract asks of one.
const OVERLONG: usize = 40 * 1024;

/// Why it is not taken.
#[derive(Clone, Copy)]
enum Why {
    LongHeader,
    LongQuery,
    /// nginx reads no path that has an escaped NUL.
    Nul,
    /// nginx passes no TRACE on.
    Trace,
    /// nor a body that is packed for the way.
    Encoding,
}

impl Why {
    fn of(self, endpoint: &impl Endpoint) -> Ask {
        match self {
            Why::LongHeader => endpoint.get("/health").header("x-long", "x".repeat(OVERLONG)),
            Why::LongQuery => endpoint.get(&format!("/posts?long={}", "x".repeat(OVERLONG))),
            Why::Nul => endpoint.get("/posts%00"),
            Why::Trace => endpoint.ask(Method::TRACE, "/posts"),
            Why::Encoding => {
                let body = format!(r#"{{"content":"{BY_HAND}, packed"}}"#);
                endpoint.post_raw(Some("application/json"), body).header("transfer-encoding", "gzip, chunked")
            }
        }
    }

    fn name(self) -> &'static str {
        match self {
            Why::LongHeader => "a request head that is longer than it takes",
            Why::LongQuery => "a request line that is longer than it takes",
            Why::Nul => "a path with an escaped NUL",
            Why::Trace => "TRACE, which it passes to nobody,",
            Why::Encoding => "a transfer coding that it does not know",
        }
    }

    fn fact(self) -> Option<Fact> {
        match self {
            Why::LongHeader => Some(Fact::count("bytes of one header", OVERLONG)),
            Why::LongQuery => Some(Fact::count("bytes of the query", OVERLONG)),
            Why::Nul | Why::Trace => None,
            Why::Encoding => Some(Fact::named("Transfer-Encoding", "gzip, chunked")),
        }
    }
}

/// The promise that each of them is refused in the contract's shape, where it is refused; and the refusal of the first.
pub(super) async fn are_refused(deployed: &Deployed) -> Result<(Kept, Answer), Stop> {
    let entry = deployed.stack.entry()?;
    let first = Why::LongHeader.of(entry).send().await?;
    let mut kept = is_refused(deployed, Why::LongHeader, &first).await?;
    for why in [Why::LongQuery, Why::Nul, Why::Trace, Why::Encoding] {
        kept = kept.and(is_refused(deployed, why, &why.of(entry).send().await?).await?);
    }
    Ok((kept, first))
}

async fn is_refused(deployed: &Deployed, why: Why, answer: &Answer) -> Verdict {
    let is_problem = answer.is_of("application/problem+json");
    let is_open = answer.status < 400 || !is_problem && is_an_instances_own(deployed, why, answer).await?;
    let is_kept = is_open || is_problem;
    let refused =
        promise(format!("{} is refused in the contract's shape, whoever refuses it", why.name()))
            .observed((!is_kept).then_some(answer))
            .observed(why.fact().filter(|_| !is_kept))
            .likely(
                true,
                "the proxy refuses it by itself, with a page of its own",
                "`error_page 400 405 414 494 501 = /.malformed`, and a location with `default_type application/problem+json` that returns it",
            )
            .kept_if(is_kept)?;
    match is_open {
        true => Ok(refused),
        false => Ok(refused.and(answer.is_problem(&[answer.status])?)),
    }
}

/// Whether an instance answers just so, asked directly: what it makes of a longer head than the contract asks for is open, and passes.
async fn is_an_instances_own(deployed: &Deployed, why: Why, answer: &Answer) -> Result<bool, Stop> {
    let instance = deployed.a_listed_one().await?;
    // One that closes the connection in the middle of a long head has given no answer.
    let direct = why.of(instance).send().await.ok();
    Ok(direct.is_some_and(|direct| (direct.status, &direct.body) == (answer.status, &answer.body)))
}
