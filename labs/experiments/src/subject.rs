//! The server under an experiment, and the load on it: a check's own, with a client that outwaits whatever is set up.

use std::path::Path;
use std::time::Duration;

use testbed::bed::{Bed, Finished, ServiceSettings};
use testbed::load::Schedule;
use testbed::subject::{Launch, Subject};
use testbed::verdict::Stop;

/// How long a client waits for an answer. Longer than any wait that an experiment sets up.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// What a load on an experiment's server came to.
pub type Ran = Finished;

/// The server, to be given settings before it starts. It logs errors only: a line for each request would cost what is measured.
pub fn server(bed: &Bed) -> ServiceSettings {
    bed.service().set("RUST_LOG", "error")
}

/// Another program than the bed's own, on the bed's database and virtual host; it logs errors only, too. `settings` are those of
/// the contract.
///
/// # Errors
/// As when the bed's own starts.
pub async fn start_another(
    bed: &Bed,
    name: &str,
    binary: &Path,
    settings: &[(&str, String)],
) -> Result<Subject, Stop> {
    let told: Vec<String> = settings.iter().map(|(name, value)| format!("{name}={value}")).collect();
    bed.says(format!("starting {name} with {}", told.join(" ")));
    let of_the_bed = [
        ("RUST_LOG", "error".to_owned()),
        ("DATABASE_URL", bed.database().url(None)),
        ("AMQP_URL", bed.broker().url(None)),
    ];
    let environment = of_the_bed.iter().chain(settings);
    let environment = environment.map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    let launch = Launch { binary: binary.to_owned(), arguments: Vec::new(), environment, nofile: None };
    Subject::start(launch, bed.voices().of(name)).await
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
