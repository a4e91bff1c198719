//! What the clients of the small proxy see: that it holds, and how long they wait.

use std::time::Duration;

use serde_json::json;
use testbed::wait;

use crate::contract::prelude::*;
use crate::contract::{Deployed, Logged, PLACES, RATE, WORKER_CONNECTIONS};
use crate::lab_02::all_stored;

use super::as_before;

/// How long the schedule lasts.
const LENGTH: Duration = Duration::from_secs(4);
/// What nine of ten are answered within: ten times what neighbours take, and less than a proxy or an instance across the sea costs.
const NEIGHBOURS: Duration = Duration::from_millis(60);

/// The files hold: the stack starts, and one post goes all the way.
pub(super) async fn deploys(bed: Bed) -> Verdict {
    let deployed = Deployed::on(&bed).await?;
    let entry = deployed.stack.entry()?;
    let (answer, post) = Posting::Queued.post(entry, &json!({"content": "through the stack"})).await?;
    let through =
        promise("a post that is sent to the proxy is answered, stored, and read again through the proxy")
            .observed(&answer)
            .likely(
                true,
                "another post came back than was sent",
                "compare the consumer's environment with the instances'",
            )
            .kept_if(post["content"] == "through the stack")?;
    let leads = as_before::leads_nowhere_else(&answer, entry.addr())?;
    Ok(through.and(leads).and(each_has_its_line(&deployed, post["id"].as_str().unwrap_or_default()).await?))
}

/// The promise that whatever is passed on to an instance has its line in the access log.
async fn each_has_its_line(deployed: &Deployed, id: &str) -> Verdict {
    /// How long a line may be on its way.
    const SOON: Duration = Duration::from_secs(5);
    let nobody = format!("/post/{}", uuid::Uuid::new_v4());
    let asked = ["/posts", "/search?content=through", &format!("/post/{id}"), &nobody, "/health"];
    for path in asked {
        deployed.stack.entry()?.get(path).send().await?;
    }
    let wanted = asked.map(|path| path.split('?').next().unwrap_or(path));
    let mut without = None;
    wait::try_until(SOON, async || {
        let log = deployed.stack.proxy()?.logs().await?.stdout;
        let lines: Vec<Logged> = Logged::all(&log).collect();
        without = wanted.iter().find(|uri| !lines.iter().any(|line| line.is_passed_on("GET", uri)));
        Ok::<_, Stop>(without.is_none().then_some(()))
    })
    .await?;
    promise(
        "each request that is passed on to an instance has its line in the access log, in the format `trace`",
    )
    .observed(without.map(|uri| Fact::named("without a line", format!("GET {uri}"))))
    .likely(
        true,
        "its location turns the log off, or has one of its own",
        "`access_log /dev/stdout trace;` once, in `http`, and no other",
    )
    .kept_if(without.is_none())
}

/// Every post of the schedule succeeds, through a proxy with few places.
pub(super) async fn all_succeed(bed: Bed) -> Verdict {
    let deployed = Deployed::on(&bed).await?;
    let before = crossed(&deployed);
    let run = bed.posts(deployed.stack.entry()?, Schedule::constant(RATE, LENGTH)).start().finish().await?;
    let counts = run.counts();
    let latency = run.latency_from_send(|_| true);
    let in_flight = latency.mean().map(|mean| RATE * mean.as_secs_f64());
    // So long no post may end until all places are taken.
    let room = Duration::from_secs_f64(PLACES / RATE);
    let slowest = run.latency_from_send(|sample| sample.outcome == Outcome::Accepted).max();
    // What a full proxy closes is no refusal.
    if counts.reset > counts.refused
        && let Some(busy) = busy(&run, crossed(&deployed) - before, slowest, room)
    {
        return Err(Stop::Inconclusive(busy));
    }
    let succeed = promise(format!("through a proxy of {WORKER_CONNECTIONS} connections every post of the schedule is accepted"))
        .observed(counts)
        .observed(Fact::measure("offered", RATE, "/s"))
        .observed(latency.percentile(50.0).map(|p50| Fact::duration("p50", p50)))
        .observed(in_flight.map(|many| Fact::measure("in flight on average (rate × time)", many, "posts")))
        .likely(
            in_flight.is_some_and(|many| many > PLACES) || latency.percentile(50.0) > Some(NEIGHBOURS),
            format!(
                "each post is under way for so long that more of them are in flight than the proxy has places: it has {WORKER_CONNECTIONS} \
                 connections, and a post holds two"
            ),
            "make the ways shorter, not the proxy bigger: where do clients, proxy, instances and broker stand? (cargo lab trace 04)",
        )
        .likely(
            counts.mostly(Outcome::OtherStatus),
            "the proxy answers in place of the instances: they refuse its connections, or it has no place left for one",
            "read the proxy's log, and what it says of upstreams",
        )
        .likely(
            counts.mostly(Outcome::Refused),
            "an instance refuses posts, or the proxy does in its place",
            "read the `detail` of a refusal, and the log of the proxy",
        )
        .likely(
            counts.mostly(Outcome::Reset),
            "the proxy closed connections without an answer: it had no place for them",
            "make the ways shorter, so that a place is free again sooner",
        )
        .kept_if(counts.accepted == counts.scheduled)?;
    Ok(succeed.and(all_stored(&bed, &run, "in the end", &[]).await?))
}

/// What to say when posts fail or are slow, and none of them was far away: then it is the host that is too busy. `longest` is the time
/// that some of the accepted ones took, and `most` what is enough.
fn busy(run: &Finished, crossed: u64, longest: Option<Duration>, most: Duration) -> Option<String> {
    let (longest, accepted) = (longest?, run.counts().accepted);
    let is_near = crossed * 10 <= accepted;
    (is_near && longest > most).then(|| {
        format!(
            "no post left its zone, and still some took {} ms, where {} ms is many times what neighbours take: is the host busy?",
            longest.as_millis(),
            most.as_millis()
        )
    })
}

/// How often anything went over a way between two zones until now, on its way to an answer.
fn crossed(deployed: &Deployed) -> u64 {
    let crossing = deployed.legs().into_iter().filter(|leg| leg.crosses);
    crossing.map(|leg| leg.path.counts().turn_arounds).sum()
}

/// Nine of ten posts are answered within a bound that only neighbours can keep.
pub(super) async fn neighbours(bed: Bed) -> Verdict {
    /// So few that the host has time for each.
    const FEW: f64 = 40.0;
    let deployed = Deployed::roomy(&bed).await?;
    let entry = deployed.stack.entry()?;
    // The first posts open connections.
    bed.posts(entry, Schedule::constant(FEW, Duration::from_secs(1)))
        .label("warm-up")
        .start()
        .finish()
        .await?;
    let before = crossed(&deployed);
    let run = bed.posts(entry, Schedule::constant(FEW, LENGTH)).start().finish().await?;
    let latency = run.latency_from_send(|_| true);
    let (p50, p90) = (latency.percentile(50.0), latency.percentile(90.0));
    let counts = run.counts();
    if let Some(busy) = busy(&run, crossed(&deployed) - before, p90, NEIGHBOURS) {
        return Err(Stop::Inconclusive(busy));
    }
    promise(format!("nine of ten posts are answered within {} ms", NEIGHBOURS.as_millis()))
        .observed(counts)
        .observed(p50.map(|p50| Fact::duration("p50", p50)))
        .observed(p90.map(|p90| Fact::duration("p90", p90)))
        .likely(
            counts.accepted < counts.scheduled,
            "not all of them are accepted: what a failed post takes says nothing",
            "begin with `all-succeed`",
        )
        .likely(
            p50 > Some(NEIGHBOURS),
            "every post crosses the sea, at least once: to the proxy, from it to the instances, or from these to the broker",
            "let the proxy and the broker stand where the clients and the instances are",
        )
        .likely(
            true,
            "some posts take far longer than others: an instance that is far away takes its share of them",
            "leave the distant instance out of the proxy's upstreams: the median hides it, the tail does not",
        )
        .kept_if(p90 <= Some(NEIGHBOURS) && counts.accepted == counts.scheduled)
}
