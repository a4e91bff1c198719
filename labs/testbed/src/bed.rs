//! What one experiment is handed: its own database and virtual host, the services, processes, load.

mod own;
mod requests;
mod settings;
mod stacks;
mod voices;

use std::fmt::Display;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::OptionFuture;

pub use requests::{Finished, Requests, UnderWay};
pub use settings::ServiceSettings;
pub use voices::Voices;

use crate::progress::Voice;
use crate::report::Timeline;
use crate::run::RunId;
use crate::services::{Database, Postgres, RabbitMq, Services, VirtualHost};
use crate::setup::SetUp;
use crate::subject::{Subject, Told};
use crate::submission::Submission;
use crate::verdict::Stop;

/// The bed of one experiment, be it a check of a lab, a run for the book or a measurement. All that it made is gone when it is
/// cleared, however the experiment ended.
#[derive(Clone)]
pub struct Bed {
    shared: Arc<Shared>,
}

struct Shared {
    name: String,
    submission: Submission,
    services: Arc<Services>,
    database: Option<Database>,
    broker: Option<VirtualHost>,
    voices: Voices,
    timelines: Mutex<Vec<Timeline>>,
    /// The names of the load runs, by which a ledger tells one's rows from another's.
    runs: Mutex<Vec<String>>,
    voice: Voice,
}

impl Bed {
    /// Makes a bed with a fresh database and a fresh virtual host, where the services have them. `voice` hears what goes on.
    pub async fn make(
        name: &str,
        submission: Submission,
        services: Arc<Services>,
        voice: Voice,
    ) -> Result<Bed, SetUp> {
        let fresh_database = OptionFuture::from(services.postgres.as_ref().map(Postgres::fresh_database));
        let fresh_host = OptionFuture::from(services.rabbitmq.as_ref().map(RabbitMq::fresh_host));
        let (database, broker) = tokio::join!(fresh_database, fresh_host);
        let (database, broker) = (database.transpose()?, broker.transpose()?);
        let (timelines, runs) = (Mutex::default(), Mutex::default());
        let (name, voices) = (name.to_owned(), Voices::default());
        let shared = Shared { name, submission, services, database, broker, voices, timelines, runs, voice };
        Ok(Bed { shared: Arc::new(shared) })
    }

    /// Starts the service with the settings of its contract's defaults.
    pub async fn start(&self) -> Result<Subject, Stop> {
        self.service().start().await
    }

    /// The service, to be given other settings before it starts.
    pub fn service(&self) -> ServiceSettings {
        ServiceSettings::new(self)
    }

    /// The name of the experiment.
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// What is judged.
    pub fn submission(&self) -> &Submission {
        &self.shared.submission
    }

    /// The experiment's own database.
    ///
    /// # Panics
    /// When PostgreSQL was not asked for.
    pub fn database(&self) -> &Database {
        self.shared.database.as_ref().expect("PostgreSQL is among what is needed")
    }

    /// The server of the database, and the faults that can befall it.
    ///
    /// # Panics
    /// When PostgreSQL was not asked for.
    pub fn postgres(&self) -> &Postgres {
        self.shared.services.postgres.as_ref().expect("PostgreSQL is among what is needed")
    }

    /// The experiment's own virtual host.
    ///
    /// # Panics
    /// When RabbitMQ was not asked for.
    pub fn broker(&self) -> &VirtualHost {
        self.shared.broker.as_ref().expect("RabbitMQ is among what is needed")
    }

    /// The broker of the virtual host, and the faults that can befall it.
    ///
    /// # Panics
    /// When RabbitMQ was not asked for.
    pub fn rabbitmq(&self) -> &RabbitMq {
        self.shared.services.rabbitmq.as_ref().expect("RabbitMQ is among what is needed")
    }

    /// A folder for files of the experiment's processes. It goes with the run.
    pub fn folder(&self) -> Result<PathBuf, SetUp> {
        let folder = RunId::current().folder().join(self.name());
        let fault = |error| SetUp::from_cause(format!("make the folder `{}`", folder.display()), error);
        // What an earlier try of the same check left there is not this one's.
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fault(error)),
            _ => std::fs::create_dir_all(&folder).map_err(fault)?,
        }
        Ok(folder)
    }

    /// Says what goes on now.
    pub fn says(&self, text: impl Display) {
        self.shared.voice.says(&text.to_string());
    }

    /// A way to say what goes on that keeps nothing of the bed alive.
    fn voice(&self) -> Voice {
        self.shared.voice.clone()
    }

    /// Runs the submission as a tool, with these arguments and no settings.
    ///
    /// # Errors
    /// The file cannot be run.
    pub async fn tool(&self, arguments: &[&str]) -> Result<Told, SetUp> {
        self.says(format!("running it with `{}`", arguments.join(" ")));
        let stderr = self.voices().of("tool");
        Told::by(&self.submission().binary, arguments, &stderr).await
    }

    /// What the processes of this bed say on stderr.
    pub fn voices(&self) -> &Voices {
        &self.shared.voices
    }

    fn new_run(&self) -> String {
        let mut runs = lock(&self.shared.runs);
        let run = format!("{:04x}{}", std::process::id() & 0xffff, runs.len());
        runs.push(run.clone());
        run
    }

    /// The names of the load runs until now.
    pub fn runs(&self) -> Vec<String> {
        lock(&self.shared.runs).clone()
    }

    fn add_timeline(&self, timeline: Timeline) {
        lock(&self.shared.timelines).push(timeline);
    }

    /// Changes the figure of the run with this label, to add to it what became of its requests later.
    pub fn retell(&self, label: &str, change: impl FnOnce(&mut Timeline)) {
        let mut timelines = lock(&self.shared.timelines);
        if let Some(timeline) = timelines.iter_mut().find(|timeline| timeline.label == label) {
            change(timeline);
        }
    }

    /// The load runs until now, second by second; they are told once.
    pub fn take_timelines(&self) -> Vec<Timeline> {
        std::mem::take(&mut lock(&self.shared.timelines))
    }

    /// Ends what befell the services. A service that has fallen ill by itself makes the experiment inconclusive: the subject is
    /// not to blame for it.
    pub async fn heal(&self) -> Result<(), Stop> {
        let Shared { services, broker, .. } = &*self.shared;
        services.heal().await?;
        let (Some(rabbitmq), Some(host)) = (&services.rabbitmq, broker) else { return Ok(()) };
        let ill = |fault: SetUp| format!("RabbitMQ itself can keep no queue any more: {}", fault.cause);
        rabbitmq.still_keeps_queues(host).await.map_err(|fault| Stop::Inconclusive(ill(fault)))
    }

    /// Takes the bed apart. Called when the experiment has ended and dropped what it held, and the services are healed.
    pub async fn clear(self) -> Result<(), SetUp> {
        let Ok(Shared { services, database, broker, .. }) = Arc::try_unwrap(self.shared) else {
            return Ok(());
        };
        let postgres = services.postgres.as_ref().zip(database);
        let database = postgres.map(|(postgres, database)| postgres.drop_database(database));
        let rabbitmq = services.rabbitmq.as_ref().zip(broker);
        let broker = rabbitmq.map(|(rabbitmq, host)| rabbitmq.drop_host(host));
        let (database, broker) = tokio::join!(OptionFuture::from(database), OptionFuture::from(broker));
        database.into_iter().chain(broker).collect()
    }
}

fn lock<T>(part: &Mutex<T>) -> MutexGuard<'_, T> {
    part.lock().unwrap_or_else(PoisonError::into_inner)
}
