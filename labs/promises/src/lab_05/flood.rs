//! More clients than places: each is served, and what the service needs itself comes first.

use std::pin::pin;
use std::time::{Duration, Instant};

use serde_json::json;
use testbed::descriptors::Open;
use testbed::wait;
use tokio::time::interval;

use crate::contract::DEADLINE;
use crate::contract::prelude::*;
use crate::lab_01::HOST;

use super::logged::Numbers;
use super::{CLIENTS, FEW, MORE, own_pool, slow};

/// What nine of ten are answered within: many times what an answer takes, and far less than anybody's patience with idle clients.
const SOON: Duration = Duration::from_millis(500);
/// How long the flood lasts: several times the deadline, so that who waits for others to leave waits too long.
const LENGTH: Duration = Duration::from_secs(9);
/// What a flood may leave on stderr.
const MUCH: u64 = 1 << 20;
/// Page 2 has some.
const POSTS: usize = 30;

/// What came of a crowd, and how the service was in the middle of it.
pub(super) struct Flood {
    crowd: Crowded,
    /// The most descriptors that it had at once.
    most: Option<Open>,
    /// Whether it takes somebody else when the crowd has gone.
    goes_on: bool,
}

impl Flood {
    pub(super) async fn of(crowd: Crowd, service: &Subject) -> Flood {
        let mut most: Option<Open> = None;
        let mut looks = interval(Duration::from_millis(50));
        let mut coming = pin!(crowd.come());
        let crowd = loop {
            tokio::select! {
                crowd = &mut coming => break crowd,
                _ = looks.tick() => {
                    let now = service.descriptors_surely().ok();
                    most = most.into_iter().chain(now).max_by_key(|open| open.all);
                }
            }
        };
        let goes_on = service.get("/health").send().await.is_ok_and(|answer| answer.status == 200);
        Flood { crowd, most, goes_on }
    }

    /// Whether all descriptors were taken: one for a moment may have been missed.
    pub(super) fn was_full(&self) -> bool {
        self.most.is_some_and(|open| open.all + 4 >= open.soft)
    }

    pub(super) fn descriptors(&self) -> Option<Fact> {
        self.most.map(|open| Fact::named("descriptors", format!("{} of {}", open.all, open.soft)))
    }
}

/// 500 clients on 128 descriptors: each request is answered, and soon; and little is said of it.
pub(super) async fn serves_all(bed: Bed) -> Verdict {
    let service = start(&bed, FEW).await?;
    bed.says(format!("{CLIENTS} clients come"));
    let crowd = Crowd::of(CLIENTS, &service, "/posts").also("/health").also("/posts?page=2").length(LENGTH);
    let flood = Flood::of(crowd, &service).await;
    let said = service.stderr().bytes();
    // First: of a log that grows so fast, all else follows.
    let quiet = promise("a flood leaves less than 1 MiB on stderr")
        .observed(Fact::measure("stderr", said as f64 / 1024.0, "KiB"))
        .likely(
            true,
            "each connection that could not be accepted is told of, and the next attempt comes at once",
            "pause after a failed attempt, and tell of it once a second",
        )
        .kept_if(said < MUCH)?;
    let answered = all_answered(&flood, &service)?;
    let p90 = flood.crowd.percentile(0.9);
    let soon = promise(format!("nine of ten are answered within {} ms", SOON.as_millis()))
        .observed(Fact::duration("nine of ten within", p90))
        .observed(Fact::duration("the slowest after", flood.crowd.slowest()))
        .observed(flood.descriptors())
        .likely(
            flood.was_full(),
            "whoever accepts pauses when there is no descriptor left, and all who come meanwhile wait",
            "take no more connections than there are places, so that there is always a descriptor",
        )
        .likely(
            true,
            "clients wait until others' idle connections time out: who has a place keeps it, asked or not",
            "when places run short, answer with `Connection: close`, or close those that are idle",
        )
        .kept_if(p90 <= SOON)?;
    let spare = promise("less than the limit is taken in a flood: there are always some descriptors to spare")
        .observed(flood.descriptors())
        .observed(Fact::count("connections", flood.crowd.connections))
        .likely(
            true,
            "connections are accepted until there is no descriptor left, and only then somebody is sent away: the bound is a constant, or is \
             the limit",
            "derive the bound from the limit, less what the service needs itself, and make room when *it* is reached",
        )
        .kept_if(flood.most.is_none_or(|open| open.all + 1 < open.soft))?;
    Ok(answered.and(soon).and(spare).and(quiet))
}

/// The promise that each request of a crowd was served in time.
pub(super) fn all_answered(flood: &Flood, service: &Subject) -> Verdict {
    let crowd = &flood.crowd;
    let refused = crowd.answered(503);
    let health = crowd.asked.iter().any(|asked| asked.path == "/health" && asked.said == Ok(503));
    let too = if health { ", `/health` too" } else { "" };
    let late = crowd.slower_than(DEADLINE + HOST);
    let kept = crowd.all_served() && late == 0;
    promise(format!("each request of {CLIENTS} clients is answered, within the deadline"))
        .observed(Fact::count("requests", crowd.asked.len()))
        .observed(Fact::count("served", crowd.answered(200)))
        .observed((!kept).then(|| Fact::count("answered 503", refused)))
        .observed(Fact::duration("the slowest after", crowd.slowest()))
        .observed(flood.descriptors())
        .likely(
            service.has_ended().is_some(),
            "the service ended",
            "an error of one connection, or of one `accept`, is told, and the service goes on",
        )
        .likely(
            !flood.goes_on,
            "it takes nobody any more, also when the crowd has gone: an `accept` that failed for a moment ended its loop",
            "an error of one `accept` is told, and the loop goes on",
        )
        .likely(
            // Of those who wait too long for a place, some are refused at the end of it.
            refused > late && !flood.was_full(),
            format!("who comes while places are short is refused{too}, though the service could serve all of them one after the other"),
            "let clients wait in the kernel until there is a place; refuse for want of time, and not for want of places",
        )
        .likely(
            flood.most.is_some_and(|open| open.soft < open.hard),
            "the service lives with the soft limit that it was started with",
            "raise it to the hard one at the start: `setrlimit(RLIMIT_NOFILE)`",
        )
        .likely(
            flood.was_full(),
            "all descriptors were taken: connections are accepted until there is none left, and what the service needs itself finds none",
            "derive the bound from the limit, less what the service needs itself",
        )
        .likely(
            true,
            "whoever has a place keeps it while he asks for nothing, and the others wait outside",
            "when places run short, close who has no request, or answer with `Connection: close`",
        )
        .kept_if(kept)
}

/// Started with 64 of 1024, it keeps 500 connections, and none of those on which nothing comes.
pub(super) async fn takes_what_it_may(bed: Bed) -> Verdict {
    /// Most clients ask still when `HEADER_TIMEOUT_MS`, by its default, is over since they came.
    const LONGER: Duration = Duration::from_secs(7);
    let service = start(&bed, MORE).await?;
    let raised = service.descriptors()?;
    let first = promise("at the start the service raises its soft limit to the hard one")
        .observed(Fact::count("started with", MORE.0))
        .observed(Fact::count("soft limit now", raised.soft))
        .observed(Fact::count("hard limit", raised.hard))
        .likely(
            raised.soft == MORE.0,
            "the limit is as the service was started with: nothing raised it, or it was raised in a shell that the service does not come from",
            "`setrlimit` in the service itself, before anything else",
        )
        .likely(true, "it was raised, but not to the hard one", "take what is allowed: getrlimit tells")
        .kept_if(raised.soft == MORE.1)?;
    let both = |logged: &Numbers| logged.limit && logged.served;
    let logged =
        wait::until(Duration::from_secs(2), async || Some(Numbers::logged_by(&service)).filter(both));
    let logged = logged.await.unwrap_or_else(|| Numbers::logged_by(&service));
    let told = promise("at the start the service logs the limit, and how many connections it serves at once")
        .observed(service.stderr().tail(3))
        .likely(
            logged.limit,
            "the limit is told, and not how many connections are served at once",
            "log both numbers, on one line",
        )
        .likely(
            true,
            "nothing on stderr holds the limit: whoever looks for it later guesses",
            "log both numbers",
        )
        .kept_if(both(&logged))?;
    bed.says(format!("{CLIENTS} clients come"));
    let crowd = Crowd::of(CLIENTS, &service, "/posts").length(LONGER);
    let (flood, idle) =
        futures_util::future::join(Flood::of(crowd, &service), slow::are_closed_by_default(&service)).await;
    let answered = all_answered(&flood, &service)?;
    let kept = promise(format!("where {} are allowed, {CLIENTS} clients keep their connections", MORE.1))
        .observed(Fact::count("clients", CLIENTS))
        .observed(Fact::count("connections", flood.crowd.connections))
        .observed(flood.descriptors())
        .likely(
            // All were there at once, and none came as often as with a bound below them.
            flood.most.is_some_and(|open| open.all >= CLIENTS as u64) && flood.crowd.connections <= 2 * CLIENTS,
            "a connection that was asked on a moment ago is closed: its clock begins when it is accepted, and not with its last answer",
            "start the clock of an idle connection with each answer",
        )
        .likely(
            true,
            "connections are closed though there is room: the bound is not derived from the limit, or was before it was raised",
            "raise the limit first, then derive the bound from it",
        )
        .kept_if(flood.crowd.connections == CLIENTS)?;
    Ok(first.and(told).and(answered).and(kept).and(idle?))
}

/// In a flood, the ways to broker and database are cut. Both are needed again, and there must be descriptors for that.
pub(super) async fn own_needs_first(bed: Bed) -> Verdict {
    /// After this the service may have nothing to do with the fault any more.
    const BACK: Duration = Duration::from_secs(5);
    bed.database().make_table().await?;
    let planted = bed.database().plant_numbered(POSTS).await?;
    let (to_database, to_broker) = (
        Path::to(bed.database().server(), Duration::ZERO)?,
        Path::to(bed.broker().server(), Duration::ZERO)?,
    );
    let service = bed.service().database_via(to_database.addr()).broker_via(to_broker.addr());
    let service = service.nofile(FEW.0, FEW.1).start().await?;
    let crowd = Crowd::of(CLIENTS, &service, "/posts").length(Duration::from_secs(12));
    let flood = Flood::of(crowd, &service);
    let body = json!({"content": format!("{BY_HAND}, in the flood")});
    let by_hand = async {
        wait::until(Duration::from_secs(3), async || None::<()>).await;
        bed.says("the ways to broker and database are cut");
        to_database.cut()?;
        to_broker.cut()?;
        // Those that were cut are gone on both sides before a new one is let in.
        let gone = wait::until(BACK, async || {
            (to_database.counts().open + to_broker.counts().open == 0).then_some(())
        });
        gone.await;
        let (healed, mut last, mut is_reached) = (Instant::now(), [0; 2], false);
        to_database.heal()?;
        to_broker.heal()?;
        let read = format!("/post/{}", planted[0]);
        let back = wait::try_until(BACK, async || {
            // Who has no answer asks again, as the crowd does.
            let post = service.post(&body).send().await.ok();
            let read = service.get(&read).send().await.ok();
            let both = [&post, &read].map(|answer| answer.as_ref().map_or(0, |answer| answer.status));
            (last, is_reached) = (both, to_broker.counts().open > 0);
            Ok::<_, Stop>(post.filter(|_| both == [202, 200]).map(|post| (healed.elapsed(), post)))
        });
        let back = back.await?;
        Ok::<_, Stop>((back, last, is_reached))
    };
    let (flood, by_hand) = futures_util::future::join(flood, by_hand).await;
    let (back, last, is_reached) = by_hand?;
    let reached = promise(format!(
        "in a flood, posts are answered 202 and reads from the table within {} s after both were cut off",
        BACK.as_secs()
    ))
    .observed(Fact::named("POST /post", answered(last[0])))
    .observed(Fact::named("GET /post/{id}", answered(last[1])))
    .observed(back.as_ref().map(|(after, _)| Fact::duration("both again after", *after)))
    .observed(flood.descriptors())
    .likely(
        flood.was_full(),
        "a client's connection has taken the descriptor of the one that was cut: there is none left to open a new one",
        "count what the service needs itself, and let clients have the rest: less than the limit, also while a connection is replaced",
    )
    .likely(
        last[0] == 503 && is_reached,
        "the broker is reached, and posts are refused all the same",
        "take a post that the broker can take: neither others' connections nor the outage that is over are a reason to refuse it",
    )
    .likely(
        last[0] != 202,
        "the broker is not reached again",
        "open a new connection after a pause, again and again (lab 02)",
    )
    .likely(true, "the database is not reached again", "open a new connection when one has died (lab 01)")
    .kept_if(back.is_some())?;
    if let Some((_, answer)) = back {
        Posting::Queued.post_of(&service, &answer, &body).await?;
    }
    let alive = all_answered(&flood, &service)?;
    service.kill().await?;
    Ok(reached.and(alive).and(own_pool::is_counted(&bed).await?))
}

/// A status, or the lack of one, in words.
fn answered(status: u16) -> String {
    if status == 0 { "no answer".to_owned() } else { format!("answered {status}") }
}

async fn start(bed: &Bed, (soft, hard): (u64, u64)) -> Result<Subject, Stop> {
    bed.database().make_table().await?;
    bed.database().plant_numbered(POSTS).await?;
    bed.service().nofile(soft, hard).start().await
}
