//! What a lab has agreed that the labs before it left open or did otherwise.

use std::time::Duration;

use testbed::prelude::*;
use testbed::wait;
use uuid::Uuid;

use super::Posting;

/// What holds now, for a check that several labs share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agreement {
    /// How a good post is answered.
    pub posting: Posting,
    /// How old page 1 may be when nothing else goes on. The other pages are never old.
    pub first_page_age: Duration,
}

impl Agreement {
    /// Lab 01: a post is answered when it is stored.
    pub const DIRECT: Agreement = Agreement { posting: Posting::Stored, first_page_age: Duration::ZERO };
    /// Lab 02: a post is answered when it is safe in the queue.
    pub const QUEUED: Agreement = Agreement { posting: Posting::Queued, ..Agreement::DIRECT };
    /// Lab 03: page 1 is read once a second. The second more is the host's.
    pub const FIRST_PAGE_CACHED: Agreement =
        Agreement { first_page_age: Duration::from_secs(2), ..Agreement::QUEUED };

    /// Waits until page 1 lists what `shows` looks for in its ids, where it may be old. Where it may not, whoever asks sees by
    /// himself.
    pub async fn first_page_shows(
        &self,
        service: &impl Endpoint,
        shows: impl Fn(&[Uuid]) -> bool,
    ) -> Result<(), Stop> {
        if self.first_page_age.is_zero() {
            return Ok(());
        }
        let mut last = None;
        let shown = wait::try_until(self.first_page_age, async || {
            let answer = service.get("/posts").send().await?;
            let list = answer.json()?;
            let listed = list.as_array().into_iter().flatten();
            let listed: Vec<Uuid> = listed.filter_map(|post| post["id"].as_str()?.parse().ok()).collect();
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
        Ok(())
    }
}
