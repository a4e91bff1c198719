//! `Idempotency-Key`: a name that the sender of a post gives it, so that a repeat is the same post.
//!
//! A client may set it. Where none did, the proxy does, before its first attempt: so an attempt that it
//! repeats, at whichever instance, is the same post too.

use axum::http::{HeaderMap, HeaderName};
use direct_write::http::Error;
use uuid::{Uuid, uuid};

/// The header.
pub const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key, in bytes.
pub const LONGEST: usize = 255;

/// In which all keys that are no UUID have their ids. Never another one: a repeat would be another post.
pub const NAMESPACE: Uuid = uuid!("9f0c0b7e-53a4-4c1d-8f35-7a0d8f6b2e41");

/// The id that a post has by its key; `None` where there is no key.
///
/// # Errors
/// A key that is none.
// ANCHOR: id
pub fn id(headers: &HeaderMap) -> Result<Option<Uuid>, Error> {
    // ANCHOR: hole-key
    // nginx's `$request_id` is 32 hexadecimal digits: the id can be found in its log.
    let id = |key: &str| key.parse().unwrap_or_else(|_| Uuid::new_v5(&NAMESPACE, key.as_bytes()));
    Ok(text(headers)?.map(id))
    // ANCHOR_END: hole-key
}
// ANCHOR_END: id

/// The text of the header, without quotes around it. An empty one is none, as it is to the proxy.
///
/// # Errors
/// More than one, one that is too long, or other than ASCII characters that can be printed.
pub fn text(headers: &HeaderMap) -> Result<Option<&str>, Error> {
    const NO_KEY: Error =
        Error::Malformed("the Idempotency-Key must be one text of at most 255 visible ASCII characters");

    let mut keys = headers.get_all(IDEMPOTENCY_KEY).iter();
    let Some(key) = keys.next() else { return Ok(None) };
    let key = key.to_str().map_err(|_| NO_KEY)?.trim();
    if key.len() > LONGEST || keys.next().is_some() {
        return Err(NO_KEY);
    }
    let quoted = key.strip_prefix('"').and_then(|key| key.strip_suffix('"'));
    Ok(Some(quoted.unwrap_or(key)).filter(|key| !key.is_empty()))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const ID: Uuid = uuid!("0199f0a4-7d2c-7cc0-8d0e-5f2f3a1c9b11");

    fn of(keys: &[&[u8]]) -> Result<Option<Uuid>, Error> {
        let value = |key: &&[u8]| HeaderValue::from_bytes(key).expect("a value");
        id(&keys.iter().map(|key| (IDEMPOTENCY_KEY, value(key))).collect())
    }

    #[test]
    fn a_uuid_stands_for_itself_however_it_is_spelt() {
        for spelling in [
            "0199f0a4-7d2c-7cc0-8d0e-5f2f3a1c9b11",
            "0199F0A4-7D2C-7CC0-8D0E-5F2F3A1C9B11",
            "0199f0a47d2c7cc08d0e5f2f3a1c9b11",
            "{0199f0a4-7d2c-7cc0-8d0e-5f2f3a1c9b11}",
            "urn:uuid:0199f0a4-7d2c-7cc0-8d0e-5f2f3a1c9b11",
            "\"0199f0a4-7d2c-7cc0-8d0e-5f2f3a1c9b11\"",
        ] {
            assert_eq!(of(&[spelling.as_bytes()]), Ok(Some(ID)), "{spelling}");
        }
    }

    #[test]
    fn another_text_has_always_the_same_id_and_another_one_another() {
        let order = of(&[b"order 4711"]).expect("a key").expect("an id");
        assert_eq!(order, uuid!("d2cc30ac-dba2-5e73-8827-bf84f8e70cd4"), "other builds have it too");
        assert_ne!(of(&[b"order 4712"]), Ok(Some(order)));
        assert_eq!(of(&[b"\"order 4711\""]), Ok(Some(order)));
    }

    #[test]
    fn no_key_is_no_id() {
        assert_eq!(of(&[]), Ok(None));
        assert_eq!(of(&[b""]), Ok(None));
        assert_eq!(of(&[b"\"\""]), Ok(None));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let long = [b'a'; LONGEST + 1];
        assert!(of(&[&long[1..]]).is_ok());
        for wrong in [&[&long[..]][..], &[b"caf\xe9"], &[b"a", b"b"]] {
            assert!(matches!(of(wrong), Err(Error::Malformed(_))), "{wrong:?}");
        }
    }
}
