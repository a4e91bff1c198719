//! What holds when everybody reads page 1. The reads' capacity is pool size divided by a read's service time: 6 / 100 ms.

use std::time::{Duration, Instant};

use crate::contract::prelude::*;

use super::first_page::{FirstPage, POSTS, REFRESH, appears, in_time};
use super::statements::{allowed, looks, looks_in};

/// The pool of connections.
const POOL: usize = 6;
/// How long a statement that reads `post` keeps its connection busy.
const READ_TIME: Duration = Duration::from_millis(100);
/// What the pool makes of it, in reads a second.
const CAPACITY: f64 = 60.0;
const CROWD: &str = "three times the reads that the database carries";

/// A service with posts, whose reads take their time.
async fn start(bed: &Bed, read_time: Duration) -> Result<Subject, Stop> {
    let service = bed.service().role("api").pool(POOL).start().await?;
    let planted = bed.database().plant_numbered(POSTS).await?;
    let newest = planted.last().copied().unwrap_or_default();
    bed.database().read_time(read_time).await?;
    let shown = appears(&service, newest, in_time(read_time)).await?;
    promise("what is committed is on page 1 within REFRESH_MS")
        .observed(Fact::duration("a statement takes", read_time))
        .observed(Fact::named("the newest post", if shown.is_some() { "on page 1" } else { "not on page 1" }))
        .likely(
            read_time > REFRESH,
            "a statement that takes longer than REFRESH_MS is given up each time, and never comes to its end",
            "give a refresh more time than a slow statement takes: two seconds still count (labs/cache.md)",
        )
        .likely(true, "page 1 is not read anew", "refresh it every REFRESH_MS")
        .kept_if(shown.is_some())?;
    Ok(service)
}

/// Three times the reads that the database carries, all for page 1, and it sees one look a second.
pub(super) async fn one_look_a_second(bed: Bed) -> Verdict {
    const LENGTH: Duration = Duration::from_secs(6);
    /// A few ask for `?page=1`, which is the same page.
    const BY_NUMBER: f64 = 10.0;
    /// Posts, for which an api reads nothing. Fewer than other loads, so that statements tell whose they are.
    const POSTED: f64 = 5.0;
    let service = start(&bed, READ_TIME).await?;
    let (before, began) = (bed.database().reads().await?, Instant::now());
    let load = bed.gets(&service, "/posts", Schedule::constant(3.0 * CAPACITY, LENGTH));
    let load = load.label(CROWD).capacity(CAPACITY).start();
    let by_number = bed.gets(&service, "/posts?page=1", Schedule::constant(BY_NUMBER, LENGTH));
    let by_number = by_number.label("page 1 by its number").start();
    let posts = bed.posts(&service, Schedule::constant(POSTED, LENGTH)).label("posts").start();
    let (run, by_number, posts) = (load.finish().await?, by_number.finish().await?, posts.finish().await?);
    let (statements, lasted) = (bed.database().reads().await? - before, began.elapsed());
    let served = nobody_is_refused(&run)?;
    let most = allowed(REFRESH, lasted, 1);
    let (counts, numbered, posted) = (run.counts(), by_number.counts(), posts.counts());
    let few = promise("page 1 costs the database one statement per REFRESH_MS, whoever reads it, and whoever posts")
        .observed(Fact::count("looks at page 1", counts.accepted))
        .observed(Fact::count("looks at ?page=1", numbered.accepted))
        .observed(Fact::count("posts", posted.accepted))
        .observed(Fact::count("statements", statements))
        .observed(Fact::count("at most", most))
        .likely(
            (numbered.scheduled..=numbered.scheduled + most).contains(&statements),
            "`/posts?page=1` is another page to the service than `/posts`: its readers go to the table",
            "take the number apart first, then look whether it is page 1",
        )
        .likely(
            (posted.scheduled * 4 / 5..=posted.scheduled + most).contains(&statements),
            "each post makes the service read page 1 anew: the more is written, the more is read",
            "let the clock alone decide when page 1 is read: a post waits for the next refresh, as everybody's posts do",
        )
        .likely(
            statements * 2 > counts.accepted,
            "each look is a statement: page 1 is read by whoever asks for it",
            "let one task read it, and all requests take what it read",
        )
        .likely(
            statements > 3 * most,
            "when the page expires, every reader who comes meanwhile reads it: a stampede",
            "let one task read it, in the background, and no request",
        )
        .likely(
            true,
            "it is read more often than agreed",
            "one statement per REFRESH_MS; none by a request, none to make up for a slow one",
        )
        .kept_if(statements <= most)?;
    Ok(served.and(few))
}

fn nobody_is_refused(run: &Finished) -> Verdict {
    let counts = run.counts();
    promise("no look at page 1 is refused, at three times the reads that the database carries")
        .observed(counts)
        .observed(run.latency_from_send(|_| true).percentile(99.0).map(|p99| Fact::duration("p99", p99)))
        .likely(
            counts.mostly(Outcome::Refused),
            "page 1 still needs a connection: its readers refuse each other",
            "answer page 1 from what was read before, and no request waits for a connection",
        )
        .likely(
            counts.mostly(Outcome::TimedOut),
            "readers of page 1 wait for something that is held over a statement",
            "hold no lock while the database works",
        )
        .likely(
            true,
            "the handler ends without its proper answer",
            "ask once by hand and read the answer: curl -i …/posts",
        )
        .kept_if(counts.accepted == counts.scheduled)
}

/// Beside the crowd on page 1, the other reads are served as if it were not there.
pub(super) async fn other_reads_go_on(bed: Bed) -> Verdict {
    const LENGTH: Duration = Duration::from_secs(5);
    /// Of each kind. All of them are six tenths of what the pool carries when the refreshing keeps one connection.
    const EACH: f64 = 10.0;
    let service = start(&bed, READ_TIME).await?;
    let one = FirstPage::of(&service).await?.ids[0];
    let crowd = bed.gets(&service, "/posts", Schedule::constant(3.0 * CAPACITY, LENGTH));
    let crowd = crowd.label(CROWD).capacity(CAPACITY).start();
    let paths = [format!("/post/{one}"), "/posts?page=2".to_owned(), "/search?content=number".to_owned()];
    let others: Vec<_> = (0..)
        .zip(&paths)
        .map(|(seed, path)| {
            bed.gets(&service, path, Schedule::poisson(EACH, LENGTH, seed)).label(path).start()
        })
        .collect();
    let mut kept = nobody_is_refused(&crowd.finish().await?)?;
    for (path, load) in paths.iter().zip(others) {
        let run = load.finish().await?;
        let counts = run.counts();
        let of = path.split(['?', '-']).next().unwrap_or(path);
        kept = kept.and(
            promise("beside the crowd on page 1, every other read is served")
                .observed(Fact::named(of, format!("{} of {} served", counts.accepted, counts.scheduled)))
                .likely(
                    counts.mostly(Outcome::Refused),
                    "the crowd on page 1 stands in the same queue: it takes the connections, or the places in front of them",
                    "answer page 1 before anything is taken that the other reads need",
                )
                .likely(
                    counts.mostly(Outcome::OtherStatus),
                    "the read is answered otherwise than 200",
                    "ask once by hand and read the answer",
                )
                .kept_if(counts.accepted == counts.scheduled)?,
        );
    }
    Ok(kept.and(is_fresh_beside_them(&bed, &service).await?))
}

/// The promise that page 1 is refreshed as always while more is asked of the table than it carries.
async fn is_fresh_beside_them(bed: &Bed, service: &Subject) -> Verdict {
    /// The wait for a connection and the interval are not in step: one post may be lucky.
    const TIMES: usize = 3;
    const LONGEST: Duration = Duration::from_secs(15);
    let crowd = bed.gets(service, "/posts?page=2", Schedule::constant(3.0 * CAPACITY, LONGEST));
    let crowd = crowd.label("three times the reads that the database carries, all for page 2");
    let crowd = crowd.capacity(CAPACITY).start();
    crowd.accepted(CAPACITY as usize).await?;
    let (longest, mut slowest) = (in_time(READ_TIME), Some(Duration::ZERO));
    for n in 0..TIMES {
        let planted = bed.database().plant_one(&format!("beside a crowd on page 2, {n}")).await?;
        let took = appears(service, planted, longest).await?;
        slowest = slowest.zip(took).map(|(slowest, took)| slowest.max(took));
    }
    crowd.stop().await?;
    promise("beside a crowd on page 2, what is committed is on page 1 within REFRESH_MS")
        .observed(match slowest {
            Some(slowest) => Fact::duration("beside the crowd on page 2, on page 1 after", slowest),
            None => Fact::named("beside the crowd on page 2, on page 1", format!("not within {longest:.1?}")),
        })
        .likely(
            true,
            "the refreshing stands in one queue with the other reads: where these are too many, it comes late, and with it everybody's page 1",
            "let the refreshing keep a connection for itself (labs/cache.md)",
        )
        .kept_if(slowest.is_some())
}

/// A refresh that takes two seconds, the slowest that counts, keeps no reader waiting.
pub(super) async fn slow_refresh(bed: Bed) -> Verdict {
    const SLOW: Duration = Duration::from_secs(2);
    /// Many times what an answer from memory takes, and a third of a statement.
    const AT_ONCE: Duration = Duration::from_millis(500);
    let service = start(&bed, SLOW).await?;
    let load = bed.gets(&service, "/posts", Schedule::constant(100.0, Duration::from_secs(5))).start();
    let run = load.finish().await?;
    let counts = run.counts();
    let waited = run.samples().iter().filter(|sample| sample.latency_from_send() >= Some(AT_ONCE)).count();
    let at_once = promise("while page 1 is being read anew, it is answered from the last one: 95 of 100 at once")
        .observed(Fact::count("looks", counts.scheduled))
        .observed(Fact::count("answered 200", counts.accepted))
        .observed(Fact::duration("a statement takes", SLOW))
        .observed(Fact::count("waited longer than 500 ms", waited))
        .likely(
            waited * 20 > run.samples().len(),
            "readers wait while the refresh is under way: a lock is held over the statement, or the old page is thrown away \
             before there is a new one",
            "read first, then replace; hold nothing meanwhile",
        )
        .kept_if(waited * 20 <= run.samples().len() && counts.accepted == counts.scheduled)?;
    let planted = bed.database().plant_one("while refreshes are slow").await?;
    let longest = in_time(SLOW);
    let took = appears(&service, planted, longest).await?;
    let fresh = promise("with a statement of two seconds, what is committed is on page 1 within REFRESH_MS, twice that and a second")
        .observed(took.map(|took| Fact::duration("on page 1 after", took)))
        .observed(Fact::duration("at most", longest))
        .likely(
            true,
            "a slow statement is taken for a dead one, and given up each time; or the next is begun too late",
            "give a read more time than a slow statement takes (labs/cache.md), and begin the next one interval after this one began",
        )
        .kept_if(took.is_some())?;
    bed.database().read_time(Duration::ZERO).await?;
    // The last slow statement is under way. What is owed, if anything, comes at once when it has ended.
    let before = bed.database().reads().await?;
    looks(&bed, 1).await?;
    let (_, lasted) = looks_in(&bed, 2 * REFRESH).await?;
    let looked = bed.database().reads().await? - before;
    let most = allowed(REFRESH, lasted, 1);
    let calm = promise("after slow refreshes, what they missed is not made up for")
        .observed(Fact::count("statements then", looked))
        .observed(Fact::count("at most", most))
        .likely(
            true,
            "each interval that a slow refresh took is a tick that is owed, and all of them come at once",
            "begin the next interval with the next refresh: MissedTickBehavior::Delay, or a fixed delay",
        )
        .kept_if(looked <= most)?;
    Ok(at_once.and(fresh).and(calm))
}
