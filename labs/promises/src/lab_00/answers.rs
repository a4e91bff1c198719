//! What each request is answered, by the contract.

use std::time::Duration;

use serde_json::Value;
use testbed::prelude::*;

use crate::contract::AsAgreed as _;

use super::defaults::Defaults;
use super::{count, with};

/// How much sooner than it is due a timer may fire: the clocks of a host and a language count in milliseconds.
const EARLY: Duration = Duration::from_millis(5);
/// What is answered at once has its answer sooner, however busy the host is, and later if it waits for a worker here.
const AT_ONCE: Duration = Duration::from_secs(1);

/// Each request gets the answer that the contract names.
pub(super) async fn answers_as_agreed(bed: Bed) -> Verdict {
    let service = bed.start().await?;
    let hashes = hashes_tell_texts_apart(&service).await?;
    let waits = io_waits(&service).await?;
    let refused = bad_requests_are_refused(&service).await?;
    drop(service);
    let defaults = Defaults::begin(&bed).await?;
    let full = a_full_line_says_so(&bed).await?;
    Ok(hashes.and(waits).and(full).and(refused).and(defaults.are_as_agreed(&bed).await?))
}

async fn hashes_tell_texts_apart(service: &Subject) -> Verdict {
    let (long, other_end) = ("a".repeat(500), format!("{}b", "a".repeat(499)));
    let texts = ["one", "two", "One", "%EA%B8%80", "two%20words", "two+words", &long, &other_end];
    let mut hashes = Vec::new();
    for text in texts {
        let first = hash(service, text).await?;
        let again = hash(service, text).await?;
        promise("the same text has the same hash, whenever it is asked for")
            .observed(Fact::named("first", &first))
            .observed(Fact::named("again", &again))
            .likely(true, "the hash depends on more than the text", "hash the text alone, without a salt")
            .kept_if(first == again)?;
        hashes.push(first);
    }
    let spelt = hash(service, "%6Fne").await?;
    promise("/hash/%6Fne asks for the hash of `one`: the text is percent-encoded")
        .observed(Fact::named("of /hash/one", &hashes[0]))
        .observed(Fact::named("of /hash/%6Fne", &spelt))
        .likely(true, "the path's segment is hashed as it came", "decode it, then hash it")
        .kept_if(spelt == hashes[0])?;
    let decoded_once = hash(service, "%256Fne").await?;
    promise("/hash/%256Fne asks for the hash of `%6Fne`, which is another text than `one`")
        .observed(Fact::named("of /hash/one", &hashes[0]))
        .observed(Fact::named("of /hash/%256Fne", &decoded_once))
        .likely(
            true,
            "the path's segment is decoded twice: by the framework, and again by the handler",
            "decode it once, and look at what the framework hands over: it may be decoded already",
        )
        .kept_if(decoded_once != hashes[0])?;
    promise("`two+words` and `two words` are two texts")
        .observed(Fact::named("of /hash/two%20words", &hashes[4]))
        .observed(Fact::named("of /hash/two+words", &hashes[5]))
        .likely(
            true,
            "a `+` in the path was read as a blank",
            "in a path it stands for itself: decode what is percent-encoded, and nothing else",
        )
        .kept_if(hashes[4] != hashes[5])?;
    let mut different = hashes.clone();
    different.sort();
    different.dedup();
    promise("different texts have different hashes")
        .observed(Fact::count("texts", texts.len()))
        .observed(Fact::count("hashes", different.len()))
        .likely(
            true,
            "the hash does not depend on the whole text",
            "hash every byte of the path's last segment, percent-decoded",
        )
        .kept_if(different.len() == texts.len())
}

async fn hash(service: &Subject, text: &str) -> Result<String, Stop> {
    let answer = service.get(&format!("/hash/{text}")).send().await?;
    is_ok(&answer)?;
    let hash = answer.json()?["hash"].as_str().unwrap_or_default().to_owned();
    let is_hex = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    promise("GET /hash/{text} is answered {\"hash\": …}, in lower-case hexadecimal digits")
        .observed(&answer)
        .kept_if(!hash.is_empty() && hash.chars().all(is_hex))?;
    Ok(hash)
}

async fn io_waits(service: &Subject) -> Verdict {
    const WAIT: Duration = Duration::from_millis(200);
    is_ok(&service.get("/io/0").send().await?)?;
    let answer = service.get("/io/200").send().await?;
    is_ok(&answer)?;
    promise("GET /io/200 is answered after 200 ms")
        .observed(Fact::duration("GET /io/200 took", answer.took))
        .likely(true, "the answer does not wait for the work", "answer with what the worker gives back")
        .kept_if(answer.took + EARLY >= WAIT)
}

async fn bad_requests_are_refused(service: &Subject) -> Verdict {
    let times = ["soon", "-1", "60001", "1.5", "99999999999999999999"];
    for time in times {
        service.get(&format!("/io/{time}")).send().await?.is_problem(&[400])?;
    }
    let routes = ["/no/such/route", "/io", "/hash"];
    for route in routes {
        service.get(route).send().await?.is_problem(&[404])?;
    }
    let methods = [("POST", "/hash/x"), ("DELETE", "/io/1"), ("PUT", "/health")];
    for (method, route) in methods {
        let answer = service.ask(method.parse().unwrap_or_default(), route).send().await?;
        answer.is_problem(&[405])?;
        let allowed = answer.header_list("allow");
        promise(format!("the 405 on {route} says what is allowed"))
            .observed(Fact::named("allow", &allowed))
            .likely(
                true,
                "the header is missing, or lacks the route's own method",
                "send Allow with every 405",
            )
            .kept_if(allowed.contains("GET"))?;
    }
    Ok(all_kept(
        "each bad request is refused by its own 4xx as application/problem+json",
        times.len() + routes.len() + methods.len(),
    ))
}

/// One worker and one place in the line. Three requests come, 100 ms apart: the first runs, the second waits and gives up,
/// the third finds no place.
async fn a_full_line_says_so(bed: &Bed) -> Verdict {
    const BUSY: Duration = Duration::from_millis(2000);
    const TIMEOUT: Duration = Duration::from_millis(600);
    let service = with(bed, 1, 1, TIMEOUT).await?;
    let three = Schedule::constant(10.0, Duration::from_millis(300));
    let load = bed.gets(&service, "/io/2000", three).label("one worker, one place").start();

    testbed::wait::until(BUSY, async || (load.counts().ended() >= 1).then_some(())).await;
    // At once: who waits gives up soon.
    let (refused, hash) = tokio::join!(service.get("/io/0").send(), service.get("/hash/refused").send());
    let (refused, hash) = (refused?, hash?);
    let health = service.get("/health").send().await?;
    testbed::wait::until(2 * BUSY, async || (load.counts().ended() >= 2).then_some(())).await;
    let next = service.get("/hash/late").send().await?;
    let run = load.finish().await?;

    is_refused(&refused)?;
    a_hash_is_refused(&refused, &hash)?;
    is_health(&health)?;
    let status = |sample: &Sample| sample.status;
    let statuses: Vec<_> = run.samples().iter().map(status).collect();
    promise("of three requests to one worker and one place, one is run, one times out, one is refused")
        .observed(Fact::named("answered", format!("{statuses:?}").replace("Some", "")))
        .likely(
            statuses[0] == Some(504),
            "the request that a worker ran was answered 504: TIMEOUT_MS bounds the work as well as the wait",
            "end the wait with TIMEOUT_MS, and let work that has begun run to its end and be answered",
        )
        .likely(
            statuses == [Some(200), Some(200), Some(503)],
            "the request that waited was run, although it had waited for longer than TIMEOUT_MS",
            "give the wait in the line an end, and answer 504 then",
        )
        .likely(
            statuses[2] != Some(503),
            "the line is longer than QUEUE, or more than WORKERS run",
            "count who runs and who waits, and refuse beyond the sum of both",
        )
        .kept_if(statuses == [Some(200), Some(504), Some(503)])?;
    let waited = run.samples()[1].latency_from_send().unwrap_or_default();
    let in_time = promise("who has waited for TIMEOUT_MS is answered 504 while the worker is still busy")
        .observed(Fact::duration("TIMEOUT_MS", TIMEOUT))
        .observed(Fact::duration("504 after", waited))
        .likely(
            waited + EARLY < TIMEOUT,
            "the wait was shorter than it may be",
            "start the clock when the request enters the line",
        )
        .likely(
            true,
            "the timeout is only noticed when a worker comes to the request",
            "let the one who waits keep the time: a timer beside the wait for the result",
        )
        .kept_if(waited + EARLY >= TIMEOUT && waited < 2 * TIMEOUT)?;
    promise("who has timed out gives the place in the line back, while the worker is still busy")
        .observed(&next)
        .likely(
            next.status == 503,
            "what timed out still stands in the line, and takes the place of the next",
            "take it out of the line when its wait ends, not when a worker comes to it",
        )
        .likely(
            next.status == 200,
            "the wait of a hash has no end: it is run, although it has waited for longer than TIMEOUT_MS",
            "send /hash and /io through one line, and end the wait in it with TIMEOUT_MS",
        )
        .kept_if(next.status == 504)?;
    next.is_problem(&[504])?;
    is_ok(&service.get("/io/0").send().await?)?;
    places_come_back_once(bed, &service).await?;
    Ok(in_time)
}

/// The line is as long after timeouts as before them: of three more requests to one worker and one place, one is refused.
async fn places_come_back_once(bed: &Bed, service: &Subject) -> Verdict {
    let three = Schedule::constant(10.0, Duration::from_millis(300));
    let run = bed.gets(service, "/io/800", three).label("after the timeouts").start().finish().await?;
    let refused = count(&run, |sample| sample.status == Some(503));
    promise("after requests that timed out the line is as long as before: of three requests to one worker and one place, one is refused")
        .observed(Fact::count("refused with 503, of three", refused))
        .likely(
            refused == 0,
            "the place of who timed out was given back twice: at the end of the wait, and again when a worker passed it over",
            "let one of them alone give the place back, whichever comes first",
        )
        .likely(true, "the place of who timed out was never given back", "give it back when the wait ends")
        .kept_if(refused == 1)
}

fn is_refused(refused: &Answer) -> Verdict {
    promise("with the worker busy and the line full, a request is refused with 503")
        .observed(refused)
        .likely(
            refused.status == 504 || refused.status == 200,
            "the line took it: it is longer than QUEUE, or more than WORKERS run",
            "count who runs and who waits, and refuse beyond the sum of both",
        )
        .likely(
            true,
            "the refusal has another status than 503",
            "503 says it: not you, not now. A 500 says that the server is broken, and it is not",
        )
        .kept_if(refused.status == 503)?;
    refused.is_problem(&[503])?;
    promise("the 503 says when to come back: Retry-After, in seconds")
        .observed(Fact::named("retry-after", refused.header("retry-after")))
        .likely(true, "the header is missing, or is no number", "send Retry-After with every 503")
        .kept_if(refused.header("retry-after").parse::<u32>().is_ok())
}

/// A hash is refused where a wait was.
fn a_hash_is_refused(wait: &Answer, hash: &Answer) -> Verdict {
    promise("with the worker busy and the line full, a hash is refused with 503, as well")
        .observed(Fact::count(wait.asked(), wait.status))
        .observed(Fact::count(hash.asked(), hash.status))
        .likely(
            hash.status == 200 || hash.status == 504,
            "a hash waits for its worker beside the line, where neither QUEUE nor TIMEOUT_MS bounds it, or only one of them",
            "send /hash and /io through one line: WORKERS, QUEUE and TIMEOUT_MS bound both together",
        )
        .likely(true, "the refusal of a hash has another status than 503", "refuse on both routes in one place")
        .kept_if(hash.status == 503)?;
    hash.is_problem(&[503])
}

fn is_health(health: &Answer) -> Verdict {
    promise("GET /health is answered 200 at once, however full the line is")
        .observed(health)
        .observed(Fact::duration("GET /health took", health.took))
        .likely(
            true,
            "health goes through the line, or waits for a worker",
            "answer it in the handler: it tells of the process, not of the load",
        )
        .kept_if(health.status == 200 && health.took < AT_ONCE)
}

fn is_ok(answer: &Answer) -> Verdict {
    let detail = serde_json::from_slice::<Value>(&answer.body).unwrap_or_default();
    promise("a good request to an idle server is answered 200")
        .observed(answer)
        .likely(
            answer.status == 503 || answer.status == 504,
            "an idle server refuses, or lets the request wait until it times out",
            "look at how a free worker learns of a request",
        )
        .likely(
            detail["detail"].is_string(),
            "a good request was refused: the answer's `detail` says by which rule",
            "compare that rule with the contract",
        )
        .likely(true, "the server met a fault of its own", "look at the server's stderr")
        .kept_if(answer.status == 200)
}
