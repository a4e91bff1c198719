//! What a post is. A [`Content`] that exists is valid, so nothing behind it checks again.

use serde::{Deserialize, Serialize};
use thiserror::Error;
use time::OffsetDateTime;
use uuid::Uuid;

/// The most characters (Unicode scalar values) of a post.
pub const MAX_CHARACTERS: usize = 10_000;

/// The text of a post: 1 to [`MAX_CHARACTERS`] characters, not only blanks, no NUL; kept exactly as
/// it was sent.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(try_from = "String")]
pub struct Content(String);

// ANCHOR: content
impl TryFrom<String> for Content {
    type Error = InvalidContent;

    fn try_from(text: String) -> Result<Self, InvalidContent> {
        if text.chars().all(char::is_whitespace) {
            return Err(InvalidContent::Blank);
        }
        if text.contains('\0') {
            return Err(InvalidContent::Nul);
        }
        if text.chars().count() > MAX_CHARACTERS {
            return Err(InvalidContent::TooLong);
        }
        Ok(Self(text))
    }
}
// ANCHOR_END: content

impl From<Content> for String {
    fn from(content: Content) -> Self {
        content.0
    }
}

/// Why a text is not a post.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
pub enum InvalidContent {
    /// Nothing but white space, or nothing at all.
    #[error("the content must not be blank")]
    Blank,
    /// PostgreSQL cannot store U+0000 in a text.
    #[error("the content must not hold a NUL character")]
    Nul,
    /// Longer than [`MAX_CHARACTERS`].
    #[error("the content must not be longer than {MAX_CHARACTERS} characters")]
    TooLong,
}

/// What a client sends to make a post.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
pub struct NewPost {
    /// The text.
    pub content: Content,
}

/// A post, as it is stored and as it is answered.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Post {
    /// A UUIDv7, made where the post is accepted. From lab 02 on a client may have named the post itself.
    pub id: Uuid,
    /// The text.
    pub content: String,
    /// When the post was accepted, in microseconds: what the database can keep.
    #[serde(serialize_with = "rfc3339_micros")]
    pub created_at: OffsetDateTime,
}

impl Post {
    /// Accepts a post: gives it its id and its time.
    #[must_use]
    pub fn accept(new: NewPost) -> Self {
        let now = OffsetDateTime::now_utc();
        let micros = now.replace_nanosecond(now.microsecond() * 1_000).unwrap_or(now);
        Self { id: Uuid::now_v7(), content: new.content.into(), created_at: micros }
    }
}

/// Always six digits: the well-known RFC 3339 format leaves out a fraction that is zero.
fn rfc3339_micros<S: serde::Serializer>(at: &OffsetDateTime, serializer: S) -> Result<S::Ok, S::Error> {
    use std::num::NonZeroU8;
    use time::format_description::well_known::{
        Iso8601,
        iso8601::{Config, EncodedConfig, TimePrecision},
    };
    const MICROS: EncodedConfig = Config::DEFAULT
        .set_time_precision(TimePrecision::Second { decimal_digits: NonZeroU8::new(6) })
        .encode();

    let text =
        at.to_offset(time::UtcOffset::UTC).format(&Iso8601::<MICROS>).map_err(serde::ser::Error::custom)?;
    serializer.serialize_str(&text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn content(text: &str) -> Result<Content, InvalidContent> {
        Content::try_from(text.to_owned())
    }

    #[test]
    fn characters_are_counted_not_bytes() {
        assert!(content(&"🦀".repeat(MAX_CHARACTERS)).is_ok());
        assert_eq!(content(&"a".repeat(MAX_CHARACTERS + 1)), Err(InvalidContent::TooLong));
    }

    #[test]
    fn blank_is_what_unicode_calls_white_space() {
        for blank in ["", " ", "\t\r\n", "\u{85}\u{2003}\u{3000}"] {
            assert_eq!(content(blank), Err(InvalidContent::Blank), "{blank:?}");
        }
        assert!(content("\u{200b}").is_ok(), "a zero-width space is not White_Space");
    }

    #[test]
    fn a_valid_content_is_kept_as_it_was_sent() {
        let text = "  e\u{301} 100 % 'x'\n";
        assert_eq!(content(text).map(String::from), Ok(text.to_owned()));
        assert_eq!(content("a\0b"), Err(InvalidContent::Nul));
    }

    #[test]
    fn a_whole_second_has_its_fraction_too() {
        let post = Post { id: Uuid::nil(), content: "x".to_owned(), created_at: OffsetDateTime::UNIX_EPOCH };
        insta::assert_json_snapshot!(post, @r#"
        {
          "id": "00000000-0000-0000-0000-000000000000",
          "content": "x",
          "created_at": "1970-01-01T00:00:00.000000Z"
        }
        "#);
    }

    #[test]
    fn an_accepted_time_is_what_the_database_keeps() {
        let new = NewPost { content: content("x").expect("valid") };
        assert_eq!(Post::accept(new).created_at.nanosecond() % 1_000, 0);
    }
}
