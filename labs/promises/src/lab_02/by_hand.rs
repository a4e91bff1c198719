//! A message that somebody publishes by hand.

use std::time::Duration;

use crate::contract::prelude::*;
use time::OffsetDateTime;
use uuid::Uuid;

use crate::contract::{DEAD, QUEUE};
use crate::lab_01::instant;

/// What somebody publishes by hand in the management page becomes a post, each time that it is published.
pub(super) async fn message_by_hand(bed: Bed) -> Verdict {
    const TIMES: usize = 2;
    /// How far from now an instant that was just made may be.
    const NOW: Duration = Duration::from_secs(60);
    let service = bed.start().await?;
    let body = br#"{"content":"my post"}"#.to_vec();
    bed.broker().publish(QUEUE, vec![body; TIMES]).await?;
    let (mut ids, mut instants) = (Vec::new(), Vec::new());
    let listed = testbed::wait::try_until(Duration::from_secs(10), async || {
        let list = service.get("/posts").send().await?.json()?;
        let posts = list.as_array().into_iter().flatten().filter(|post| post["content"] == "my post");
        ids = posts.clone().filter_map(|post| post["id"].as_str()?.parse::<Uuid>().ok()).collect();
        instants = posts.map(instant).collect();
        let dead = bed.broker().ready(DEAD).await?.unwrap_or(0);
        Ok::<_, Stop>((ids.len() >= TIMES || dead > 0).then_some(()))
    });
    listed.await?;
    let dead = bed.broker().ready(DEAD).await?.unwrap_or(0);
    let stored = promise("each message `{\"content\":\"my post\"}` is stored, with an id made then")
        .observed(Fact::count("published", TIMES))
        .observed(Fact::count("in the list", ids.len()))
        .observed(Fact::count("dead letters", dead))
        .likely(
            dead > 0,
            "it became a dead letter: it has no id, and its row was not given one",
            "make an id and an instant where a message has none; build all columns from one list of posts",
        )
        .likely(
            !ids.is_empty(),
            "the same content twice was taken for one post: its id was made from its content",
            "make a new id for each message that has none",
        )
        .likely(true, "the message was not stored", "look at the service's stderr")
        .kept_if(ids.len() >= TIMES && dead == 0)?;
    let versions: Vec<String> = ids.iter().map(|id| id.get_version_num().to_string()).collect();
    let sorted = promise("the id that was made is a UUID of version 7, as every post's")
        .observed(Fact::named("versions", versions.join(", ")))
        .kept_if(ids.iter().all(|id| id.get_version_num() == 7))?;
    let now = OffsetDateTime::now_utc();
    let made_now = |made: &&Option<OffsetDateTime>| made.is_some_and(|made| (now - made).abs() < NOW);
    let fresh = instants.iter().filter(made_now).count();
    let dated = promise("the instant that was made is that of its making: within a minute of now")
        .observed(Fact::count("in the list", instants.len()))
        .observed(Fact::count("with such an instant", fresh))
        .likely(
            true,
            "a missing `created_at` was filled up with the zero of its type: 1970, or the year 1",
            "make both where a message has neither id nor instant: the clock's now, as for a request",
        )
        .kept_if(fresh == instants.len())?;
    Ok(stored.and(sorted).and(dated))
}
