//! The server under an experiment, and the load on it: a check's own, with a client that outwaits whatever is set up.

use std::time::Duration;

use testbed::bed::{Bed, Finished, ServiceSettings};
use testbed::load::Schedule;
use testbed::subject::Subject;
use testbed::verdict::Stop;

/// How long a client waits for an answer. Longer than any wait that an experiment sets up.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a load on an experiment's server came to.
pub type Ran = Finished;

/// The server, to be given settings before it starts. It logs errors only: a line for each request would cost what is measured.
pub fn server(bed: &Bed) -> ServiceSettings {
    bed.service().set("RUST_LOG", "error")
}

/// `GET path` at the moments of `schedule`, to its end.
///
/// # Errors
/// A load that this host could not carry says nothing.
pub async fn gets(
    bed: &Bed,
    label: &str,
    server: &Subject,
    path: &str,
    schedule: Schedule,
) -> Result<Ran, Stop> {
    bed.gets(server, path, schedule).label(label).patience(PATIENCE).start().finish().await
}
