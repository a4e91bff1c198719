//! What the proxy answers in place of an instance: in the contract's shape, in time, and for no longer than it must.

use std::time::{Duration, Instant};

use serde_json::json;
use testbed::answer::Ask;
use testbed::wait;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::contract::prelude::*;
use crate::contract::{DEADLINE, Deployed};
use crate::lab_01::HOST;

use super::{passing, unread};

/// The longest body that the contract takes.
const LONGEST: usize = 65_536;
/// One header in a head that is not longer than the contract takes, with what the proxy adds to it.
const LONG_HEADER: usize = 15 * 1024;
/// More bytes than nginx takes where nothing is said.
const FAR_OVER: usize = 1_100_000;

/// All instances are away for a second: refusals in the contract's shape, and back within two.
pub(super) async fn all_away(bed: Bed) -> Verdict {
    const AWAY: Duration = Duration::from_secs(1);
    const BACK: Duration = Duration::from_secs(2);
    const RATE: f64 = 12.0;
    let deployed = Deployed::on(&bed).await?;
    let entry = deployed.stack.entry()?;
    let ways = deployed.ways_to_instances();
    entry.post(&json!({"content": format!("{BY_HAND}, before")})).send().await?.has_status(202)?;

    let load = bed.posts(entry, Schedule::constant(RATE, AWAY)).label("while all are away").repeating();
    ways.iter().for_each(|path| path.refuse());
    bed.says("all instances are away");
    let run = load.start().finish().await?;
    let by_hand = entry.post(&json!({"content": format!("{BY_HAND}, meanwhile")})).send().await?;
    let health = entry.get("/health").send().await?;
    let refused = refused_properly(&run, &by_hand)?;
    let healthy = promise("while no instance is there, `/health` is answered 503 as well")
        .observed(&health)
        .likely(
            health.status == 200,
            "the proxy answers it in place of an instance: whoever watches believes that somebody is there",
            "pass `/health` on, as everything else",
        )
        .likely(true, "what the proxy answers itself has another shape", "an `error_page` for every location")
        .kept_if(health.status == 503)?;
    let refused = refused.and(healthy);
    for path in &ways {
        path.heal()?;
    }
    let healed = Instant::now();
    let back = wait::try_until(BACK, async || {
        let answer = entry.post(&json!({"content": format!("{BY_HAND}, again")})).send().await?;
        Ok::<_, Stop>((answer.status == 202).then(|| healed.elapsed()))
    });
    let back = back.await?;
    let within = promise(format!("{} s after the instances are back, posts are accepted again", BACK.as_secs()))
        .observed(match back {
            Some(after) => Fact::duration("accepted again after", after),
            None => Fact::named("accepted again", "not in time"),
        })
        .likely(
            true,
            "the proxy still takes all of them for dead: after one failure a server is out for ten seconds (max_fails, fail_timeout)",
            "with as few instances as here nobody should be put out: `max_fails=0`, and let an attempt find out",
        )
        .kept_if(back.is_some())?;
    wait::until(BACK.saturating_sub(healed.elapsed()), async || None::<()>).await;
    let calm = bed.posts(entry, Schedule::constant(RATE, AWAY)).label("after it").start().finish().await?;
    let all = promise("and from then on all of them")
        .observed(calm.counts())
        .likely(
            true,
            "some of the instances are still out, and the proxy tries no other",
            "let the proxy try another instance",
        )
        .kept_if(calm.counts().accepted == calm.counts().scheduled)?;
    bed.says("all instances are silent");
    for path in &ways {
        path.lose()?;
    }
    let silent = refused_in_silence(entry).await;
    for path in &ways {
        path.heal()?;
    }
    Ok(refused.and(within).and(all).and(silent?))
}

/// The promises that a post and a list which no instance answers are refused as where there is none.
async fn refused_in_silence(entry: &impl Endpoint) -> Verdict {
    let post = entry.post(&json!({"content": format!("{BY_HAND}, in silence")}));
    let list = entry.get("/posts");
    let (post, list) = futures_util::future::join(in_time(post), in_time(list)).await;
    let post = is_refused("a post", post?, "the proxy keeps on trying", "bound the attempts and their time")?;
    let list = is_refused(
        "a list",
        list?,
        "the proxy's times are bounded where posts go, and for the rest it waits a minute, as nginx does where nothing is said",
        "bound connecting, reading and the attempts once, in `http` or `server`, for every location",
    )?;
    Ok(post.and(list))
}

/// The answer, where it comes before the deadline, and a second for the host.
async fn in_time(ask: Ask) -> Result<Option<Answer>, Stop> {
    timeout(DEADLINE + HOST, ask.send()).await.ok().transpose()
}

/// The promise that this is a refusal as where there is no instance. `late` is what makes it late, `bound` what mends that.
fn is_refused(what: &str, answer: Option<Answer>, late: &str, bound: &str) -> Verdict {
    let status = answer.as_ref().map(|answer| answer.status);
    let shape = promise(format!(
        "where no instance answers in time, {what} is refused in the contract's shape, inside the deadline"
    ))
    .observed(answer.as_ref())
    .observed(match &answer {
        Some(answer) => Fact::duration("answered after", answer.took),
        None => Fact::named(what, format!("no answer within {} s", (DEADLINE + HOST).as_secs())),
    })
    .likely(status.is_none(), late, bound)
    .likely(
        status == Some(504),
        "nginx gives up on silent instances with 504, and the page for that is its own",
        "`error_page` for 504 as well as for 502",
    )
    .likely(
        true,
        "the refusal has another shape",
        "each of the proxy's own statuses needs its place in `error_page`",
    )
    .kept_if(status == Some(503))?;
    match answer {
        Some(answer) => Ok(shape.and(answer.is_problem(&[503])?).and(answer.says_when()?)),
        None => Ok(shape),
    }
}

fn refused_properly(run: &Finished, by_hand: &Answer) -> Verdict {
    let counts = run.counts();
    let bare = run.samples().iter().filter(|sample| !sample.is_explicit_refusal()).count();
    let slowest = run.latency_from_send(|_| true).max().unwrap_or_default();
    let shape = promise(
        "while no instance is there, a post is refused in the contract's shape, inside the deadline",
    )
    .observed(counts)
    .observed(by_hand)
    .observed(Fact::count("without a proper 503", bare))
    .observed(Fact::duration("slowest answer", slowest))
    .likely(
        counts.other_status > 0,
        "the proxy answers with its own page and its own status",
        "`error_page 502 504 = @unavailable`, and a location that answers 503, problem+json and Retry-After",
    )
    .likely(counts.timed_out > 0, "the proxy keeps on trying", "bound the attempts and their time")
    .likely(
        by_hand.status == 503 && by_hand.header("retry-after").is_empty(),
        "the refusal does not say when to come back",
        "`add_header Retry-After 1 always;`: without `always` nginx adds it to successes alone",
    )
    .likely(
        true,
        "some refusals have another shape",
        "each of the proxy's own statuses needs its place in `error_page`",
    )
    .kept_if(bare == 0 && slowest <= DEADLINE + HOST)?;
    Ok(shape.and(by_hand.is_problem(&[503])?).and(by_hand.says_when()?))
}

/// What the proxy refuses by itself, and what it must not.
pub(super) async fn refusals(bed: Bed) -> Verdict {
    let deployed = Deployed::on(&bed).await?;
    let entry = deployed.stack.entry()?;
    let long = |length: usize| {
        let rest = r#"{"content":"by hand, long","more":""}"#.len();
        format!(r#"{{"content":"by hand, long","more":"{}"}}"#, "x".repeat(length - rest))
    };
    let fits = entry.post_raw(Some("application/json"), long(LONGEST)).send().await?;
    let reaches = promise("a body of 65,536 bytes reaches an instance")
        .observed(Fact::count("bytes", LONGEST))
        .observed(Fact::count("answered", fits.status))
        .likely(
            fits.status == 413,
            "the proxy, or the instance, takes fewer bytes than the contract says",
            "`client_max_body_size 65536;`",
        )
        .likely(true, "a good post with a long body is refused", "read the answer's `detail`")
        .kept_if(fits.status == 202)?;
    let (over_by_one, over) = is_too_large(
        entry,
        long(LONGEST + 1),
        "a body of 65,537 bytes is refused in the contract's shape, whoever refuses it",
        "the proxy refuses it by itself, before an instance sees it, and with a body of its own",
    )
    .await?;
    let (over_by_far, far_over) = is_too_large(
        entry,
        long(FAR_OVER),
        "a body of more than a mebibyte is refused in the contract's shape, too",
        "what is over nginx's own bound, a mebibyte unless told otherwise, it refuses by itself, with a page of its own",
    )
    .await?;
    let head = entry.get("/health").header("x-long", "x".repeat(LONG_HEADER)).send().await?;
    let head = promise("a request head of 16 KiB or less reaches an instance")
        .observed(Fact::count("bytes of one header", LONG_HEADER))
        .observed(Fact::count("answered", head.status))
        .likely(true, "the proxy's buffers for a head are smaller", "`large_client_header_buffers 4 16k;`")
        .kept_if(head.status == 200)?;
    let (refused, unread) = unread::are_refused(&deployed).await?;
    let missing = entry.get("/post/no-uuid").send().await?;
    let passes = missing.is_problem(&[400])?;
    let none = entry.get("/no/such/route").send().await?.is_problem(&[404])?;
    let passed_on = passing::own_answers_pass(&deployed, &unread, &missing).await?;
    let silent = passing::tells_nothing(&deployed, &[&fits, &over, &far_over, &unread, &missing])?;
    let full = no_place_left(&bed, &deployed).await?.and(silent).and(passed_on);
    Ok(reaches.and(over_by_one).and(over_by_far).and(head).and(refused).and(passes).and(none).and(full))
}

/// The promise that a body is refused with 413, in the contract's shape; and the refusal. `by_the_proxy` is the cause of a 413 in another.
async fn is_too_large(
    entry: &impl Endpoint,
    body: String,
    promised: &str,
    by_the_proxy: &str,
) -> Result<(Kept, Answer), Stop> {
    let answer = entry.post_raw(Some("application/json"), body).send().await?;
    let is_problem = answer.is_of("application/problem+json");
    let shaped = promise(promised)
        .observed(&answer)
        .observed(Fact::named("content-type", answer.header("content-type")))
        .likely(
            answer.status == 413 && !is_problem,
            by_the_proxy,
            "`client_max_body_size 65536;`, and `error_page 413` with a location that answers in the contract's shape",
        )
        .likely(true, "nobody refuses it as too large", "`client_max_body_size 65536;`")
        .kept_if(answer.status == 413 && is_problem)?;
    Ok((shaped.and(answer.is_problem(&[413])?), answer))
}

/// The promise that a post for which the small proxy has a place, and an instance has none, is refused as when there is no instance.
async fn no_place_left(bed: &Bed, deployed: &Deployed) -> Verdict {
    /// So many at once that they find no place.
    const MANY: f64 = 200.0;
    const AT_ONCE: Duration = Duration::from_millis(200);
    let entry = deployed.stack.entry()?;
    let ways = deployed.ways_to_instances();
    bed.says("no place is left in the proxy");
    for way in &ways {
        way.lose()?;
    }
    let (mut answered, mut bare, mut last) = (0, 0, None);
    // A post holds two places. One more that is held decides whether the last post finds one or none.
    for held in [false, true] {
        let half = match held {
            true => Some(
                half_a_head(entry.addr())
                    .await
                    .map_err(|error| SetUp::from_cause("connect to the proxy", error))?,
            ),
            false => None,
        };
        let load = bed.posts(entry, Schedule::constant(MANY, AT_ONCE)).label("no place is left").repeating();
        let run = load.start().finish().await?;
        let answers = run.samples().iter().filter(|sample| sample.status.is_some());
        answered += answers.clone().count();
        bare += answers.clone().filter(|sample| !sample.is_explicit_refusal()).count();
        last =
            answers.filter(|sample| !sample.is_explicit_refusal()).find_map(|sample| sample.status).or(last);
        drop(half);
    }
    for way in &ways {
        way.heal()?;
    }
    promise("when the proxy has no connection left towards an instance, what it answers has the contract's shape")
        .observed(Fact::count("answered", answered))
        .observed(Fact::count("without a proper 503", bare))
        .observed(last.map(|status| Fact::count("one of them was answered", status)))
        .likely(
            last == Some(500),
            "nginx answers 500 where it has a place for the client and none for an instance, and the page for that is its own",
            "`error_page` for 500 as well",
        )
        .likely(
            last == Some(503),
            "a 503 lacks `Retry-After`, its media type, or a member of its body",
            "look at the location that answers it: `add_header Retry-After 1 always;`, `default_type application/problem+json`",
        )
        .likely(true, "some refusals have another shape", "each of the proxy's own statuses needs its place in `error_page`")
        .kept_if(bare == 0)
}

/// A client that holds a place: it has begun a request.
async fn half_a_head(addr: std::net::SocketAddr) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(addr).await?;
    stream.write_all(b"GET /posts HTTP/1.1\r\nHost:").await?;
    Ok(stream)
}
