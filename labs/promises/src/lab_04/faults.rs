//! An instance dies, falls silent or is replaced under load. The clients send no id and no key, and see nothing of it.

use std::time::Duration;

use futures_util::future::{join, join_all};
use serde_json::json;
use testbed::answer::Ask;
use testbed::bed::UnderWay;
use testbed::stack::{Fault, PROXY};
use testbed::wait;
use tokio::time::timeout;

use crate::contract::prelude::*;
use crate::contract::{Attempt, BROKER, DEADLINE, Deployed, INSIDE, Logged};
use crate::lab_01::HOST;
use crate::lab_02::all_stored;

/// What is offered meanwhile, in posts a second: so few that the proxy has a place for each that waits a second for an instance which
/// never answers.
const RATE: f64 = 10.0;
/// What a post takes at most whose first attempt is given up after a second.
const ONE_ATTEMPT: Duration = Duration::from_millis(1_300);
/// What nginx waits for an instance at most, and a quarter more for the host.
const A_SECOND: Duration = Duration::from_millis(1_250);
/// Whom it befalls.
const VICTIM: &str = "api-1";

/// The load of clients that repeat nothing, but what was sent on a connection that was just being closed.
fn load(bed: &Bed, deployed: &Deployed, rate: f64, seconds: u64) -> Result<UnderWay, Stop> {
    let schedule = Schedule::constant(rate, Duration::from_secs(seconds));
    Ok(bed.posts(deployed.stack.entry()?, schedule).repeating().start())
}

/// Waits until so many posts of the load have left, whatever became of them.
async fn sent(load: &UnderWay, posts: u64) {
    const LONGEST: Duration = Duration::from_secs(20);
    wait::until(LONGEST, async || (load.counts().sent() >= posts).then_some(())).await;
}

/// The promise that all of a run was answered 202, in time, and is stored once.
async fn nothing_is_lost(bed: &Bed, deployed: &Deployed, run: &Finished, when: &str) -> Verdict {
    let counts = run.counts();
    let refused_inside = posts_logged(deployed).await?.iter().any(Logged::is_an_instances_refusal);
    let slowest = run.latency_from_send(|_| true).max().unwrap_or_default();
    // First: what is there twice says more than what failed beside it.
    let stored = all_stored(bed, run, when, &[]).await.map_err(doubled_by_a_repeat)?;
    let accepted = promise(format!("{when}, no post fails"))
        .observed(Fact::count("offered", counts.scheduled))
        .observed(Fact::count("accepted", counts.accepted))
        .observed(Fact::count("refused", counts.refused + counts.other_status))
        .observed(Fact::count("no answer", counts.timed_out + counts.reset + counts.connection_refused))
        .observed(Fact::duration("slowest answer", slowest))
        .likely(
            counts.timed_out > 0 || slowest > DEADLINE + HOST,
            "the proxy waits for an instance that never answers longer than a client waits; a minute, if it is not told otherwise",
            "give connecting and reading a bound of a second at most, and try another instance then",
        )
        .likely(
            slowest > ONE_ATTEMPT,
            "the proxy waits for one instance so long that no time is left for another",
            "wait for an instance no longer than a second, be it for a connection or for an answer",
        )
        .likely(
            counts.refused > 0 && refused_inside,
            "an instance itself refused posts with 503 (`upstream_status` in the proxy's log): one that is about to stop, perhaps",
            "at SIGTERM take no new connection, and answer whatever has arrived as always",
        )
        .likely(
            counts.other_status + counts.refused > 0,
            "the proxy gave up on posts that another instance would have taken: it does not repeat a POST unless told, or has put all \
             instances out",
            "`proxy_next_upstream … non_idempotent`, safe with a key; and think of `max_fails`",
        )
        .likely(
            counts.reset > 0,
            "the proxy closed connections without an answer: each post that waits holds places, and there were none left",
            "wait for a silent instance no longer than a second",
        )
        .kept_if(counts.accepted == counts.scheduled)?;
    let in_time = promise(format!("{when}, nobody waits longer than the deadline"))
        .observed(Fact::duration("slowest answer", slowest))
        .likely(
            true,
            "the proxy waits for an instance longer than a client waits: a minute if nothing is said; or its attempts, one after the other",
            "bound connecting, reading, and all attempts together (proxy_next_upstream_timeout)",
        )
        .kept_if(slowest <= DEADLINE + HOST)?;
    Ok(stored.and(accepted).and(in_time))
}

/// What is stored twice was sent twice: these clients repeat nothing, so it was the proxy.
fn doubled_by_a_repeat(stop: Stop) -> Stop {
    match stop {
        Stop::Broken(mut broken) if broken.observed.iter().any(is_doubled) => {
            broken.likely =
                Some("the proxy sent a post again, and the two attempts had no name in common".to_owned());
            broken.next = Some(
                "give each post a key before its first attempt ($request_id), and derive the id from it"
                    .to_owned(),
            );
            Stop::Broken(broken)
        }
        other => other,
    }
}

fn is_doubled(fact: &Fact) -> bool {
    fact.name == "doubled" && fact.value > Some(0.0)
}

/// kill -9 to an instance in mid-load, twice. Its way to the broker is so long, and its posts come so fast, that it always has one
/// which the broker has, and whose answer has not left.
pub(super) async fn instance_killed(bed: Bed) -> Verdict {
    const CONFIRM: Duration = Duration::from_millis(100);
    const FAST: f64 = 60.0;
    const KILLS: u64 = 2;
    let deployed = Deployed::roomy(&bed).await?;
    let way = deployed.stack.path(VICTIM, BROKER)?;
    let load = load(&bed, &deployed, FAST, 6)?;
    for kill in 1..=KILLS {
        way.set_way(Way::round_trip(CONFIRM));
        sent(&load, 140 * kill - 80).await;
        bed.says(format!("killing {VICTIM}"));
        deployed.stack.kill(VICTIM).await?;
        sent(&load, 140 * kill - 40).await;
        // One that comes back has connections and channels to open first, each by some round trips.
        way.set_way(Way::round_trip(INSIDE));
        deployed.stack.bring_back(VICTIM).await?;
    }
    let run = load.finish().await?;
    nothing_is_lost(&bed, &deployed, &run, "while an instance is killed and comes back").await
}

/// An instance whose network is gone, then one whose process stands still.
pub(super) async fn instance_silent(bed: Bed) -> Verdict {
    let deployed = Deployed::roomy(&bed).await?;
    let under_way = load(&bed, &deployed, RATE, 6)?;
    sent(&under_way, 12).await;
    bed.says(format!("what is sent to {VICTIM} is lost"));
    deployed.stack.path(PROXY, VICTIM)?.lose()?;
    sent(&under_way, 48).await;
    deployed.stack.path(PROXY, VICTIM)?.heal()?;
    let run = under_way.finish().await?;
    let lost = nothing_is_lost(&bed, &deployed, &run, "while what is sent to an instance is lost").await?;
    let logged = posts_logged(&deployed).await?;
    let lost = lost.and(waits_a_second(&logged)?);

    let under_way = load(&bed, &deployed, RATE, 6)?;
    sent(&under_way, 12).await;
    bed.says(format!("{VICTIM} stands still"));
    deployed.stack.instance(VICTIM)?.pause()?;
    let others = others_are_served(&deployed).await;
    sent(&under_way, 48).await;
    deployed.stack.instance(VICTIM)?.resume()?;
    let run = under_way.finish().await?;
    let still = nothing_is_lost(&bed, &deployed, &run, "while an instance's process is stopped").await?;
    let still =
        still.and(waits_a_second(posts_logged(&deployed).await?.get(logged.len()..).unwrap_or_default())?);
    Ok(lost.and(still).and(others?))
}

/// The promise that nobody else sees anything of a silent instance, either: who sends a post in pieces, and who reads.
async fn others_are_served(deployed: &Deployed) -> Verdict {
    /// Of each kind, all at once: every other one meets the silent instance.
    const EACH: usize = 4;
    let entry = deployed.stack.entry()?;
    let in_time = async |asked: Ask, status| {
        timeout(DEADLINE + HOST, asked.send())
            .await
            .is_ok_and(|answer| answer.is_ok_and(|answer| answer.status == status))
    };
    let body = |n| json!({"content": format!("{BY_HAND}, in two pieces {n}")});
    let posts = join_all((0..EACH).map(|n| in_time(entry.post(&body(n)).in_two_pieces(), 202)));
    let reads = join_all((0..EACH).map(|_| in_time(entry.get("/posts?page=2"), 200)));
    let (posts, reads) = join(posts, reads).await;
    let served = |answers: &[bool]| answers.iter().filter(|served| **served).count();
    let posts = promise("while an instance is silent, a post whose body comes in pieces is answered 202 within the deadline, as any other")
        .observed(Fact::count("posts in two pieces", EACH))
        .observed(Fact::count("of these answered 202 in time", served(&posts)))
        .likely(
            true,
            "the proxy has begun to pass a body on before it had all of it: it cannot send that to another instance",
            "let the proxy read a body first (`proxy_request_buffering`, which is on unless told otherwise)",
        )
        .kept_if(served(&posts) == EACH)?;
    let reads = promise("while an instance is silent, a read is answered 200 within the deadline")
        .observed(Fact::count("reads", EACH))
        .observed(Fact::count("of these answered 200 in time", served(&reads)))
        .likely(
            true,
            "the bounds, or the second attempt, are for posts alone",
            "set them where all locations have them",
        )
        .kept_if(served(&reads) == EACH)?;
    Ok(posts.and(reads))
}

async fn posts_logged(deployed: &Deployed) -> Result<Vec<Logged>, Stop> {
    Ok(Logged::posts(&deployed.stack.proxy()?.logs().await?.stdout))
}

/// The promise that nginx waits for an instance no longer than a second, by what its log says of the attempts that it gave up. The
/// shortest of each kind counts: whatever else the host does can only make one longer.
fn waits_a_second(posts: &[Logged]) -> Verdict {
    let given_up: Vec<Attempt> = posts
        .iter()
        .flat_map(|post| match post.attempts().split_last() {
            Some((_, given_up)) => given_up.to_vec(),
            None => Vec::new(),
        })
        .collect();
    let shortest = |connected: bool| {
        given_up.iter().filter(|attempt| attempt.connected == connected).map(|attempt| attempt.took).min()
    };
    let (connection, answer) = (shortest(false), shortest(true));
    promise("the proxy waits for an instance no longer than a second, be it for a connection or for an answer")
        .observed(Fact::count("attempts that it gave up", given_up.len()))
        .observed(connection.map(|wait| Fact::duration("the shortest wait for a connection", wait)))
        .observed(answer.map(|wait| Fact::duration("the shortest wait for an answer", wait)))
        .likely(
            given_up.is_empty(),
            "the access log tells of no second attempt, although an instance was silent: not every request has its line there",
            "`access_log /dev/stdout trace;`, for every request that is passed on",
        )
        .likely(
            connection > Some(A_SECOND),
            "it waits for a connection for longer; while one post waits so long, it holds two of the proxy's places",
            "proxy_connect_timeout",
        )
        .likely(
            true,
            "it waits for an answer for longer; while one post waits so long, it holds two of the proxy's places",
            "proxy_read_timeout, longer than an instance's own deadline (REQUEST_TIMEOUT_MS), and a second at most",
        )
        .kept_if(!given_up.is_empty() && connection.max(answer) <= Some(A_SECOND))
}

/// The instances are restarted one after another, and the proxy is reloaded.
pub(super) async fn rolling_restart(bed: Bed) -> Verdict {
    let deployed = Deployed::roomy(&bed).await?;
    let names: Vec<String> = deployed.listed().await?.into_iter().map(str::to_owned).collect();
    let load = load(&bed, &deployed, RATE, 8)?;
    sent(&load, 12).await;
    for name in &names {
        bed.says(format!("restarting {name}"));
        let ended = deployed.stack.restart(name).await?;
        ended.in_time(name, "something holds the process", "end each wait at SIGTERM")?;
    }
    bed.says("reloading the proxy");
    deployed.stack.proxy()?.reload().await.map_err(Fault::from)?;
    let run = load.finish().await?;
    nothing_is_lost(&bed, &deployed, &run, "while instances are restarted and the proxy is reloaded").await
}
