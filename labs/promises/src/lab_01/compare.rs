//! Answers compared with what was sent, planted or recorded.

use crate::contract::prelude::*;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// Compares with the recorded answer; a difference is a broken promise, not a panic.
pub(super) fn as_recorded(
    sentence: &str,
    answer: &Answer,
    snapshot: impl FnOnce() + std::panic::UnwindSafe,
) -> Verdict {
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    // A check may be tried again, and two checks may ask the same: then the assertion is met twice in one process.
    let same = std::panic::catch_unwind(|| insta::allow_duplicates! { snapshot() }).is_ok();
    std::panic::set_hook(hook);
    promise(sentence).observed(answer).kept_if(same)
}

/// The same post: an instant may be told with more or fewer digits below the millisecond.
pub(super) fn is_same(one: &Value, other: &Value) -> bool {
    let close = match (instant(one), instant(other)) {
        (Some(one), Some(other)) => (one - other).abs() < time::Duration::MILLISECOND,
        _ => false,
    };
    close && one["id"] == other["id"] && one["content"] == other["content"]
}

/// `created_at`, if it is RFC 3339 in UTC.
pub(crate) fn instant(post: &Value) -> Option<OffsetDateTime> {
    let parsed = OffsetDateTime::parse(post["created_at"].as_str()?, &Rfc3339).ok()?;
    parsed.offset().is_utc().then_some(parsed)
}

/// Posts by the number under which they were planted, as a reader can compare them.
pub(super) fn numbers(ids: &[Uuid], planted: &[Uuid]) -> String {
    let number =
        |id| planted.iter().position(|planted| planted == id).map_or("?".to_owned(), |n| n.to_string());
    let all: Vec<String> = ids.iter().map(number).collect();
    match all.as_slice() {
        [] => "none".to_owned(),
        [first, .., last] if all.len() > 4 => format!("{first} … {last} ({})", all.len()),
        few => few.join(", "),
    }
}

/// Whether the posts come in the order in which they were planted.
pub(super) fn is_rising(got: &[Uuid], planted: &[Uuid]) -> bool {
    let place = |id| planted.iter().position(|planted| planted == id);
    got.len() > 1 && got.iter().is_sorted_by_key(place)
}

/// Whether the posts come in the order of their ids, the highest first.
pub(super) fn is_by_id(got: &[Uuid]) -> bool {
    got.len() > 1 && got.is_sorted_by(|one, other| one > other)
}

/// The promise that a Post which `asked` answers has the contract's members, and no others.
pub(super) fn post_as_agreed(asked: &str, post: &Value) -> Verdict {
    let mut members: Vec<&str> =
        post.as_object().into_iter().flatten().map(|(name, _)| name.as_str()).collect();
    members.sort_unstable();
    promise("a Post has exactly the members id, content and created_at, wherever it is answered")
        .observed(Fact::named(asked, members.join(", ")))
        .likely(
            true,
            "what the program knows of a post is answered as it is",
            "answer these three, and nothing else",
        )
        .kept_if(members == ["content", "created_at", "id"])
}

/// Percent-encodes text for a query, every byte that is not a letter or a digit.
pub(super) fn encode(text: &str) -> String {
    let plain = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(plain).collect()
}
