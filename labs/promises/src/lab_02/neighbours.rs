//! Good messages in one batch with what cannot be stored, or is stored already.

use std::time::Duration;

use crate::contract::prelude::*;
use testbed::wait;
use uuid::Uuid;

use super::poison::{GATHERED, in_one_batch};
use crate::contract::{DEAD, QUEUE, message};

/// What became of the good messages of a batch.
struct Seen {
    /// Whether all of them are stored.
    stored: bool,
    rows: i64,
    /// Still with the broker.
    left: u64,
    /// The bodies of the dead letters.
    dead: Vec<Vec<u8>>,
}

impl Seen {
    /// Waits until the good ones are stored, or nothing more comes, and then until the broker has nothing left.
    async fn after(bed: &Bed, good: &[Uuid]) -> Result<Seen, Stop> {
        let stored = bed.stored(good, QUEUE).await?.is_some();
        let left = bed.broker().emptied(QUEUE, GATHERED * 3).await?.unwrap_or(0);
        let dead = bed.broker().take_all(DEAD).await?.into_iter().map(|letter| letter.body).collect();
        Ok(Seen { stored, rows: rows_of(bed, good).await?, left, dead })
    }

    fn good_among_the_dead(&self, bodies: &[Vec<u8>]) -> usize {
        self.dead.iter().filter(|body| bodies.contains(body)).count()
    }
}

async fn rows_of(bed: &Bed, ids: &[Uuid]) -> Result<i64, Stop> {
    let rows = sqlx::query_scalar("SELECT count(*) FROM post WHERE id = ANY($1)");
    Ok(rows.bind(ids).fetch_one(bed.database().pool()).await?)
}

fn good_messages<const N: usize>() -> ([Uuid; N], Vec<Vec<u8>>) {
    let ids = [(); N].map(|()| Uuid::now_v7());
    (ids, ids.iter().enumerate().map(|(n, id)| message(*id, &format!("beside it {n}"))).collect())
}

fn state(consumer: &Subject) -> Option<Fact> {
    consumer.has_ended().map(|status| Fact::named("the consumer", format!("ended with {status}")))
}

/// The promise that a message which comes twice in one batch, and one whose row is there, are no fault of their batch.
pub(super) async fn repeats_harm_nobody(bed: &Bed, consumer: &Subject, there: &[u8]) -> Verdict {
    let (good, bodies) = good_messages::<3>();
    let twice = [bodies[1].clone(), bodies[1].clone()];
    let batch = [vec![bodies[0].clone()], twice.to_vec(), vec![there.to_vec(), bodies[2].clone()]].concat();
    in_one_batch(bed, batch).await?;
    let seen = Seen::after(bed, &good).await?;
    promise("a batch with one message twice, and with one whose row is there already, is stored: each post once, and no dead letter")
        .observed(Fact::count("good posts beside the one that is there", good.len()))
        .observed(Fact::count("of them stored", seen.rows))
        .observed((seen.left > 0).then(|| Fact::count("still with the broker", seen.left)))
        .observed(Fact::count("dead letters", seen.dead.len()))
        .observed(state(consumer))
        .likely(
            !seen.dead.is_empty(),
            "a repeat was taken for what can never be stored: its insert failed on the key",
            "insert with ON CONFLICT (id) DO NOTHING, and acknowledge: a row that is there is no fault",
        )
        .likely(
            !seen.stored && seen.left > 0,
            "the batch fails each time it is tried: PostgreSQL lets no ON CONFLICT DO UPDATE touch one row twice, and a plain insert fails on the key",
            "leave alone what is there: ON CONFLICT (id) DO NOTHING",
        )
        .likely(
            !seen.stored,
            "a unique violation was caught, and with it went the new rows beside it: after an error PostgreSQL rolls the whole transaction back",
            "leave alone what is there: ON CONFLICT (id) DO NOTHING",
        )
        .kept_if(seen.stored && seen.dead.is_empty())
}

/// The promise that a post which the database refuses for a reason of its own is still somewhere, in the queue or set aside, and that
/// the messages beside it are stored.
pub(super) async fn what_the_database_refuses_is_kept(
    bed: &Bed,
    consumer: &Subject,
    there: &[u8],
) -> Verdict {
    const REFUSED: &str = "refused";
    /// Hundreds of times what it takes to set one aside. No longer: whoever doubles the pause between two attempts is soon back.
    const REFUSED_FOR: Duration = Duration::from_secs(8);
    let (good, bodies) = good_messages::<4>();
    let id = Uuid::now_v7();
    let refused = message(id, &format!("{REFUSED} by a constraint"));
    bed.database().refuse_rows(REFUSED).await?;
    let mut batch = bodies.clone();
    batch.insert(2, refused.clone());
    batch.insert(3, there.to_vec());
    in_one_batch(bed, batch).await?;
    // Who tries the same messages again until the constraint is gone is right as well.
    wait::until(REFUSED_FOR, async || {
        let dead = bed.broker().ready(DEAD).await.ok().flatten();
        (dead > Some(0)).then_some(())
    })
    .await;
    bed.database().row_time(Duration::ZERO).await?;
    let seen = Seen::after(bed, &good).await?;
    let buried = seen.good_among_the_dead(&bodies);
    let repeats = seen.good_among_the_dead(&[there.to_vec()]);
    let beside = promise("the messages beside one that the database refuses are stored, and none of them is set aside")
        .observed(Fact::count("good messages", good.len()))
        .observed(Fact::count("of them stored", seen.rows))
        .observed(Fact::count("of them among the dead letters", buried))
        .observed((repeats > 0).then(|| Fact::named("among the dead letters", "one whose row was there")))
        .observed((seen.left > 0).then(|| Fact::count("still with the broker", seen.left)))
        .observed(state(consumer))
        .likely(
            buried > 0,
            "for one row that the database refused its whole batch was set aside",
            "store a refused batch row by row, each in its own transaction or savepoint, and set aside what is refused alone",
        )
        .likely(
            seen.stored,
            "a message whose row was there already was set aside: tried by itself, its insert failed on the key",
            "insert with ON CONFLICT (id) DO NOTHING also where rows are stored one by one",
        )
        .likely(
            seen.left > 0,
            "nothing is refused any more, and the batch is not tried again",
            "let the consumer come back by itself after every fault",
        )
        .likely(
            true,
            "one row that the database refused took its neighbours along: after an error PostgreSQL rolls the whole transaction back",
            "store a refused batch row by row, each in its own transaction or savepoint, and acknowledge what is committed",
        )
        .kept_if(seen.stored && buried + repeats == 0)?;
    let promised =
        "a post that the database refuses for a reason of its own is not lost: it waits, or is set aside";
    let lost = (
        "its message was acknowledged although it is no row: what came of each post of a batch was not looked at",
        "set aside what is refused for ever, and acknowledge only what is committed",
    );
    Ok(beside.and(is_not_lost(bed, (id, &refused), seen.dead, promised, lost).await?))
}

/// The promise that a post is still somewhere whose insert has run, and whose commit the database has refused.
pub(super) async fn what_is_not_committed_is_kept(bed: &Bed) -> Verdict {
    /// Hundreds of times what it takes to try one.
    const TRIED: Duration = Duration::from_secs(15);
    let id = Uuid::now_v7();
    let body = message(id, "not to be committed");
    bed.database().refuse_commits().await?;
    bed.broker().publish(QUEUE, [body.clone()]).await?;
    let tried = wait::try_until(TRIED, async || {
        Ok::<_, Stop>((bed.database().refused_commits().await? > 0).then_some(()))
    });
    tried.await?;
    bed.database().commit_time(Duration::ZERO).await?;
    let promised = "a post whose commit the database refuses is not lost: it waits, or is set aside";
    let lost = (
        "the insert had run, its message was acknowledged, and nobody looked at the outcome of the commit",
        "commit, look at its outcome, then acknowledge",
    );
    is_not_lost(bed, (id, &body), Vec::new(), promised, lost).await
}

/// The promise that a post, by its id and the body of its message, is a row, a dead letter, or with the broker, in whichever queue;
/// `letters` are the dead ones that were taken out before. `lost` are the cause and the mend where it is nowhere.
async fn is_not_lost(
    bed: &Bed,
    (id, body): (Uuid, &[u8]),
    mut letters: Vec<Vec<u8>>,
    promised: &str,
    lost: (&str, &str),
) -> Verdict {
    // What the broker has counted may be a second old: what is surely there comes first.
    let in_sight = wait::try_until(GATHERED * 3, async || {
        letters.extend(bed.broker().take_all(DEAD).await?.into_iter().map(|letter| letter.body));
        let is_stored = rows_of(bed, &[id]).await? > 0;
        Ok::<_, Stop>((is_stored || letters.iter().any(|letter| letter == body)).then_some(()))
    });
    let in_sight = in_sight.await?.is_some();
    let left = bed.broker().messages_outside(DEAD).await?;
    promise(promised)
        .observed(Fact::count("still with the broker", left))
        .observed(Fact::count("dead letters", letters.len()))
        .likely(true, lost.0, lost.1)
        .kept_if(in_sight || left > 0)
}
