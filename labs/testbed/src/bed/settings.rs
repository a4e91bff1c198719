//! A process's settings before its start.

use std::net::SocketAddr;
use std::path::Path;
use std::time::Duration;

use super::Bed;
use crate::subject::{Ended, Launch, Subject};
use crate::verdict::Stop;

/// A process's settings before its start.
#[must_use]
pub struct ServiceSettings {
    name: String,
    launch: Launch,
    bed: Bed,
}

impl ServiceSettings {
    /// No settings but the addresses of the bed's own database and virtual host: `DATABASE_URL`, `AMQP_URL`.
    pub(super) fn new(bed: &Bed) -> ServiceSettings {
        let mut launch = Launch {
            binary: bed.submission().binary.clone(),
            arguments: Vec::new(),
            environment: [("RUST_LOG".to_owned(), "info".to_owned())].into(),
            nofile: None,
        };
        if let Some(database) = &bed.shared.database {
            launch.environment.insert("DATABASE_URL".into(), database.url(None));
        }
        if let Some(broker) = &bed.shared.broker {
            launch.environment.insert("AMQP_URL".into(), broker.url(None));
        }
        ServiceSettings { name: "service".to_owned(), launch, bed: bed.clone() }
    }

    /// What the report calls the process: `service` unless said.
    pub fn named(mut self, name: &str) -> Self {
        self.name = name.to_owned();
        self
    }

    /// Another program than the one that is judged, on the same database and virtual host.
    pub fn program(mut self, binary: &Path) -> Self {
        self.launch.binary = binary.to_owned();
        self
    }

    /// The database is reached over this address, a link's, say.
    pub fn database_via(self, addr: SocketAddr) -> Self {
        let url = self.bed.database().url(Some(addr));
        self.set("DATABASE_URL", url)
    }

    /// The broker is reached over this address, a link's, say.
    pub fn broker_via(self, addr: SocketAddr) -> Self {
        let url = self.bed.broker().url(Some(addr));
        self.set("AMQP_URL", url)
    }

    /// Soft and hard limit of open descriptors.
    pub fn nofile(mut self, soft: u64, hard: u64) -> Self {
        self.launch.nofile = Some((soft, hard));
        self
    }

    /// Any other setting.
    pub fn set(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        self.launch.environment.insert(name.to_owned(), value.to_string());
        self
    }

    /// Starts the subject and waits until it is ready.
    pub async fn start(self) -> Result<Subject, Stop> {
        self.tell();
        Subject::start(self.launch, self.bed.voices().of(&self.name)).await
    }

    /// Starts the subject and returns at once, for whoever wants to see how it becomes ready.
    pub fn begin(self) -> Result<Subject, Stop> {
        self.tell();
        Subject::begin(self.launch, self.bed.voices().of(&self.name))
    }

    fn tell(&self) {
        let told = |name: &str| !name.ends_with("_URL") && name != "RUST_LOG";
        let told = self.launch.environment.iter().filter(|(name, _)| told(name));
        let told: Vec<String> = told.map(|(name, value)| format!(" {name}={value}")).collect();
        let with = if told.is_empty() { "" } else { " with" };
        self.bed.says(format!("starting the {}{with}{}", self.name, told.concat()));
    }

    /// Starts the subject with an argument that makes it do one thing and end, and waits for its end.
    pub async fn run_to_end(mut self, argument: &str, longest: Duration) -> Result<Ended, Stop> {
        self.bed.says(format!("running the {} with `{argument}`", self.name));
        self.launch.arguments.push(argument.to_owned());
        Subject::run_to_end(self.launch, self.bed.voices().of(&self.name), longest).await
    }
}
