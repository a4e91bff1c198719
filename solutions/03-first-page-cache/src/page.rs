//! Page 1 as it is answered. Its bytes are made once, however many readers they go to.

use std::time::Duration;

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine as _};
use bytes::Bytes;
use direct_write::post::Post;
use headers::ETag;
use sha2::{Digest as _, Sha256};
use thiserror::Error;
use tokio::time::Instant;

/// Page 1, at one moment.
#[derive(Clone, Debug)]
pub struct Page {
    body: Bytes,
    tag: ETag,
    read: Instant,
}

/// The posts could not be made a page.
#[derive(Debug, Error)]
#[error("failed to make page 1 of its posts: {0}")]
pub struct NoPage(#[from] serde_json::Error);

impl Page {
    /// The page that these posts are. `read` is when the table was asked for them: what was committed
    /// later is not in it.
    ///
    /// # Errors
    /// A post that cannot be written as JSON.
    // ANCHOR: of
    pub fn of(posts: &[Post], read: Instant) -> Result<Self, NoPage> {
        let body = Bytes::from(serde_json::to_vec(posts)?);
        Ok(Self { tag: tag(&body), body, read })
    }
    // ANCHOR_END: of

    /// The JSON that is answered. Clones share the bytes.
    #[must_use]
    pub fn body(&self) -> Bytes {
        self.body.clone()
    }

    /// The strong tag of the body.
    #[must_use]
    pub fn tag(&self) -> ETag {
        self.tag.clone()
    }

    /// How long ago the table was asked.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.read.elapsed()
    }
}

/// A strong tag: the same bytes have the same one, in every process; other bytes have another one.
// ANCHOR: tag
fn tag(body: &[u8]) -> ETag {
    // ANCHOR: hole-tag
    // Half of the digest is collision enough; the whole one would be sent with every answer.
    let name = BASE64_URL_SAFE_NO_PAD.encode(&Sha256::digest(body)[..16]);
    format!("\"{name}\"").parse().expect("letters, digits, `-` and `_` in quotes are a tag")
    // ANCHOR_END: hole-tag
}
// ANCHOR_END: tag

#[cfg(test)]
mod tests {
    use time::OffsetDateTime;
    use uuid::Uuid;

    use super::*;

    fn page(contents: &[&str]) -> Page {
        let post = |content: &&str| Post {
            id: Uuid::nil(),
            content: (*content).to_owned(),
            created_at: OffsetDateTime::UNIX_EPOCH,
        };
        let posts: Vec<Post> = contents.iter().map(post).collect();
        Page::of(&posts, Instant::now()).expect("posts are JSON")
    }

    #[test]
    fn the_same_bytes_have_the_same_tag_and_others_another() {
        assert_eq!(page(&["a"]).tag(), page(&["a"]).tag());
        assert_ne!(page(&["a"]).tag(), page(&["b"]).tag());
        assert_ne!(page(&[]).tag(), page(&["a"]).tag());
    }

    #[test]
    fn no_posts_are_an_empty_list() {
        assert_eq!(page(&[]).body(), "[]");
    }

    #[test]
    fn readers_share_the_bytes() {
        let page = page(&["a"]);
        assert_eq!(page.body().as_ptr(), page.body().as_ptr());
    }
}
