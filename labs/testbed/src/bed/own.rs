//! A bed with services of its own, for what is measured as checks are and is no check of a lab: an experiment, a comparison.

use std::sync::Arc;

use super::Bed;
use crate::images::Service;
use crate::progress::{Progress, Voice};
use crate::services::Services;
use crate::submission::Submission;
use crate::verdict::Stop;

impl Bed {
    /// Starts the services that `needs` names, makes a bed on them for `body`, and takes all of it apart afterwards. What is judged
    /// is `submission`; `name` is what progress and figures call it.
    ///
    /// # Errors
    /// Those of `body`, and faults of the set-up.
    pub async fn with_own_services<T>(
        name: &str,
        submission: Submission,
        needs: &[Service],
        progress: Progress,
        body: impl AsyncFnOnce(Bed) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        if !needs.is_empty() {
            let needed: Vec<&str> = needs.iter().map(|service| service.name()).collect();
            progress.show(&format!("{name}: starting {} in containers", needed.join(" and ")));
        }
        let services = Arc::new(Services::start(needs).await?);
        let called = name.to_owned();
        let voice = Voice::to(move |text| progress.show(&format!("{called}: {text}")));
        let bed = Bed::make(name, submission, services.clone(), voice).await?;
        let ended = body(bed.clone()).await;
        // Where `body` failed, a service may still be away: then what is on it goes with the container.
        if ended.is_ok() {
            bed.clear().await?;
        }
        if let Some(services) = Arc::into_inner(services) {
            services.stop().await?;
        }
        ended
    }
}
