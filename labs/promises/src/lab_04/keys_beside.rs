//! Keys where something is amiss: the database is away, or the key is one that the contract leaves open.

use std::collections::BTreeSet;
use std::time::Duration;

use futures_util::future::join;
use serde_json::json;
use testbed::wait;
use uuid::Uuid;

use crate::contract::prelude::*;
use crate::contract::{BROKER, DATABASE, Deployed, INSIDE, QUEUE, without};

use super::keys::{KEY, id_of};

/// A repeat that comes while the first is under way is the same post.
pub(super) async fn at_the_same_time(deployed: &Deployed, posts: &mut Vec<Uuid>) -> Verdict {
    /// So long the first is under way at least.
    const CONFIRM: Duration = Duration::from_millis(100);
    let ways: Vec<_> = deployed.legs().into_iter().filter(|leg| leg.to == BROKER).collect();
    ways.iter().for_each(|leg| leg.path.set_way(Way::round_trip(CONFIRM)));
    let instance = deployed.a_listed_one().await?;
    let body = json!({"content": format!("{BY_HAND}, twice at the same time")});
    let named = || instance.post(&body).header(KEY, "order-4719").send();
    let (one, other) = join(named(), named()).await;
    ways.iter().for_each(|leg| leg.path.set_way(Way::round_trip(INSIDE)));
    let answers = [one?, other?];
    let refused = answers.iter().find(|answer| answer.status != 202);
    let both = promise("a key that is repeated while the first post is under way is answered 202, too")
        .observed(refused)
        .likely(
            refused.is_some_and(|answer| answer.status == 409),
            "who repeats a key too early is told of a conflict",
            "publish both: they have one id, and the table takes it once",
        )
        .likely(
            true,
            "the second waits for the first, or is refused for its sake",
            "publish both: they have one id, and the table takes it once",
        )
        .kept_if(refused.is_none())?;
    let ids = answers.iter().map(id_of).collect::<Result<BTreeSet<_>, _>>()?;
    let same = promise("and it is the same post")
        .observed(Fact::count("ids", ids.len()))
        .likely(
            true,
            "the id is made anew where the key is not known yet",
            "make the id of the key alone: a UUIDv5",
        )
        .kept_if(ids.len() == 1)?;
    posts.extend(ids);
    Ok(both.and(same))
}

/// A post that was refused is accepted under its key when the broker is back, and stored.
pub(super) async fn after_a_refusal(bed: &Bed, deployed: &Deployed, posts: &mut Vec<Uuid>) -> Verdict {
    /// How soon a broker that can be reached again is used again.
    const BACK: Duration = Duration::from_secs(20);
    /// Of so many others, each was accepted: the broker is back.
    const ENOUGH: usize = 20;
    let ways: Vec<&Path> = deployed.stack.paths_to(BROKER).collect();
    let instance = deployed.a_listed_one().await?;
    let body = json!({"content": format!("{BY_HAND}, refused at first")});
    let named = || instance.post(&body).header(KEY, "order-4718").send();
    let refused = without(&ways, named()).await?;
    let unnamed = json!({"content": format!("{BY_HAND}, without a key")});
    let (mut last, mut others) = (None, 0);
    let accepted = wait::try_until(BACK, async || {
        let answer = named().await?;
        if answer.status == 202 {
            return Ok::<_, Stop>(Some(Some(answer)));
        }
        last = Some(answer);
        // Beside it, one that nobody has refused before.
        let other = instance.post(&unnamed).send().await?;
        if other.status == 202 {
            posts.push(id_of(&other)?);
            others += 1;
        }
        Ok((others > ENOUGH).then_some(None))
    });
    let accepted = accepted.await?.flatten();
    let again = promise("a post that was refused for want of the broker is accepted under the same key when the broker is back")
        .observed(Fact::named("while the broker could not be reached", format!("answered {}", refused.status)))
        .observed(accepted.is_none().then_some(last.as_ref()).flatten())
        .observed(Fact::count("posts without a key that were accepted meanwhile", others))
        .likely(
            others > 0,
            "the refusal is kept under its key, and answered again: who does as he was told, and asks again, is never served",
            "keep nothing of a key that was refused: the id comes from the key alone",
        )
        .likely(true, "the broker is not reached again", "open a new connection after a pause, again and again (lab 02)")
        .kept_if(accepted.is_some())?;
    let Some(accepted) = accepted else { return Ok(again) };
    let id = id_of(&accepted)?;
    let is_stored = bed.stored(&[id], QUEUE).await?.is_some();
    let stored = promise("and it is stored")
        .observed(Fact::named("in the table", if is_stored { "yes" } else { "no" }))
        .likely(
            true,
            "the key was remembered before the broker had the post: the repeat was taken for a post that is there, and answered 202",
            "publish each, and await its confirm: the table takes each id once",
        )
        .kept_if(is_stored)?;
    posts.push(id);
    Ok(again.and(stored))
}

/// A post with a key needs the database as little as one without.
pub(super) async fn without_the_database(deployed: &Deployed, posts: &mut Vec<Uuid>) -> Verdict {
    let ways: Vec<&Path> = deployed.stack.paths_to(DATABASE).collect();
    let entry = deployed.stack.entry()?;
    let body = json!({"content": format!("{BY_HAND}, with a key and without the database")});
    let named = || entry.post(&body).header(KEY, "order-4714").send();
    let answers = without(&ways, async { Ok([named().await?, named().await?]) }).await?;
    let refused = answers.iter().find(|answer| answer.status != 202);
    let accepted = promise("while the database is away, a post with a key is accepted as one without")
        .observed(refused)
        .likely(
            true,
            "the key is looked up in the database before the post is published",
            "make the id of the key alone; the table takes each id once",
        )
        .kept_if(refused.is_none())?;
    let ids = answers.iter().map(id_of).collect::<Result<BTreeSet<_>, _>>()?;
    let same = promise("and its repeat is the same post")
        .observed(Fact::count("ids", ids.len()))
        .likely(
            true,
            "which keys there were is known from the table alone",
            "make the id of the key alone: a UUIDv5",
        )
        .kept_if(ids.len() == 1)?;
    posts.extend(ids);
    Ok(accepted.and(same))
}

/// A key that the contract leaves open may be refused, or be some key or none; it is no fault of the service.
pub(super) async fn odd_ones(deployed: &Deployed, posts: &mut Vec<Uuid>) -> Verdict {
    let entry = deployed.stack.entry()?;
    let instance = deployed.a_listed_one().await?;
    let long = "k".repeat(256);
    let odd: [(&str, &[&str]); 5] = [
        ("256 characters", &[&long]),
        ("a letter beyond ASCII", &["\u{e9}tude"]),
        ("two headers", &["order-4715", "order-4716"]),
        ("an empty header", &[""]),
        ("a blank in it", &["order 4717"]),
    ];
    for (called, keys) in odd {
        for asked in [entry.addr(), instance.addr()] {
            let body = json!({"content": format!("{BY_HAND}, named by {called}")});
            let ask = keys.iter().fold(asked.post(&body), |ask, key| ask.header(KEY, *key));
            let answer = ask.send().await?;
            promise("whatever stands in `Idempotency-Key`, a post is answered 202, 400 or 422")
                .observed(Fact::named("the key", called))
                .observed(&answer)
                .likely(
                    answer.status >= 500,
                    "a key of another length or alphabet meets a fault: an error that nobody expected, or a column that is too short",
                    "refuse what you do not take as a key, with 400 or 422, or take it for none",
                )
                .kept_if([202, 400, 422].contains(&answer.status))?;
            if answer.status == 202 {
                let id = id_of(&answer)?;
                if !posts.contains(&id) {
                    posts.push(id);
                }
            }
        }
    }
    Ok(Kept::default())
}
