//! The statements that page 1 costs: how many there may be, how many there are, and the wait for them.

use std::time::{Duration, Instant};

use testbed::wait;

use crate::contract::prelude::*;

use super::first_page::REFRESH;

/// How many statements `instances` may make for page 1 in this time: one an interval and one more; and one for the host.
pub(super) fn allowed(refresh: Duration, lasted: Duration, instances: u64) -> u64 {
    instances * ((lasted.as_secs_f64() / refresh.as_secs_f64()) as u64 + 2)
}

/// How many statements read the table in a window of time, and how long that was.
pub(super) async fn looks_in(bed: &Bed, window: Duration) -> Result<(u64, Duration), Stop> {
    let (before, began) = (bed.database().reads().await?, Instant::now());
    bed.says(format!("counting the looks at the table for {} s", window.as_secs()));
    // Time itself is what is measured here.
    wait::until(window, async || None::<()>).await;
    Ok((bed.database().reads().await? - before, began.elapsed()))
}

/// Waits until the refreshing has looked so often, or would have. One that has ended is found out by what comes after.
pub(super) async fn looks(bed: &Bed, count: u64) -> Result<(), Stop> {
    let before = bed.database().reads().await?;
    let longest = REFRESH * u32::try_from(count + 2).unwrap_or(u32::MAX);
    let looked = wait::try_until(longest, async || {
        Ok::<_, Stop>((bed.database().reads().await? >= before + count).then_some(()))
    });
    looked.await?;
    Ok(())
}
