//! Waiting until a service in a container answers.

use std::time::{Duration, Instant};

use super::Container;
use crate::setup::SetUp;
use crate::wait;

/// How long a service may take from its container's start to its first answer. Ten times what a slow laptop needs.
const LONGEST: Duration = Duration::from_secs(120);

/// Asks until the service answers.
///
/// # Errors
/// Its container ended, or no answer came in time; with the service's last words.
pub(super) async fn answers<F>(container: &Container, mut ask: F) -> Result<(), SetUp>
where
    F: AsyncFnMut() -> Result<(), SetUp>,
{
    let started = Instant::now();
    let mut last = String::from("no try was made");
    let ready = wait::until(LONGEST, async || {
        last = match ask().await {
            Ok(()) => return Some(Ok(())),
            Err(fault) => fault.cause,
        };
        // A server that has ended will not answer any more.
        match container.state().await {
            Ok(state) if state == "exited" => Some(Err("its container ended".to_owned())),
            Ok(_) => None,
            Err(fault) => Some(Err(fault.cause)),
        }
    });
    let why = match ready.await {
        Some(Ok(())) => return Ok(()),
        Some(Err(why)) => why,
        None => last,
    };
    let (service, words) = (container.service(), container.last_words().await);
    let waited = started.elapsed().as_secs_f64();
    let what = format!("reach {} in its container", service.name());
    let cause = format!("no answer within {waited:.0} s: {why}; its last words: {words}");
    if words.to_lowercase().contains("no space left") {
        return Err(SetUp::from_cause(what, cause));
    }
    let variable = service.variable();
    let mend =
        format!("look at its last words; {variable} names another image, `cargo lab images` builds one");
    Err(SetUp::new(what, cause, mend))
}
