//! What holds when the service or its database dies.

use std::time::Duration;

use testbed::prelude::*;

/// The contract's default for DATABASE_MAX_CONNECTIONS.
const POOL: u64 = 10;
/// What a busy host may add to a deadline: many times what it usually does.
const HOST: Duration = Duration::from_secs(1);

const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// An answered post survives `kill -9`.
///
/// More is offered than the pool can carry: so whatever a service keeps in its memory instead of in the table is there to be lost.
pub(crate) async fn answered_is_committed(bed: Bed) -> Verdict {
    const INSERT: Duration = ms(100);
    let service = bed.service().pool(6).start().await?;
    bed.database().service_time(INSERT).await?;
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
        .observed(Figure::count("answered before an insert can end", early))
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
        .observed(Figure::duration("an insert takes", INSERT))
        .observed(Figure::count("answered before an insert can end", early))
        .likely(true, "the answer left before the commit", "await the insert, then answer")
        .kept_if(early == 0)?;
    Ok(kept.and(patient))
}

/// A database that dies means 503 within the deadline, and nothing of ours needs a restart when it is back.
pub(crate) async fn database_restart(bed: Bed) -> Verdict {
    const DEADLINE: Duration = ms(1000);
    let link = Link::open(bed.database().server(), Path::default()).await.map_err(no_link)?;
    let service = bed.service().deadline(DEADLINE).database_via(link.addr()).start().await?;
    let load = bed
        .posts(&service, Schedule::constant(40.0, Duration::from_secs(20)))
        .label("the database dies")
        .start();
    load.accepted(40).await?;
    bed.postgres().kill().await?;
    let before = load.stop().await?;
    let kept = explicit(&before, DEADLINE, "while the database is down")?;

    link.reset_counts();
    let outage = Duration::from_secs(2);
    let load =
        bed.posts(&service, Schedule::constant(40.0, outage)).label("while the database is down").start();
    let during = load.finish().await?;
    let attempts = link.counts().connections;
    let kept = kept.and(explicit(&during, DEADLINE, "while the database is down")?);
    down_means_503(&service).await?;
    let most = during.counts().scheduled + 10 * POOL * (outage + DEADLINE).as_secs();
    let kept = kept.and(
        promise("attempts to reach a dead database are bounded: one for each request, and ten a second for each connection of the pool")
            .observed(Figure::count("attempts", attempts))
            .observed(Figure::count("at most", most))
            .likely(true, "the service tries again without a pause: a retry storm", "back off between attempts, or fail the request and let the next one try")
            .kept_if(attempts <= most)?,
    );

    bed.says("starting PostgreSQL again");
    bed.postgres().start_again().await?;
    let kept = kept.and(works_again(&bed, &service, "back").await?);
    let ledger = bed.ledger(&before).await?;
    let kept_all = promise("every post answered 201 survived the kill of the database")
        .observed(&ledger)
        .kept_if(ledger.is_clean())?;
    Ok(kept.and(kept_all))
}

/// A database that says nothing means 503 within the deadline.
pub(crate) async fn database_paused(bed: Bed) -> Verdict {
    const DEADLINE: Duration = ms(1000);
    let service = bed.service().deadline(DEADLINE).start().await?;
    let load = bed
        .posts(&service, Schedule::constant(40.0, Duration::from_secs(20)))
        .label("the database falls silent")
        .start();
    load.accepted(40).await?;
    bed.postgres().pause().await?;
    let before = load.stop().await?;
    let kept = explicit(&before, DEADLINE, "while the database is silent")?;

    let load = bed
        .posts(&service, Schedule::constant(40.0, Duration::from_secs(2)))
        .label("while the database is silent")
        .start();
    let during = load.finish().await?;
    let kept = kept.and(explicit(&during, DEADLINE, "while the database is silent")?);
    down_means_503(&service).await?;

    bed.postgres().unpause().await?;
    let kept = kept.and(works_again(&bed, &service, "awake").await?);
    let ledger = bed.ledger(&before).await?;
    let told = promise("every post answered 201 is stored").observed(&ledger).kept_if(ledger.is_clean())?;
    Ok(kept.and(told))
}

/// Below its deadline and in words of the contract: what every request of `run` got.
fn explicit(run: &PostsOutcome, deadline: Duration, when: &str) -> Verdict {
    let counts = run.counts();
    let late = run
        .samples()
        .iter()
        .filter(|sample| sample.latency_from_send().is_some_and(|took| took > deadline + HOST));
    let late = late.count();
    let bare = run
        .samples()
        .iter()
        .filter(|sample| sample.outcome == Outcome::Refused && !sample.is_explicit_refusal());
    let bare = bare.count();
    let explicit = counts.accepted + counts.refused == counts.scheduled && bare == 0;
    let slowest = run.latency_from_send(|_| true).max().unwrap_or_default();
    let told = format!(
        "{} offered, {} accepted, {} refused, {} otherwise, {late} late, slowest {} ms",
        counts.scheduled,
        counts.accepted,
        counts.refused,
        counts.scheduled - counts.accepted - counts.refused,
        slowest.as_millis()
    );
    promise(format!(
        "{when}, every request is answered inside the deadline of {} ms: 201, or 503 with Retry-After",
        deadline.as_millis()
    ))
    .observed(Figure::named(when, told))
    .observed(if bare > 0 {
        vec![Figure::count("503 without Retry-After or problem+json", bare)]
    } else {
        vec![]
    })
    .likely(
        late > 0,
        "a wait has no deadline of its own, or a longer one than the request",
        "bound the wait for a connection, and the statement, by less than REQUEST_TIMEOUT_MS",
    )
    .likely(
        counts.other_status > 0,
        "the database's fault is answered as a fault of the service",
        "answer 503 with Retry-After when the database cannot be reached",
    )
    .likely(
        counts.reset > 0,
        "the handler ended without an answer",
        "turn the database's error into an answer",
    )
    .likely(
        bare > 0,
        "a 503 that does not say when to come back, or not in the one error shape",
        "send Retry-After and problem+json with every 503",
    )
    .kept_if(late == 0 && explicit)
}

/// While the database is away: health answers 200, a read answers 503 in the contract's shape.
async fn down_means_503(service: &Subject) -> Result<(), Stop> {
    service.get("/health").send().await?.has_status(200)?;
    let read = service.get("/posts").send().await?;
    read.is_problem(&[503])?;
    promise("a 503 says when to come back")
        .observed(&read)
        .kept_if(!read.header("retry-after").is_empty())?;
    Ok(())
}

/// The database is back: posts are accepted again, by the same process, and then all of them.
async fn works_again(bed: &Bed, service: &Subject, word: &str) -> Verdict {
    const PATIENCE: Duration = Duration::from_secs(6);
    bed.says(format!("the database is {word}; waiting for the service"));
    let by_hand = serde_json::json!({ "content": format!("{BY_HAND}, now that the database is {word}") });
    let mut last = String::new();
    let back = testbed::wait::until(PATIENCE, async || match service.post(&by_hand).send().await {
        Ok(answer) if answer.status == 201 => Some(()),
        Ok(answer) => {
            last = format!("answered {}", answer.status);
            None
        }
        Err(_) => {
            last = "no answer".to_owned();
            None
        }
    });
    let back = back.await.is_some();
    let kept = promise(format!(
        "once the database is {word}, the same process accepts posts again within {} s",
        PATIENCE.as_secs()
    ))
    .observed(if back { Vec::new() } else { vec![Figure::named("last try", last)] })
    .likely(
        true,
        "the service holds on to connections that are dead",
        "let the pool drop a connection that failed, and open another",
    )
    .kept_if(back)?;
    let label = format!("the database is {word}");
    let load = bed.posts(service, Schedule::constant(40.0, Duration::from_secs(1))).label(&label).start();
    let run = load.finish().await?;
    let counts = run.counts();
    let all = promise(format!("then every post is accepted, as before the database was not {word}"))
        .observed(Figure::named(label, format!("{} of {} accepted", counts.accepted, counts.scheduled)))
        .likely(
            true,
            "some connections of the pool are still dead: each fails the request that draws it",
            "test a connection that failed before you lend it again, or close it",
        )
        .kept_if(counts.accepted == counts.scheduled)?;
    Ok(kept.and(all))
}

fn no_link(error: std::io::Error) -> SetUp {
    SetUp::from_cause("open a link on 127.0.0.1", error)
}
