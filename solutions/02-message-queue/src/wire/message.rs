//! A post on its way: what stands in a message, and in a line of the audit log.

use direct_write::post::{Content, NewPost, Post};
use serde::Deserialize;
use serde_json::error::Category;
use thiserror::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// The body of a message: the post as it is answered, as JSON.
///
/// # Errors
/// Its instant is outside the years that RFC 3339 can write.
pub fn encode(post: &Post) -> serde_json::Result<Vec<u8>> {
    serde_json::to_vec(post)
}

/// The members of a body. Who publishes by hand may leave out all but the content.
#[derive(Deserialize)]
struct Body {
    content: Content,
    id: Option<Uuid>,
    #[serde(default, with = "time::serde::rfc3339::option")]
    created_at: Option<OffsetDateTime>,
}

/// The post in a body. What it lacks of id and instant is made here, so each delivery of such a
/// message is another post: stored at least once.
///
/// # Errors
/// No later attempt can make a post of it.
// ANCHOR: decode
pub fn decode(body: &[u8]) -> Result<Post, Poison> {
    let text = std::str::from_utf8(body).map_err(|_| Poison::NotJson)?;
    if !text.trim_start().starts_with('{') {
        return Err(Poison::NotAnObject);
    }
    let Body { content, id, created_at } = serde_json::from_str(text).map_err(|error| {
        if error.classify() == Category::Data { Poison::NotAPost(error.to_string()) } else { Poison::NotJson }
    })?;

    let mut post = Post::accept(NewPost { content });
    post.id = id.unwrap_or(post.id);
    post.created_at = created_at.unwrap_or(post.created_at);
    Ok(post)
}
// ANCHOR_END: decode

/// Why a body can never become a row. Poison is no fault of the moment: to try again would give the
/// same, for ever.
#[derive(Clone, Debug, Eq, Error, PartialEq)]
pub enum Poison {
    /// Not JSON in UTF-8.
    #[error("the body is not JSON")]
    NotJson,
    /// JSON, but no object.
    #[error("the body is not a JSON object")]
    NotAnObject,
    /// An object, but no post: which member is wrong, and how.
    #[error("the body is not a post: {0}")]
    NotAPost(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_post_survives_the_way() {
        let content = Content::try_from(" é\n🦀 'x' ".to_owned()).expect("valid");
        let post = Post::accept(NewPost { content });
        let body = encode(&post).expect("a present instant");
        assert_eq!(decode(&body), Ok(post));
    }

    #[test]
    fn content_alone_gets_id_and_instant() {
        let post = decode(br#" {"content":"my post","more":[{}]}"#).expect("published by hand");
        assert_eq!(post.content, "my post");
        assert_eq!(post.id.get_version_num(), 7);
        assert!(OffsetDateTime::now_utc() - post.created_at < time::Duration::minutes(1));
    }

    #[test]
    fn an_offset_is_kept_as_the_instant_it_means() {
        let at = |text| decode(format!(r#"{{"content":"x","created_at":"{text}"}}"#).as_bytes());
        let (utc, seoul) = (at("2026-11-23T00:30:00Z"), at("2026-11-23T09:30:00+09:00"));
        assert_eq!(utc.expect("valid").created_at, seoul.expect("valid").created_at);
    }

    #[test]
    fn poison_says_why() {
        let cases: [(&[u8], &str); 11] = [
            (b"", "not a JSON object"),
            (b"\xff{}", "not JSON"),
            (b"{", "not JSON"),
            (b"my post", "not a JSON object"),
            (br#"["x",null,null]"#, "not a JSON object"),
            (b"{}", "missing field `content`"),
            (br#"{"content":5}"#, "expected a string"),
            (br#"{"content":"  "}"#, "must not be blank"),
            (br#"{"content":"a\u0000b"}"#, "NUL"),
            (br#"{"content":"x","id":"42"}"#, "UUID"),
            (br#"{"content":"x","created_at":"today"}"#, "component"),
        ];
        for (body, expected) in cases {
            let reason = decode(body).expect_err("poison").to_string();
            assert!(reason.contains(expected), "{:?}: {reason}", String::from_utf8_lossy(body));
        }
    }
}
