//! What a post costs on its way, counted on the paths between those who talk.

use std::time::Duration;

use serde_json::json;
use testbed::path::Counts;
use testbed::stack::PROXY;

use crate::contract::prelude::*;
use crate::contract::{BROKER, Deployed, INSIDE, Leg, broker_time};

/// So many posts, one at a time, that what a connection does for itself (heartbeats, a first handshake) is a small part.
const POSTS: u64 = 60;

/// What went over each leg of the way while posts were sent one at a time.
struct Walked<'a> {
    legs: Vec<(Leg<'a>, Counts)>,
}

impl Walked<'_> {
    /// Sends posts, each when the last one was answered. Before them come some that open connections.
    async fn by_posts(deployed: &Deployed) -> Result<Walked<'_>, Stop> {
        send(deployed, POSTS / 3).await?;
        let before: Vec<_> = deployed.legs().into_iter().map(|leg| (leg.path.counts(), leg)).collect();
        send(deployed, POSTS).await?;
        let legs = before.into_iter().map(|(before, leg)| {
            let walked = leg.path.counts().since(&before);
            (leg, walked)
        });
        Ok(Walked { legs: legs.collect() })
    }

    /// The round trips over some of the legs.
    fn round_trips(&self, over: impl Fn(&Leg<'_>) -> bool) -> u64 {
        self.legs.iter().filter(|(leg, _)| over(leg)).map(|(_, walked)| walked.turn_arounds).sum()
    }
}

async fn send(deployed: &Deployed, posts: u64) -> Result<(), Stop> {
    let entry = deployed.stack.entry()?;
    for n in 0..posts {
        entry.post(&json!({"content": format!("{BY_HAND}, number {n}")})).send().await?.has_status(202)?;
    }
    Ok(())
}

/// A post costs one round trip to the broker, and crosses no zone while its client waits.
pub(super) async fn one_round_trip(bed: Bed) -> Verdict {
    let deployed = Deployed::roomy(&bed).await?;
    let walked = Walked::by_posts(&deployed).await?;
    let to_the_broker = walked.round_trips(|leg| leg.to == BROKER);
    let each = to_the_broker as f64 / POSTS as f64;
    let once = promise("a post costs one round trip between its instance and the broker")
        .observed(Fact::count("posts, one at a time", POSTS))
        .observed(Fact::measure("round trips to the broker for each", each, ""))
        .likely(
            to_the_broker < POSTS,
            "posts are answered without the broker's confirm",
            "await the confirm, then answer",
        )
        .likely(
            true,
            "more is asked of the broker than to take the post: a channel that is opened, a queue that is declared for each, or a \
             connection for each",
            "declare at the start, keep channels and connections, and publish with nothing else before or after",
        )
        // A quarter more: heartbeats, and a confirm whose frames came apart.
        .kept_if(to_the_broker >= POSTS && to_the_broker * 4 <= POSTS * 5)?;
    let crossed = walked.round_trips(|leg| leg.crosses);
    let mut none = promise("no zone is crossed on a post's way").observed(Fact::measure(
        "zones crossed and back, for each post",
        crossed as f64 / POSTS as f64,
        "",
    ));
    for (leg, walked) in walked.legs.iter().filter(|(leg, walked)| leg.crosses && walked.turn_arounds > 0) {
        none = none.observed(Fact::count(format!("{} → {}", leg.from, leg.to), walked.turn_arounds));
    }
    let crosses = |over: &dyn Fn(&Leg<'_>) -> bool| walked.round_trips(|leg| leg.crosses && over(leg)) > 0;
    let none = none
        .likely(
            crosses(&|leg| leg.to == PROXY),
            "the proxy is not where the clients and the instances are",
            "move the proxy in deploy/stack.yml",
        )
        .likely(
            crosses(&|leg| leg.to == BROKER) && !crosses(&|leg| leg.from == PROXY),
            "the broker is not where the instances are: each post waits for its confirm from across the sea",
            "move the broker in deploy/stack.yml",
        )
        .likely(
            true,
            "an instance far away takes posts",
            "leave it out of the proxy's upstreams (deploy/nginx.conf.template): it cannot be moved",
        )
        // A heartbeat may cross.
        .kept_if(crossed * 10 <= POSTS)?;
    Ok(once.and(none))
}

/// nginx keeps its connections to the instances.
pub(super) async fn keeps_connections(bed: Bed) -> Verdict {
    let deployed = Deployed::roomy(&bed).await?;
    let entry = deployed.stack.entry()?;
    let load = |seconds| Schedule::constant(25.0, Duration::from_secs(seconds));
    bed.posts(entry, load(1)).label("warm-up").start().finish().await?;
    let to_instances = || deployed.legs().into_iter().filter(|leg| leg.from == PROXY);
    let before: Vec<Counts> = to_instances().map(|leg| leg.path.counts()).collect();
    let run = bed.posts(entry, load(5)).start().finish().await?;
    let accepts: u64 =
        to_instances().zip(&before).map(|(leg, before)| leg.path.counts().since(before).connections).sum();
    let counts = run.counts();
    promise("the proxy keeps its connections to the instances: fewer than one new one for ten posts")
        .observed(counts)
        .observed(Fact::count("connections that the instances accepted meanwhile", accepts))
        .likely(
            accepts >= counts.accepted,
            "each post has a connection of its own: a round trip more, and a place that is slow to come back",
            "three things together: `keepalive` in the upstream, `proxy_http_version 1.1`, and an empty `Connection` header",
        )
        .likely(
            accepts * 10 >= counts.accepted,
            "the proxy keeps fewer connections than posts are under way, or for a shorter time",
            "let `keepalive` be as large as what is in flight at once",
        )
        .likely(true, "not all posts are accepted", "begin with `all-succeed`")
        .kept_if(accepts * 10 < counts.accepted && counts.accepted == counts.scheduled)
}

/// Every instance that the proxy lists takes at least half its share.
pub(super) async fn shares(bed: Bed) -> Verdict {
    let deployed = Deployed::roomy(&bed).await?;
    let listed = deployed.listed().await?;
    let before = deployed.legs();
    let before: Vec<_> = before
        .iter()
        .filter(|leg| leg.from == PROXY && listed.contains(&leg.to))
        .map(|leg| (leg.to, leg.path.counts()))
        .collect();
    let run = bed
        .posts(deployed.stack.entry()?, Schedule::constant(50.0, Duration::from_secs(3)))
        .start()
        .finish()
        .await?;
    let mut taken = Vec::new();
    for (name, before) in &before {
        taken.push((*name, deployed.stack.path(PROXY, name)?.counts().since(before).turn_arounds));
    }
    let all: u64 = taken.iter().map(|(_, posts)| posts).sum();
    let share = all / (listed.len().max(1) as u64);
    let mut told =
        promise("every instance that the proxy's upstreams list takes at least half its share of the posts")
            .observed(run.counts());
    for (name, posts) in &taken {
        told = told.observed(Fact::count(format!("posts to {name}"), *posts));
    }
    told.likely(
        listed.is_empty(),
        "the proxy lists no instance by the address that its environment gives",
        "name the instances in the template by the variables that stack.yml sets: `server ${API_1};`",
    )
    .likely(
        taken.iter().any(|(_, posts)| *posts == 0),
        "an instance is listed and takes nothing: it only stands by, was put out, or the clients of one address have always the same",
        "list it as the others, or leave it out; and let each post go to the next one",
    )
    .likely(true, "the proxy prefers some of the instances", "give them the same weight")
    .kept_if(!listed.is_empty() && all > 0 && taken.iter().all(|(_, posts)| *posts * 2 >= share))
}

/// Each 202 carries the time that the broker took, and the time is true.
pub(super) async fn server_timing(bed: Bed) -> Verdict {
    const TIMES: usize = 20;
    let deployed = Deployed::roomy(&bed).await?;
    let entry = deployed.stack.entry()?;
    send(&deployed, 4).await?;
    let mut kept = Kept::default();
    for n in 0..TIMES {
        let asked = std::time::Instant::now();
        let answer = entry.post(&json!({"content": format!("{BY_HAND}, timed {n}")})).send().await?;
        let took = asked.elapsed();
        answer.has_status(202)?;
        let told = answer.header_list("server-timing");
        let broker = broker_time(&told);
        kept = promise("a 202 says how long the broker took, and truly: from the round trip to it up to the whole answer's time")
            .observed(&answer)
            .observed(Fact::named("Server-Timing", if told.is_empty() { "none" } else { &told }))
            .observed(Fact::duration("the whole answer", took))
            .likely(told.is_empty(), "the header is missing", "send `Server-Timing: broker;dur=MS` with each 202; let the proxy pass it on")
            .likely(
                broker.is_none(),
                "it has no metric `broker` with a `dur` that is a number",
                "write it as W3C's Server Timing has it: `broker;dur=4.217`",
            )
            .likely(
                broker > Some(took),
                "it tells more time than the whole answer took: is it in another unit than milliseconds?",
                "tell milliseconds, of a clock that is not set back",
            )
            .likely(
                true,
                "it tells less time than one round trip to the broker takes: it ends before the confirm, or is in seconds",
                "take the time from before the publish until after the confirm, in milliseconds",
            )
            .kept_if(broker.is_some_and(|broker| broker <= took && broker >= INSIDE))?;
    }
    Ok(kept.and(follows_the_way(&deployed).await?))
}

/// The promise that what is told is of this post, and of its way to the broker as it is now.
async fn follows_the_way(deployed: &Deployed) -> Verdict {
    /// Many times what the way takes otherwise.
    const LONG: Duration = Duration::from_millis(80);
    const TIMES: usize = 4;
    let ways: Vec<_> =
        deployed.legs().into_iter().filter(|leg| leg.to == BROKER).map(|leg| leg.path).collect();
    ways.iter().for_each(|way| way.set_way(Way::round_trip(LONG)));
    let mut least: Option<Duration> = None;
    for n in 0..TIMES {
        let post = json!({"content": format!("{BY_HAND}, on a long way {n}")});
        let answer = deployed.stack.entry()?.post(&post).send().await?;
        answer.has_status(202)?;
        let told = broker_time(&answer.header_list("server-timing")).unwrap_or_default();
        least = Some(least.map_or(told, |least| least.min(told)));
    }
    promise(
        "what a 202 tells of the broker is this post's own: with a longer way there, each tells more at once",
    )
    .observed(Fact::duration("the round trip to the broker, now", LONG))
    .observed(least.map(|least| Fact::duration("the least that was told", least)))
    .likely(
        true,
        "it is a constant, or a mean with what was before",
        "take the time of this publish, from before it until after its confirm",
    )
    .kept_if(least >= Some(LONG))
}
