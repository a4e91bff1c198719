//! What page 1 is while the database is away: old, and it says so; then refused; then fresh again.

use std::time::{Duration, Instant};

use testbed::wait;

use crate::contract::prelude::*;
use crate::lab_01::HOST;

use super::first_page::{FirstPage, OFTEN, POSTS, is_fresh_again};

/// How old page 1 may be served in this check.
const STALE: Duration = Duration::from_millis(3500);

/// The database is killed, then silent for good, then back.
pub(super) async fn database_away(bed: Bed) -> Verdict {
    let path = Path::to(bed.database().server(), Duration::ZERO)?;
    let service =
        bed.service().role("api").refresh(OFTEN).stale(STALE).database_via(path.addr()).start().await?;
    bed.database().plant_numbered(POSTS).await?;
    let ready = is_fresh_again(&bed, &service, "the start").await?;

    let killed = Instant::now();
    bed.postgres().kill().await?;
    let away = Away { since: killed, surely_since: Instant::now(), state: "down" };
    let old = away.is_told_until_it_ends(&bed, &service).await?;
    bed.says("starting PostgreSQL again");
    bed.postgres().start_again().await?;
    let back = is_fresh_again(&bed, &service, "the database's death").await?;

    let since = Instant::now();
    path.lose()?;
    let away = Away { since, surely_since: Instant::now(), state: "silent" };
    let silent = away.is_told_until_it_ends(&bed, &service).await?;
    path.heal()?;
    let again = is_fresh_again(&bed, &service, "the database's silence").await?;
    Ok(ready.and(old).and(back).and(silent).and(again))
}

/// A database that cannot be asked.
struct Away {
    /// The last read succeeded not before one interval before this.
    since: Instant,
    /// And none after this.
    surely_since: Instant,
    state: &'static str,
}

/// One look at page 1 while the database is away.
struct Look {
    /// How old the page is at least, and at most.
    least: Duration,
    most: Duration,
    answer: Answer,
    age: Option<Duration>,
}

impl Look {
    fn is_of_true_age(&self) -> bool {
        // Whole seconds, rounded down.
        self.age.is_some_and(|age| age + Duration::from_secs(1) >= self.least && age <= self.most)
    }

    fn told(&self) -> Fact {
        let age = self.age.map_or("none".to_owned(), |age| format!("{} s", age.as_secs()));
        let (least, most) = (self.least.as_secs_f64(), self.most.as_secs_f64());
        Fact::named("Age", format!("{age}, where the page is {least:.1} to {most:.1} s old"))
    }
}

impl Away {
    /// The promise that page 1 is served with its true age up to STALE_MS, and refused beyond it.
    async fn is_told_until_it_ends(&self, bed: &Bed, service: &Subject) -> Verdict {
        let (state, end) = (self.state, STALE + 2 * HOST);
        bed.says(format!("the database is {state}: page 1 grows old"));
        let mut looks = Vec::new();
        let over = wait::try_until(end + HOST, async || {
            looks.push(self.look(service).await?);
            Ok::<_, Stop>((self.surely_since.elapsed() > end).then_some(()))
        });
        over.await?;
        service.get("/health").send().await?.has_status(200)?;

        let young = looks.iter().filter(|look| look.most < STALE);
        let gone = young.clone().find(|look| look.answer.status != 200);
        promise(format!("while the database is {state}, page 1 is served up to an age of STALE_MS"))
            .observed(gone.map(|look| look.answer.clone()).as_ref())
            .likely(
                true,
                "a read that fails replaces or empties the page that was there, or its error is what readers get",
                "keep the last page that was read, and serve it",
            )
            .kept_if(gone.is_none())?;
        let untrue = young.clone().find(|look| !look.is_of_true_age());
        let aged = promise(format!("while the database is {state}, page 1 tells its true age"))
            .observed(Fact::count(format!("looks while it is {state}"), looks.len()))
            .observed(untrue.map(Look::told))
            .likely(
                untrue.is_some_and(|look| look.age.is_none()),
                "nobody who gets the page can know how old it is",
                "send `Age` with page 1",
            )
            .likely(
                untrue.is_some_and(|look| look.age.is_some_and(|age| age < look.least)),
                "the age counts from the answer, or from the last attempt",
                "let it count from the last read that succeeded",
            )
            .likely(
                untrue.is_some_and(|look| look.age.is_some_and(|age| age > look.most)),
                "it tells more than the page's age: another unit, or the age of the process, or of an earlier read",
                "whole seconds since the last read that succeeded",
            )
            .kept_if(untrue.is_none())?;
        let old = looks.iter().filter(|look| look.least > STALE + HOST);
        let served = old.clone().find(|look| look.answer.status == 200);
        let ended =
            promise(format!("while the database is {state}, page 1 is refused beyond an age of STALE_MS"))
                .observed(Fact::count("looks beyond it", old.clone().count()))
                .observed(served.map(Look::told))
                .likely(
                    true,
                    "the page is served for ever: nobody compares its age with STALE_MS",
                    "beyond STALE_MS answer 503 with Retry-After",
                )
                .kept_if(served.is_none())?;
        for look in old {
            look.answer.is_problem(&[503])?;
            look.answer.says_when()?;
        }
        Ok(aged.and(ended))
    }

    async fn look(&self, service: &Subject) -> Result<Look, Stop> {
        let least = self.surely_since.elapsed();
        let answer = service.get("/posts").send().await?;
        let most = self.since.elapsed() + OFTEN + HOST;
        let age = answer.header("age").parse().ok().map(Duration::from_secs);
        if answer.status == 200 {
            FirstPage::read(answer.clone())?;
        }
        Ok(Look { least, most, answer, age })
    }
}
