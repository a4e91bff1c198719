//! Waiting for a condition, with a deadline. Nothing in a check waits for time itself.

use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};

/// How often a condition is looked at. Short beside every deadline, long beside one look.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Looks at `condition` until it gives a value, or `None` when `deadline` has passed first.
///
/// The condition is looked at once more after the deadline, so that a slow look is not taken for a no.
pub async fn until<T, F>(deadline: Duration, mut condition: F) -> Option<T>
where
    F: AsyncFnMut() -> Option<T>,
{
    let end = Instant::now() + deadline;
    let mut ticks = interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let last = Instant::now() >= end;
        if let Some(value) = condition().await {
            return Some(value);
        }
        if last {
            return None;
        }
        ticks.tick().await;
    }
}

/// As [`until`], for a look that can fail: the first error ends the wait.
///
/// # Errors
/// The look's own.
pub async fn try_until<T, E, F>(deadline: Duration, mut condition: F) -> Result<Option<T>, E>
where
    F: AsyncFnMut() -> Result<Option<T>, E>,
{
    until(deadline, async || condition().await.transpose()).await.transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn gives_the_value_or_none_after_the_deadline() {
        let mut looks = 0;
        let found = until(Duration::from_secs(5), async || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(found.await, Some(3));

        let started = Instant::now();
        assert_eq!(until(Duration::from_millis(60), async || None::<()>).await, None);
        assert!(started.elapsed() >= Duration::from_millis(60));
    }

    #[tokio::test]
    async fn the_first_error_ends_the_wait() {
        let mut looks = 0;
        let ended = try_until(Duration::from_secs(5), async || {
            looks += 1;
            if looks < 3 { Ok(None::<()>) } else { Err(looks) }
        });
        assert_eq!(ended.await, Err(3));
        let found = try_until(Duration::from_secs(5), async || Ok::<_, ()>(Some(7)));
        assert_eq!(found.await, Ok(Some(7)));
        assert_eq!(try_until(Duration::from_millis(1), async || Ok::<_, ()>(None::<()>)).await, Ok(None));
    }
}
