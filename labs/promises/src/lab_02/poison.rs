//! Messages that can never be stored.

use std::time::Duration;

use crate::contract::prelude::*;
use serde_json::json;
use testbed::services::Taken;
use testbed::wait;
use uuid::Uuid;

use super::neighbours;
use super::stored::all_acknowledged;
use crate::contract::{DEAD, QUEUE, message};

/// How long the messages may take to find their places. Hundreds of times what they take.
const SOON: Duration = Duration::from_secs(15);
/// How long the delivery of a few messages may take. A hundred times what it takes.
pub(super) const GATHERED: Duration = Duration::from_secs(1);

/// Poison among good messages, all of them ready at once.
pub(super) async fn poison_is_set_aside(bed: Bed) -> Verdict {
    let consumer = bed.service().role("consumer").pool(1).start().await?;
    let poison: Vec<Vec<u8>> = vec![
        b"not json".to_vec(),
        b"\xff\xfe\x00not even text".to_vec(),
        b"".to_vec(),
        // JSON that is no object.
        b"null".to_vec(),
        b"[]".to_vec(),
        br#"{"id":"0190a7d0-0000-7000-8000-00000000000a"}"#.to_vec(),
        json!({"content": 7}).to_string().into_bytes(),
        json!({"content": "  "}).to_string().into_bytes(),
        json!({"content": "nul \u{0} inside"}).to_string().into_bytes(),
        json!({"content": "a".repeat(10_001)}).to_string().into_bytes(),
        br#"{"content":"half \ud800"}"#.to_vec(),
        json!({"id": "no-uuid", "content": "x"}).to_string().into_bytes(),
        json!({"id": "", "content": "x"}).to_string().into_bytes(),
        json!({"id": Uuid::now_v7(), "content": "x", "created_at": "some day"}).to_string().into_bytes(),
    ];
    let good: Vec<Uuid> = (0..=poison.len()).map(|_| Uuid::now_v7()).collect();
    let mut bodies = Vec::new();
    for (n, id) in good.iter().enumerate() {
        bodies.push(message(*id, &format!("good {n}")));
        bodies.extend(poison.get(n).cloned());
    }
    let there = bodies[0].clone();
    in_one_batch(&bed, bodies).await?;

    let took = bed.stored(&good, QUEUE).await?;
    let rows = bed.database().rows().await?;
    let left = bed.broker().all_messages(QUEUE).await?.unwrap_or(0);
    let ended = consumer.has_ended();
    let neighbours = promise("the good messages around poison are all stored, and nothing else is")
        .observed(Fact::count("good messages", good.len()))
        .observed(Fact::count("rows", rows))
        .observed(Fact::named("the consumer", ended.map_or("runs".to_owned(), |status| format!("ended with {status}"))))
        .observed((left > 0).then(|| Fact::count("still with the broker", left)))
        .likely(
            ended.is_some(),
            "the consumer ended on poison, and will end on it again",
            "make a message that cannot be read a case of its own, and no error of the whole consumer",
        )
        .likely(
            took.is_none() && left > 0,
            "poison goes round, and its neighbours with it: the same batch is tried for ever",
            "set poison aside before the batch is stored; if the database refuses a batch, store its rows one by one",
        )
        .likely(
            took.is_none(),
            "poison took its neighbours along: the whole batch was thrown away",
            "set poison aside before the batch is stored; if the database refuses a batch, store its rows one by one",
        )
        .likely(
            true,
            "something was stored that is no post",
            "hold a message against the same rules as a request's body",
        )
        .kept_if(took.is_some() && rows == good.len() as i64)?;
    let dead = dead_letters(&bed, &poison).await?;
    let empty = all_acknowledged(&bed, "with the poison set aside").await?;
    let repeated = neighbours::repeats_harm_nobody(&bed, &consumer, &there).await?;
    let refused = neighbours::what_the_database_refuses_is_kept(&bed, &consumer, &there).await?;
    let uncommitted = neighbours::what_is_not_committed_is_kept(&bed).await?;
    Ok(neighbours.and(dead).and(empty).and(repeated).and(refused).and(uncommitted))
}

/// Publishes messages so that they meet in one batch: while the insert of the first one is held, all the others gather.
pub(super) async fn in_one_batch(bed: &Bed, mut bodies: Vec<Vec<u8>>) -> Result<(), Stop> {
    let others = bodies.split_off(1);
    let hold = bed.database().hold_inserts().await?;
    bed.broker().publish(QUEUE, bodies).await?;
    wait::until(SOON, async || bed.database().held_inserts().await.is_ok_and(|held| held > 0).then_some(()))
        .await;
    bed.broker().publish(QUEUE, others).await?;
    // Who takes messages one by one leaves them in the queue, and is right as well.
    wait::until(GATHERED, async || {
        bed.broker().ready(QUEUE).await.is_ok_and(|ready| ready == Some(0)).then_some(())
    })
    .await;
    Ok(hold.release().await?)
}

/// The promise that the poison, and only that, is among the dead letters, each with a reason.
async fn dead_letters(bed: &Bed, poison: &[Vec<u8>]) -> Verdict {
    let mut dead: Vec<Taken> = Vec::new();
    let all = wait::try_until(SOON, async || {
        dead.extend(bed.broker().take_all(DEAD).await?);
        Ok::<_, Stop>((dead.len() >= poison.len()).then_some(()))
    });
    all.await?;
    let left = bed.broker().all_messages(QUEUE).await?.unwrap_or(0);
    let declared = bed.broker().declared(QUEUE).await?.unwrap_or_default();
    let (hands_on, hands_back) = (declared.hands_on, declared.hands_back);
    let mut bodies: Vec<&[u8]> = dead.iter().map(|letter| letter.body.as_slice()).collect();
    let mut expected: Vec<&[u8]> = poison.iter().map(Vec::as_slice).collect();
    bodies.sort_unstable();
    expected.sort_unstable();
    let kept = promise(format!("each poisonous message is in `{DEAD}`, once, as it came"))
        .observed(Fact::count("poisonous", poison.len()))
        .observed(Fact::count("dead letters", dead.len()))
        .observed((left > 0).then(|| Fact::count("still with the broker", left)))
        .likely(
            dead.len() < poison.len() && hands_back,
            "what the queue hands on comes back into it: the exchange \"\" takes the routing key for a queue's name, and a dead letter keeps \
             the key with which it was published, this queue's name, unless told otherwise",
            "declare the queue with x-dead-letter-routing-key, too",
        )
        .likely(
            dead.len() < poison.len() && left > 0,
            "poison goes round: it is given back to the queue, and comes again",
            "reject it without requeue; the queue's dead-letter exchange then takes it",
        )
        .likely(
            dead.is_empty() && !hands_on,
            "the queue hands nothing on: without a dead-letter exchange what is rejected is thrown away",
            "declare the queue with x-dead-letter-exchange and x-dead-letter-routing-key, or publish the dead letter yourself",
        )
        .likely(
            dead.len() < poison.len(),
            "poison was acknowledged, and so thrown away",
            "reject it without requeue; the queue's dead-letter exchange then takes it",
        )
        .likely(
            dead.len() > poison.len(),
            "poison is set aside and delivered again",
            "settle each delivery exactly once",
        )
        .likely(
            dead.len() == poison.len(),
            "a body was changed on its way: bytes that are no text were taken for text, perhaps",
            "hand on the bytes as they came, and do not read them first",
        )
        .likely(true, "some poison is missing, or was changed", "reject every message that is no post")
        .kept_if(bodies == expected)?;
    let says_why = |letter: &&Taken| {
        let reasons = ["x-death", "reason", "error"];
        letter.headers.iter().any(|name| reasons.iter().any(|reason| name.to_lowercase().contains(reason)))
    };
    let told = dead.iter().filter(says_why).count();
    let reasons = promise("each dead letter says why it is there")
        .observed(Fact::count("with a reason", told))
        .observed(Fact::named(
            "headers",
            dead.first().map(|letter| letter.headers.join(", ")).unwrap_or_default(),
        ))
        .likely(
            true,
            "the letters carry no reason",
            "let the broker dead-letter them, or add a header of your own",
        )
        .kept_if(told == dead.len())?;
    let worn_out =
        dead.iter().filter(|letter| letter.first_death.as_deref() == Some("delivery_limit")).count();
    let at_once = promise("poison is set aside by the service, and not by the broker's limit of deliveries")
        .observed((worn_out > 0).then(|| Fact::count("beyond the broker's limit", worn_out)))
        .likely(
            true,
            "poison is given back to the queue each time, until the broker has had enough: after twenty deliveries, and before RabbitMQ 4.0 never",
            "reject it without requeue",
        )
        .kept_if(worn_out == 0)?;
    Ok(kept.and(reasons).and(at_once))
}
