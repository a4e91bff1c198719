//! PostgreSQL: one server a run, a fresh database for each check.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection as _, PgConnection};

use super::database::Database;
use super::{Contained, Container, Shape};
use crate::setup::SetUp;
use crate::watch::{Gauge, Peak, Watch};

const USER: &str = "workbook";
/// The role of the subjects: it owns their databases, and is no superuser.
pub(super) const SUBJECT: &str = "subject";
pub(super) const PASSWORD: &str = "workbook";

/// How many connections a database takes: about as many as a server does that nobody has configured.
const MOST: usize = 80;
/// How many the server takes: a subject that opens all that it can leaves the test-bed its own, and those on other lanes theirs.
const MOST_OF_ALL: usize = 500;

/// A PostgreSQL server in a container, with its durable settings as they come.
pub struct Postgres {
    container: Container,
    databases: AtomicUsize,
}

impl Postgres {
    /// The server in a container that was just started.
    pub(super) async fn of(container: Container) -> Result<Postgres, SetUp> {
        let postgres = Postgres { container, databases: AtomicUsize::new(0) };
        postgres.ready().await?;
        // A server that is lent has the role already.
        let role = format!(
            "DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{SUBJECT}') THEN
             CREATE ROLE {SUBJECT} LOGIN PASSWORD '{PASSWORD}'; END IF; END $$"
        );
        postgres.administer(&role).await?;
        Ok(postgres)
    }

    /// A new, empty database that no other check has seen.
    pub async fn fresh_database(&self) -> Result<Database, SetUp> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("check_{}_{number}", std::process::id());
        let own = format!("CREATE DATABASE {name} OWNER {SUBJECT} CONNECTION LIMIT {MOST}");
        self.administer(&own).await?;
        let options = self.options(&name);
        Ok(Database::new(name, options))
    }

    /// Drops a check's database, and with it every connection to it.
    pub async fn drop_database(&self, database: Database) -> Result<(), SetUp> {
        database.pool().close().await;
        self.administer(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.name())).await
    }

    /// Begins to watch how many connections a subject holds to `database`; the test-bed's own do not count.
    ///
    /// The first look has been taken when this returns.
    pub async fn watch(&self, database: &Database) -> Result<Watch<Connections>, SetUp> {
        let mut admin = self.admin().await?;
        let name = database.name().to_owned();
        let fault = |error| SetUp::from_cause("count the connections in PostgreSQL", error);
        let first = Connections::count(&mut admin, &name).await.map_err(fault)?;
        Ok(Watch::start(first, ConnectionGauge { admin, database: name }))
    }

    pub(super) async fn stop(self) -> Result<(), SetUp> {
        self.container.remove().await
    }

    async fn administer(&self, statement: &str) -> Result<(), SetUp> {
        let fault = |error| SetUp::from_cause(format!("run `{statement}` in PostgreSQL"), error);
        let mut admin = self.admin().await?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.map_err(fault)?;
        admin.close().await.map_err(fault)
    }

    async fn admin(&self) -> Result<PgConnection, SetUp> {
        let what = "connect to PostgreSQL";
        let options = self.options("postgres");
        let connecting = PgConnection::connect_with(&options);
        let connected = tokio::time::timeout(Duration::from_secs(10), connecting).await;
        connected
            .map_err(|late| SetUp::from_cause(what, late))?
            .map_err(|error| SetUp::from_cause(what, error))
    }

    fn options(&self, database: &str) -> PgConnectOptions {
        let addr = self.container.addr();
        PgConnectOptions::new()
            .host(&addr.ip().to_string())
            .port(addr.port())
            .username(USER)
            .password(PASSWORD)
            .database(database)
            .application_name("testbed")
    }
}

impl Contained for Postgres {
    fn container(&self) -> &Container {
        &self.container
    }

    async fn ask(&self) -> Result<(), SetUp> {
        let connection = self.admin().await?;
        // Whether the goodbye arrives does not matter: the server answered.
        let _ = connection.close().await;
        Ok(())
    }
}

/// How many connections a subject holds to its database.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Connections {
    /// All of them.
    pub open: usize,
    /// Those in a statement or a transaction.
    pub busy: usize,
}

impl Connections {
    async fn count(admin: &mut PgConnection, database: &str) -> Result<Connections, sqlx::Error> {
        let query = "SELECT count(*), count(*) FILTER (WHERE state <> 'idle') FROM pg_stat_activity
             WHERE datname = $1 AND application_name <> 'testbed' AND backend_type = 'client backend'";
        let (open, busy): (i64, i64) = sqlx::query_as(query).bind(database).fetch_one(admin).await?;
        let count = |rows| usize::try_from(rows).unwrap_or(0);
        Ok(Connections { open: count(open), busy: count(busy) })
    }
}

/// Looks at `pg_stat_activity` over a connection of its own.
struct ConnectionGauge {
    admin: PgConnection,
    database: String,
}

impl Gauge for ConnectionGauge {
    type Value = Connections;

    async fn look(&mut self) -> Option<Connections> {
        Connections::count(&mut self.admin, &self.database).await.ok()
    }
}

impl Peak for Connections {
    fn peak(self, other: Self) -> Self {
        Connections { open: self.open.max(other.open), busy: self.busy.max(other.busy) }
    }
}

/// What every server of ours is: its port, its administrator, room for the connections of many checks.
pub(super) fn shape() -> Shape {
    let environment = [("POSTGRES_USER", USER), ("POSTGRES_PASSWORD", PASSWORD)];
    let environment = environment.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    let command = ["postgres", "-c", &format!("max_connections={MOST_OF_ALL}")].map(str::to_owned);
    Shape { ports: vec![5432], environment, command: command.into(), ..Shape::default() }
}
