//! A subject's settings before its start.

use std::net::SocketAddr;
use std::time::Duration;

use super::Bed;
use crate::subject::{Ended, Launch, Subject};
use crate::verdict::Stop;

/// A subject's settings before its start, by the names of the contract.
#[must_use]
pub struct ServiceSettings {
    launch: Launch,
    bed: Bed,
}

impl ServiceSettings {
    /// The contract's defaults, with the check's own database and virtual host.
    pub(super) fn new(bed: &Bed) -> ServiceSettings {
        let mut launch = Launch {
            binary: bed.shared.binary.clone(),
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
        ServiceSettings { launch, bed: bed.clone() }
    }

    /// `DATABASE_MAX_CONNECTIONS`.
    pub fn pool(self, connections: usize) -> Self {
        self.set("DATABASE_MAX_CONNECTIONS", connections)
    }

    /// `REQUEST_TIMEOUT_MS`.
    pub fn deadline(self, deadline: Duration) -> Self {
        self.set("REQUEST_TIMEOUT_MS", deadline.as_millis())
    }

    /// `ROLE`: `api`, `consumer` or `all`.
    pub fn role(self, role: &str) -> Self {
        self.set("ROLE", role)
    }

    /// `PREFETCH`.
    pub fn prefetch(self, messages: usize) -> Self {
        self.set("PREFETCH", messages)
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
        let told = |name: &str| !name.ends_with("_URL") && name != "RUST_LOG";
        let told = self.launch.environment.iter().filter(|(name, _)| told(name));
        let told: Vec<String> = told.map(|(name, value)| format!(" {name}={value}")).collect();
        let with = if told.is_empty() { "" } else { " with" };
        self.bed.says(format!("starting the service{with}{}", told.concat()));
        Subject::start(self.launch, self.bed.stderr().clone()).await
    }

    /// Starts the subject with an argument that makes it do one thing and end, and waits for its end.
    pub async fn run_to_end(mut self, argument: &str, longest: Duration) -> Result<Ended, Stop> {
        self.bed.says(format!("running the service with `{argument}`"));
        self.launch.arguments.push(argument.to_owned());
        Subject::run_to_end(self.launch, self.bed.stderr().clone(), longest).await
    }
}
