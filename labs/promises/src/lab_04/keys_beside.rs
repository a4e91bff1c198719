//! Keys where something is amiss: the database is away, or the key is one that the contract leaves open.

use std::collections::BTreeSet;

use serde_json::json;
use uuid::Uuid;

use crate::contract::prelude::*;
use crate::contract::{DATABASE, Deployed, without};

use super::keys::{KEY, id_of};

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
