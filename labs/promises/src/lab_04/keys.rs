//! A post that is sent twice: by a client that names it, at whichever instance it arrives.

use std::collections::BTreeSet;

use serde_json::json;
use testbed::answer::shorten;
use uuid::Uuid;

use crate::contract::prelude::*;
use crate::contract::{Deployed, QUEUE, broker_time};

use super::{keys_beside, unnamed};

/// The header by which a client names a post.
pub(super) const KEY: &str = "idempotency-key";

/// The same key is the same post, another key another one, and each post is one row.
pub(super) async fn keys(bed: Bed) -> Verdict {
    let deployed = Deployed::on(&bed).await?;
    let mut posts = Vec::new();
    let kept = repeats(&deployed, &mut posts)
        .await?
        .and(spellings(&deployed, &mut posts).await?)
        .and(other_texts(&deployed, &mut posts).await?)
        .and(the_body_wins(&deployed, &mut posts).await?)
        .and(keys_beside::at_the_same_time(&deployed, &mut posts).await?)
        .and(keys_beside::without_the_database(&deployed, &mut posts).await?)
        .and(keys_beside::after_a_refusal(&bed, &deployed, &mut posts).await?)
        .and(keys_beside::odd_ones(&deployed, &mut posts).await?)
        .and(unnamed::are_apart(&bed, &deployed, &mut posts).await?);

    let stored = bed.stored(&posts, QUEUE).await?;
    let rows = bed.database().rows().await?;
    let once = promise("each of them is one row in the end")
        .observed(Fact::count("posts", posts.len()))
        .observed(Fact::count("rows", rows))
        .likely(
            rows > posts.len() as i64,
            "a repeat was stored beside the first",
            "publish with the id from the key; the consumer leaves alone what is there",
        )
        .likely(true, "not all of them were stored", "look at the consumer's stderr")
        .kept_if(stored.is_some() && rows == posts.len() as i64)?;
    Ok(kept.and(once))
}

/// A key that is repeated is the same post, through the proxy and at each instance; another key is another one.
async fn repeats(deployed: &Deployed, posts: &mut Vec<Uuid>) -> Verdict {
    let entry = deployed.stack.entry()?;
    let first = named(entry, "order-4711").await?;
    let again = named(entry, "order-4711").await?;
    let mut direct = Vec::new();
    for name in deployed.listed().await? {
        let instance = deployed.stack.instance(name)?;
        direct.push([named(instance, "order-4711").await?, named(instance, "order-4711").await?]);
    }
    let each_knows = direct.iter().all(|[one, other]| one == other);
    let direct = direct.concat();
    let all_agree = direct.windows(2).all(|two| two[0] == two[1]);
    let repeats = [again].into_iter().chain(direct);
    let other = repeats.into_iter().find(|id| *id != first);
    let same = promise("a key that is repeated is the same post, through the proxy and at each instance: the same id")
        .observed(Fact::named("the first", first.to_string()))
        .observed(other.map(|other| Fact::named("a repeat", other.to_string())))
        .likely(
            all_agree && again != first,
            "asked directly the instances agree on the id, and through the proxy they do not: it puts a key of its own in place of the client's",
            "let the proxy make a key only where the client sent none: a `map` of $http_idempotency_key",
        )
        .likely(
            each_knows && !all_agree,
            "each instance knows the key again, and they do not agree with each other",
            "derive the id from the key alone, in one namespace that all instances share, after a restart too",
        )
        .likely(
            true,
            "the id is made anew for each request, as if there were no key",
            "derive it from the key: a UUIDv5 in one namespace that all instances share",
        )
        .kept_if(other.is_none())?;
    let other = named_with(entry, "order-4712", &content_of("order-4711")).await?;
    posts.extend([first, other]);
    let apart = promise("two keys are two posts, also with the same content")
        .observed(Fact::named("two ids", format!("{first}, {other}")))
        .likely(
            true,
            "something else than the whole key decides the id: the content, or a part of it",
            "derive the id from the key alone, to its last character",
        )
        .kept_if(first != other)?;
    Ok(same.and(apart))
}

/// A key that is a UUID is the id as it stands, in whichever spelling.
async fn spellings(deployed: &Deployed, posts: &mut Vec<Uuid>) -> Verdict {
    /// The bits of a UUID that say its version.
    const VERSION: u128 = 0xf << 76;
    /// And those that say its variant.
    const VARIANT: u128 = 0b11 << 62;
    let wanted = Uuid::new_v4();
    // Those who send keys make them of other versions, too.
    let others = [
        Uuid::new_v5(&Uuid::NAMESPACE_URL, wanted.as_bytes()),
        Uuid::now_v7(),
        Uuid::from_u128(wanted.as_u128() & !VERSION | 1 << 76),
        // What nginx makes by chance is of no version, and of no variant.
        Uuid::from_u128((wanted.as_u128() | VERSION) & !VARIANT),
    ];
    posts.push(wanted);
    posts.extend(others);
    let mut kept = Kept::default();
    for other in others {
        let id = named(deployed.stack.entry()?, &other.to_string()).await?;
        promise("a key that is a UUID is the id as it stands, of whichever version")
            .observed(Fact::count("version of the key", other.get_version_num()))
            .observed(Fact::named("the key", other.to_string()))
            .observed(Fact::named("the id", id.to_string()))
            .likely(
                true,
                "only some versions or variants are taken for a UUID",
                "take any 32 digits, as $request_id has them",
            )
            .kept_if(id == other)?;
    }
    for spelling in [
        wanted.hyphenated().to_string(),
        wanted.hyphenated().to_string().to_uppercase(),
        wanted.simple().to_string(),
        wanted.simple().to_string().to_uppercase(),
        wanted.braced().to_string(),
        wanted.urn().to_string(),
    ] {
        let id = named(deployed.stack.entry()?, &spelling).await?;
        kept = promise("a key that is a UUID is the id as it stands, in whichever spelling")
            .observed(Fact::named("the key", &spelling))
            .observed(Fact::named("the id", id.to_string()))
            .likely(
                true,
                "this spelling is taken for any other text",
                "read it as a UUID first: also 32 digits, which is what nginx's $request_id has",
            )
            .kept_if(id == wanted)?;
    }
    Ok(kept)
}

/// Any other text of visible ASCII characters is a key to its last character, and gives a UUIDv5.
async fn other_texts(deployed: &Deployed, posts: &mut Vec<Uuid>) -> Verdict {
    const LONGEST: usize = 255;
    const WITHIN: &str = "0190a7d0-7d2c-4cc0-8d0e-5f2f3a1c9b11";
    let entry = deployed.stack.entry()?;
    let every_character: String = ('!'..='~').collect();
    let long = "k".repeat(LONGEST - 1);
    // It has the digits of a UUID, and hyphens where a UUID has none.
    let hyphens = Uuid::new_v4().simple().to_string();
    let hyphens = [&hyphens[..4], &hyphens[4..20], &hyphens[20..]].join("-");
    let keys = [
        "~".to_owned(),
        "Order".to_owned(),
        "order".to_owned(),
        every_character,
        format!("{long}1"),
        format!("{long}2"),
        hyphens,
        "1-2-3-4-5".to_owned(),
        format!("({WITHIN})"),
        format!("{{{WITHIN}"),
        format!("a{WITHIN}1"),
        format!("a{WITHIN}2"),
    ];
    let mut ids = Vec::new();
    for key in &keys {
        let id = named(entry, key).await?;
        promise("a key that is no UUID, of 1 to 255 visible ASCII characters, gives a UUIDv5 of it")
            .observed(Fact::named("the key", key))
            .observed(Fact::named("the id", id.to_string()))
            .observed(Fact::count("version", id.get_version_num()))
            .likely(
                key.contains('-') && id.simple().to_string() == key.replace('-', ""),
                "what has the digits of a UUID is taken for one, wherever its hyphens are",
                "take 36 characters with hyphens in their places, or 32 digits; anything else is a text",
            )
            .likely(
                key.contains(WITHIN),
                "what has a UUID in it is taken for one, whatever stands around it",
                "take braces on both sides, or `urn:uuid:` before it; with anything else around it, it is a text",
            )
            .likely(
                key == "1-2-3-4-5",
                "what has four hyphens is taken for a UUID, however few digits stand between them",
                "take 36 characters with hyphens in their places, or 32 digits; anything else is a text",
            )
            .likely(
                true,
                "the id is made of the key in another way",
                "a UUIDv5 (SHA-1 of a namespace and the key)",
            )
            .kept_if(id.get_version_num() == 5)?;
        ids.push(id);
    }
    posts.extend(&ids);
    let apart: BTreeSet<&Uuid> = ids.iter().collect();
    let same = ids.iter().enumerate().find_map(|(n, id)| {
        let other = ids[..n].iter().position(|earlier| earlier == id)?;
        Some((&keys[other], &keys[n]))
    });
    promise("two keys are two posts, to the last of 255 characters, and in capitals or not")
        .observed(Fact::count("keys", keys.len()))
        .observed(Fact::count("ids", apart.len()))
        .observed(same.map(|(one, _)| Fact::named("one post", shorten(one, 20))))
        .observed(same.map(|(_, other)| Fact::named("and the other key", shorten(other, 20))))
        .likely(
            same.is_some_and(|(one, other)| one.eq_ignore_ascii_case(other)),
            "keys are compared without regard to case",
            "take the key as it came",
        )
        .likely(true, "the key is cut before the id is made of it", "take all of its characters")
        .kept_if(apart.len() == keys.len())
}

/// An id in the body wins over the key.
async fn the_body_wins(deployed: &Deployed, posts: &mut Vec<Uuid>) -> Verdict {
    let own = Uuid::new_v4();
    posts.push(own);
    let body = json!({"content": format!("{BY_HAND}, named twice"), "id": own});
    let answer = deployed.stack.entry()?.post(&body).header(KEY, "order-4713").send().await?;
    promise("an id in the body wins over the key")
        .observed(&answer)
        .likely(true, "the key is looked at first", "take the body's id where there is one")
        .kept_if(id_of(&answer)? == own)
}

/// Sends a post under a name, with a content of its own: its id.
async fn named(endpoint: &impl Endpoint, key: &str) -> Result<Uuid, Stop> {
    named_with(endpoint, key, &content_of(key)).await
}

fn content_of(key: &str) -> String {
    format!("{BY_HAND}, {key}")
}

/// Sends a post with this content under a name, which must be answered 202: its id.
async fn named_with(endpoint: &impl Endpoint, key: &str, content: &str) -> Result<Uuid, Stop> {
    let body = json!({"content": content});
    let answer = endpoint.post(&body).header(KEY, key).send().await?;
    promise("a post under a key is answered 202, whichever 1 to 255 visible ASCII characters that key has, and however often it is sent")
        .observed(&answer)
        .observed(Fact::count("characters of the key", key.len()))
        .likely(
            [400, 409, 422].contains(&answer.status),
            "the key is refused: for its length, its characters, its version, or because it was seen before",
            "hold the rule that refused it against labs/stack.md, \"A post that is sent twice\"",
        )
        .likely(true, "it is no refusal of the key", "read the answer's `detail`")
        .kept_if(answer.status == 202)?;
    promise("a 202 under a key says how long the broker took, as every 202, however often the key is sent")
        .observed(Fact::count("characters of the key", key.len()))
        .observed(Fact::named("Server-Timing", answer.header("server-timing")))
        .likely(
            true,
            "a post that was there is answered without its confirm; or the header is made only where the service makes the id",
            "publish each, and await its confirm: the table takes each id once",
        )
        .kept_if(broker_time(&answer.header_list("server-timing")).is_some())?;
    id_of(&answer)
}

pub(super) fn id_of(answer: &Answer) -> Result<Uuid, Stop> {
    answer.has_status(202)?;
    let told = answer.json()?;
    Ok(told["id"].as_str().and_then(|id| id.parse().ok()).unwrap_or_default())
}
