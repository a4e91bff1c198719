//! A bed with services of its own, for what is measured as checks are and is no check of a lab: an experiment, a comparison.

use std::path::PathBuf;
use std::sync::Arc;

use super::Bed;
use crate::images::Service;
use crate::progress::Progress;
use crate::services::Services;
use crate::verdict::Stop;

impl Bed {
    /// Starts the services that `needs` names, makes a bed on them for `body`, and takes all of it apart afterwards. Its subject is the
    /// executable `binary`; `name` is what progress and figures call it.
    ///
    /// # Errors
    /// Those of `body`, and faults of the set-up.
    pub async fn with_own_services<T>(
        name: &str,
        binary: PathBuf,
        needs: &[Service],
        progress: Progress,
        body: impl AsyncFnOnce(Bed) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        if !needs.is_empty() {
            let needed: Vec<&str> = needs.iter().map(|service| service.name()).collect();
            progress.show(&format!("{name}: starting {} in containers", needed.join(" and ")));
        }
        let services = Arc::new(Services::start(needs).await?);
        let bed = Bed::make(name, binary, services.clone(), progress).await?;
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
