//! The HTTP client for single requests, and what it reads in a header.

use std::time::Duration;

pub use reqwest::Client;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::setup::SetUp;

/// How long a single request is waited for.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// A client that opens a connection for each request, so that no request inherits another's fault.
pub fn client() -> Result<Client, SetUp> {
    let client = Client::builder().no_proxy().pool_max_idle_per_host(0).timeout(PATIENCE).build();
    client.map_err(|error| SetUp::from_cause("make an HTTP client", error))
}

/// Whether a value of `Content-Type` names this media type, in whatever case, and with whatever parameters.
pub fn is_media_type(value: &str, media_type: &str) -> bool {
    value.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(media_type)
}

/// Whether a value of `Retry-After` is one: seconds, or an HTTP date.
pub fn is_retry_after(value: &str) -> bool {
    let is_date = |text: &str| OffsetDateTime::parse(text, &Rfc2822).is_ok();
    // RFC 2822 writes the same date, with another name for the zone.
    value.parse::<u64>().is_ok()
        || value.strip_suffix("GMT").is_some_and(|date| is_date(&format!("{date}+0000")))
}

#[cfg(test)]
mod tests {
    use super::is_retry_after;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        for value in ["0", "1", "120", "Tue, 24 Nov 2026 08:00:00 GMT"] {
            assert!(is_retry_after(value), "{value}");
        }
        for value in ["", "soon", "-1", "1.5", "1 s", "2026-11-24T08:00:00Z", "GMT"] {
            assert!(!is_retry_after(value), "{value}");
        }
    }
}
