//! What a lab has agreed that the labs before it left open or did otherwise.

use std::time::{Duration, Instant};

use testbed::prelude::*;
use testbed::wait;
use uuid::Uuid;

use super::{AsAgreed as _, Posting};

/// What holds now, for a check that several labs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// How a good post is answered.
    pub posting: Posting,
    /// How old page 1 may be when nothing else goes on. The other pages are never old.
    pub first_page_age: Duration,
    /// Whether a proxy stands before several instances: each of them has a page 1 of its own, and the proxy names every post by a key.
    pub proxied: bool,
}

impl Agreement {
    /// Lab 01: a post is answered when it is stored.
    pub const DIRECT: Agreement =
        Agreement { posting: Posting::Stored, first_page_age: Duration::ZERO, proxied: false };
    /// Lab 02: a post is answered when it is safe in the queue.
    pub const QUEUED: Agreement = Agreement { posting: Posting::Queued, ..Agreement::DIRECT };
    /// Lab 03: page 1 is read once a second. The second more is the host's.
    pub const FIRST_PAGE_CACHED: Agreement =
        Agreement { first_page_age: Duration::from_secs(2), ..Agreement::QUEUED };
    /// Lab 04: a proxy sends who asks to any of its instances.
    pub const PROXIED: Agreement = Agreement { proxied: true, ..Agreement::FIRST_PAGE_CACHED };

    /// Waits until page 1 lists what `shows` looks for in its ids, where it may be old; of several instances, each. Where it may not,
    /// whoever asks sees by himself.
    pub async fn first_page_shows(
        &self,
        service: &impl Endpoint,
        shows: impl Fn(&[Uuid]) -> bool,
    ) -> Result<(), Stop> {
        if self.first_page_age.is_zero() {
            return Ok(());
        }
        let asked = Instant::now();
        let mut last = None;
        let shown = wait::try_until(self.first_page_age, async || {
            let answer = service.get("/posts").send().await?;
            let listed = answer.ids()?;
            last = Some(answer);
            Ok::<_, Stop>(shows(&listed).then_some(()))
        });
        let shown = shown.await?.is_some();
        promise(format!(
            "what is committed is on page 1 within {} s: REFRESH_MS, and a second for the host",
            self.first_page_age.as_secs()
        ))
        .observed(last.as_ref())
        .likely(
            true,
            "page 1 is not read anew, or more seldom than agreed",
            "refresh it every REFRESH_MS, whatever a refresh comes to",
        )
        .kept_if(shown)?;
        if self.proxied {
            // Who has shown it is one of them; the others have the same time for it.
            wait::until(self.first_page_age.saturating_sub(asked.elapsed()), async || None::<()>).await;
        }
        Ok(())
    }
}
