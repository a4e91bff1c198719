//! What is blank: Unicode has a property for it, and languages have notions of their own.

use serde_json::json;
use testbed::answer::shorten;

use crate::contract::prelude::*;

use super::refusals::is_refused_by_its_rule;

/// Contents that show nothing, and that some languages take for blank: none of them has the Unicode property White_Space.
pub(super) const NOT_BLANK: [&str; 3] = ["\u{feff}", "\u{200b}", "\u{1f}"];

/// The promise that what some languages take for blank is not refused for it.
pub(super) fn is_not_blank(content: &str, answer: &Answer) -> Verdict {
    promise("a content that holds a character without the Unicode property White_Space is not blank")
        .observed(Fact::named("sent", shorten(&format!("{content:?}"), 60)))
        .observed(Fact::count("answered", answer.status))
        .likely(
            true,
            "the language's own notion of blank is not Unicode's White_Space",
            "test each character for that property",
        )
        .kept_if(answer.status != 422 || !NOT_BLANK.contains(&content))
}

/// The promise that blank is what Unicode calls White_Space, and not what a language does.
pub(super) async fn white_space_is_blank(service: &impl Endpoint) -> Result<(), Stop> {
    for blank in ["\u{a0}\u{2007}\u{202f}", "\u{85}"] {
        let answer = service.post(&json!({ "content": blank })).send().await?;
        let told = promise(
            "a content whose characters all have the Unicode property White_Space is refused as blank",
        )
        .observed(Fact::named("sent", blank.escape_unicode().to_string()))
        .observed(Fact::count("answered", answer.status))
        .likely(
            answer.status < 300,
            "the language's own notion of blank is not Unicode's White_Space",
            "test each character for that property",
        );
        is_refused_by_its_rule(told, &answer, 422)?;
    }
    Ok(())
}
