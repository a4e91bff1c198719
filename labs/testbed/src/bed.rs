//! What one check is handed: its own database and virtual host, the services, subjects, load, the ledger.

mod gets;
mod own;
mod posts;
mod settings;
mod stored;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

pub use gets::Gets;
pub use posts::{Posts, PostsOutcome, PostsRun, Requests};
pub use settings::ServiceSettings;
pub use stored::{Drain, StoredWatch};

use crate::ledger::{Ledger, Row};
use crate::progress::Progress;
use crate::report::Timeline;
use crate::run::RunId;
use crate::services::{Database, Postgres, RabbitMq, Services, VirtualHost};
use crate::setup::SetUp;
use crate::subject::{Stderr, Subject};
use crate::verdict::Stop;

/// What the content of a post begins with that a check sends by hand beside a load.
pub const BY_HAND: &str = "by hand";

/// One check's bed. All that it made is gone when the check is over, however it ends.
#[derive(Clone)]
pub struct Bed {
    shared: Arc<Shared>,
}

struct Shared {
    check: String,
    binary: PathBuf,
    services: Arc<Services>,
    database: Option<Database>,
    broker: Option<VirtualHost>,
    stderr: Stderr,
    timelines: Mutex<Vec<Timeline>>,
    /// The names of the load runs, by which the ledger tells one's rows from another's.
    runs: Mutex<Vec<String>>,
    progress: Progress,
}

impl Bed {
    pub(crate) async fn make(
        check: &str,
        binary: PathBuf,
        services: Arc<Services>,
        progress: Progress,
    ) -> Result<Bed, SetUp> {
        let database = match &services.postgres {
            Some(postgres) => Some(postgres.fresh_database().await?),
            None => None,
        };
        let broker = match &services.rabbitmq {
            Some(rabbitmq) => Some(rabbitmq.fresh_host().await?),
            None => None,
        };
        let (timelines, runs) = (Mutex::default(), Mutex::default());
        let (check, stderr) = (check.to_owned(), Stderr::default());
        let shared = Shared { check, binary, services, database, broker, stderr, timelines, runs, progress };
        Ok(Bed { shared: Arc::new(shared) })
    }

    /// Starts the subject with the settings of the contract's defaults.
    pub async fn start(&self) -> Result<Subject, Stop> {
        self.service().start().await
    }

    /// The subject, to be given other settings before it starts.
    pub fn service(&self) -> ServiceSettings {
        ServiceSettings::new(self)
    }

    /// The check's own database.
    ///
    /// # Panics
    /// When the lab did not ask for PostgreSQL.
    pub fn database(&self) -> &Database {
        self.shared.database.as_ref().expect("the lab asks for PostgreSQL in its `needs`")
    }

    /// The server of the check's database, and the faults that can befall it.
    ///
    /// # Panics
    /// When the lab did not ask for PostgreSQL.
    pub fn postgres(&self) -> &Postgres {
        self.shared.services.postgres.as_ref().expect("the lab asks for PostgreSQL in its `needs`")
    }

    /// The check's own virtual host.
    ///
    /// # Panics
    /// When the lab did not ask for RabbitMQ.
    pub fn broker(&self) -> &VirtualHost {
        self.shared.broker.as_ref().expect("the lab asks for RabbitMQ in its `needs`")
    }

    /// The broker of the check's virtual host, and the faults that can befall it.
    ///
    /// # Panics
    /// When the lab did not ask for RabbitMQ.
    pub fn rabbitmq(&self) -> &RabbitMq {
        self.shared.services.rabbitmq.as_ref().expect("the lab asks for RabbitMQ in its `needs`")
    }

    /// A folder for files of the check's subjects. It goes with the run.
    pub fn folder(&self) -> Result<PathBuf, SetUp> {
        let folder = RunId::current().folder().join(&self.shared.check);
        let fault = |error| SetUp::from_cause(format!("make the folder `{}`", folder.display()), error);
        // What an earlier try of the same check left there is not this one's.
        match std::fs::remove_dir_all(&folder) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(fault(error)),
            _ => std::fs::create_dir_all(&folder).map_err(fault)?,
        }
        Ok(folder)
    }

    /// Says what goes on now.
    pub fn says(&self, text: impl std::fmt::Display) {
        self.voice()(text.to_string());
    }

    /// A way to say what goes on that keeps nothing of the bed alive.
    fn voice(&self) -> impl Fn(String) + Send + 'static {
        let (progress, check) = (self.shared.progress, self.shared.check.clone());
        move |text| progress.show(&format!("{check}: {text}"))
    }

    /// Compares a load run with the table, once no insert is under way any more.
    pub async fn ledger(&self, run: &PostsOutcome) -> Result<Ledger, Stop> {
        self.says("counting what is stored");
        self.quiet().await?;
        let rows = sqlx::query_as("SELECT id, content FROM post").fetch_all(self.database().pool()).await?;
        let rows = rows.into_iter().map(|(id, content)| Row { id, content });
        let others = self.lock(&self.shared.runs);
        let others: Vec<&str> =
            others.iter().map(String::as_str).filter(|other| *other != run.run()).collect();
        let of_others = |row: &Row| {
            row.content.starts_with(BY_HAND)
                || posts::origin(&row.content).is_some_and(|(run, _)| others.contains(&run))
        };
        let rows: Vec<Row> = rows.filter(|row| !of_others(row)).collect();
        let number = |content: &str| {
            posts::origin(content).filter(|(made_by, _)| *made_by == run.run()).map(|(_, n)| n)
        };
        Ok(Ledger::reckon(run.samples(), &rows, number))
    }

    /// Waits until no connection of the subject is in a statement: a killed service's inserts end in the server's own time.
    async fn quiet(&self) -> Result<(), Stop> {
        let watch = self.postgres().watch(self.database()).await?;
        let longest = Duration::from_secs(20);
        if watch.settles(longest, |seen| seen.busy == 0).await.is_some() {
            return Ok(());
        }
        let cause =
            format!("{} connections still at work after {} s", watch.latest().busy, longest.as_secs());
        Err(Stop::Inconclusive(format!("the table was never at rest, so it could not be counted: {cause}")))
    }

    fn new_run(&self) -> String {
        let mut runs = self.lock(&self.shared.runs);
        let run = format!("{:04x}{}", std::process::id() & 0xffff, runs.len());
        runs.push(run.clone());
        run
    }

    fn add_timeline(&self, timeline: Timeline) {
        self.lock(&self.shared.timelines).push(timeline);
    }

    pub(crate) fn take_timelines(&self) -> Vec<Timeline> {
        std::mem::take(&mut self.lock(&self.shared.timelines))
    }

    fn lock<'a, T>(&self, part: &'a Mutex<T>) -> MutexGuard<'a, T> {
        part.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn stderr(&self) -> &Stderr {
        &self.shared.stderr
    }

    /// Ends what befell the services. A service that has fallen ill by itself makes the check inconclusive: the subject is not to
    /// blame for it.
    pub(crate) async fn heal(&self) -> Result<(), Stop> {
        let Shared { services, broker, .. } = &*self.shared;
        services.heal().await?;
        let (Some(rabbitmq), Some(host)) = (&services.rabbitmq, broker) else { return Ok(()) };
        let ill = |fault: SetUp| format!("RabbitMQ itself can keep no queue any more: {}", fault.cause);
        rabbitmq.still_keeps_queues(host).await.map_err(|fault| Stop::Inconclusive(ill(fault)))
    }

    /// Takes the bed apart. Called when the check has ended and dropped what it held, and the services are healed.
    pub(crate) async fn clear(self) -> Result<(), SetUp> {
        let Ok(Shared { services, database, broker, .. }) = Arc::try_unwrap(self.shared) else {
            return Ok(());
        };
        if let (Some(database), Some(postgres)) = (database, &services.postgres) {
            postgres.drop_database(database).await?;
        }
        match (broker, &services.rabbitmq) {
            (Some(broker), Some(rabbitmq)) => rabbitmq.drop_host(broker).await,
            _ => Ok(()),
        }
    }
}
