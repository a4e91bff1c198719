//! What holds when the service or its database dies.

use std::time::Duration;

use crate::contract::prelude::*;
use serde_json::json;
use uuid::Uuid;

use super::commits;
use super::outage::{ATTEMPTS_A_SECOND, HOST, Outage, attempts_are_bounded};

/// The time in which every request has its answer, in the checks that take the database away: so far below the contract's
/// default that who takes no notice of the setting is late, however much is allowed for a busy host.
const DEADLINE: Duration = ms(500);
/// How long after the database is back the service must accept posts again.
const RECOVERY: Duration = Duration::from_secs(6);
const DATABASE: Outage =
    Outage { of: "database", deadline: DEADLINE, recovery: RECOVERY, posting: Posting::Stored };

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// An answered post survives `kill -9`.
///
/// More is offered than the pool can carry: so whatever a service keeps in its memory instead of in the table is there to be lost.
pub(super) async fn answered_is_committed(bed: Bed) -> Verdict {
    const INSERT: Duration = ms(100);
    let service = bed.service().pool(6).start().await?;
    bed.database().service_time(INSERT).await?;
    // Before the kill: whether that meets a post between its insert and its commit is chance.
    let awaited = commits::is_awaited(&bed, &service, INSERT).await?;
    let schedule = Schedule::poisson(120.0, Duration::from_secs(20), 1);
    let load = bed.posts(&service, schedule).capacity(60.0).start();

    load.accepted(150).await?;
    service.kill().await?;
    let run = load.stop().await?;
    service.restart().await?;
    let ledger = bed.ledger(&run).await?;
    let took = |sample: &Sample| sample.latency_from_send().unwrap_or_default();
    let early = run.accepted().filter(|sample| took(sample) < INSERT * 9 / 10).count();
    let kept = promise("every post answered 201 is in the table after the kill and the restart")
        .observed(&ledger)
        .observed(Fact::count("answered before an insert can end", early))
        .likely(
            early > 0,
            "the answer left before the commit: it took less time than an insert",
            "await the insert, then answer",
        )
        .likely(
            ledger.stored == 0,
            "the table was emptied at the restart",
            "create what is missing at the start, drop nothing",
        )
        .likely(
            !ledger.doubled.is_empty(),
            "a post was inserted more than once",
            "insert once, with the id made where the post was accepted",
        )
        .likely(
            true,
            "a post is answered and then lost",
            "look for what stands between the answer and the commit",
        )
        .kept_if(ledger.is_clean())?;
    let patient = promise("no post is answered 201 before its insert can have been committed")
        .observed(Fact::duration("an insert takes", INSERT))
        .observed(Fact::count("answered before an insert can end", early))
        .likely(true, "the answer left before the commit", "await the insert, then answer")
        .kept_if(early == 0)?;
    let left = bed.database().has_service_time().await?;
    promise("a start leaves alone what others have on the table: triggers, indexes")
        .observed(Fact::named("the check's trigger, after the restart", if left { "there" } else { "gone" }))
        .likely(
            true,
            "the start drops what it does not know",
            "create what is missing, and touch nothing else",
        )
        .kept_if(left)?;
    Ok(awaited.and(kept).and(patient).and(commits::outcome_is_looked_at(&bed, &service).await?))
}

/// A database that dies means 503 within the deadline, and nothing of ours needs a restart when it is back.
pub(super) async fn database_restart(bed: Bed) -> Verdict {
    let path = Path::to(bed.database().server(), Duration::ZERO)?;
    let service = bed.service().deadline(DEADLINE).database_via(path.addr()).start().await?;
    let load = bed
        .posts(&service, Schedule::constant(40.0, Duration::from_secs(20)))
        .label("the database dies")
        .start();
    load.accepted(40).await?;
    bed.postgres().kill().await?;
    let before = load.stop().await?;

    path.reset_counts();
    let outage = Duration::from_secs(2);
    let load =
        bed.posts(&service, Schedule::constant(40.0, outage)).label("while the database is down").start();
    let during = load.finish().await?;
    let attempts = path.counts().connections;
    let kept = DATABASE.explicit(&[("dying", &before), ("down", &during)])?;
    down_means_503(&service).await?;
    let requests = during.counts().scheduled;
    let stormed = attempts_are_bounded("database", attempts, requests, ATTEMPTS_A_SECOND, outage + DEADLINE)?;

    bed.says("starting PostgreSQL again");
    bed.postgres().start_again().await?;
    let kept = kept.and(stormed).and(DATABASE.works_again(&bed, &service, "back").await?);
    let ledger = bed.ledger(&before).await?;
    let kept_all = promise("every post answered 201 survived the kill of the database")
        .observed(&ledger)
        .kept_if(ledger.is_clean())?;
    Ok(kept.and(kept_all))
}

/// A database that says nothing means 503 within the deadline.
pub(super) async fn database_paused(bed: Bed) -> Verdict {
    /// Longer than the deadline, and than what is allowed on top for the host.
    const SLOW: Duration = Duration::from_secs(4);
    let service = bed.service().deadline(DEADLINE).start().await?;
    let read = bed.database().plant_one(&format!("{BY_HAND}, to be read")).await?;
    bed.database().read_time(SLOW).await?;
    reads_are_refused_in_time(&service, DEADLINE, &every_read(read), "slow").await?;
    let rest = rests_when_refused(&bed, SLOW).await?;
    bed.database().read_time(Duration::ZERO).await?;
    let load = bed
        .posts(&service, Schedule::constant(40.0, Duration::from_secs(20)))
        .label("the database falls silent")
        .start();
    load.accepted(40).await?;
    bed.postgres().pause().await?;
    let before = load.stop().await?;

    let load = bed
        .posts(&service, Schedule::constant(40.0, Duration::from_secs(2)))
        .label("while the database is silent")
        .start();
    let during = load.finish().await?;
    let kept = DATABASE.explicit(&[("falling silent", &before), ("silent", &during)])?;
    down_means_503(&service).await?;

    bed.postgres().unpause().await?;
    let kept = kept.and(DATABASE.works_again(&bed, &service, "awake").await?);
    let ledger = bed.ledger(&before).await?;
    let told = promise("every post answered 201 is stored").observed(&ledger).kept_if(ledger.is_clean())?;
    Ok(rest.and(kept).and(told).and(stops_in_silence(&bed, &service).await?))
}

/// The promise that the database does not go on with statements of `slow` length whose requests were refused at their deadline.
async fn rests_when_refused(bed: &Bed, slow: Duration) -> Verdict {
    let connections = bed.postgres().watch(bed.database()).await?;
    let at_rest = connections.settles(DEADLINE + HOST, |seen| seen.busy == 0).await;
    promise("once a request was refused at its deadline, its statement ends within the deadline, too")
        .observed(Fact::duration("a statement would take", slow))
        .observed(match at_rest {
            Some(after) => Fact::duration("the database is at rest after", after),
            None => Fact::count("connections still at work", connections.latest().busy),
        })
        .likely(
            true,
            "the deadline ends the wait for the statement, and not the statement: the database works on for nobody, and its connection is busy",
            "give the statement itself an end: `statement_timeout`, or a cancel request",
        )
        .kept_if(at_rest.is_some())
}

/// The promise that the service ends in time also when the database is silent again, and has a statement that it does not answer.
async fn stops_in_silence(bed: &Bed, service: &Subject) -> Verdict {
    bed.postgres().pause().await?;
    let post = json!({ "content": format!("{BY_HAND}, before the stop") });
    let answer = service.post(&post).send().await;
    let ended = service.terminate().await;
    bed.postgres().unpause().await?;
    answer?.is_problem(&[503])?;
    ended?.in_time(
        "service, whose database is silent,",
        "the stop waits for a connection on which a statement has no answer, or for the answer to a farewell",
        "bound the close of the pool, and end without those connections that do not come back",
    )
}

/// While the database is away, a post and a read are refused in the same words as everything else.
async fn down_means_503(service: &Subject) -> Result<(), Stop> {
    service.get("/health").send().await?.has_status(200)?;
    let post = json!({ "content": format!("{BY_HAND}, to nobody") });
    let answer = service.post(&post).send().await?;
    answer.is_problem(&[503])?;
    answer.says_when()?;
    reads_are_refused_in_time(service, DEADLINE, &every_read(Uuid::now_v7()), "away").await
}

/// A path of each kind of read.
fn every_read(post: Uuid) -> [String; 3] {
    ["/posts".to_owned(), "/search?content=read".to_owned(), format!("/post/{post}")]
}

/// The promise that each read is refused inside the deadline while the database is in a `state` in which it cannot answer.
pub(crate) async fn reads_are_refused_in_time(
    service: &Subject,
    deadline: Duration,
    reads: &[String],
    state: &str,
) -> Result<(), Stop> {
    for path in reads {
        let answer = service.get(path).send().await?;
        promise(format!("while the database is {state}, every read is answered inside the deadline, too"))
            .observed(Fact::named(answer.asked(), format!("answered {}", answer.status)))
            .observed(Fact::duration("after", answer.took))
            .likely(
                true,
                "a read waits for the database without a deadline, or with a longer one than the request's",
                "give the statement of a read a deadline, as that of an insert",
            )
            .kept_if(answer.took <= deadline + HOST)?;
        answer.is_problem(&[503])?;
        answer.says_when()?;
    }
    Ok(())
}
