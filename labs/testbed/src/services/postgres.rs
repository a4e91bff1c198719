//! PostgreSQL: one server a run, a fresh database for each check.

use std::str::FromStr as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{AssertSqlSafe, Connection as _, PgConnection, PgPool};
use testcontainers::ImageExt as _;
use testcontainers::bollard::Docker;
use time::OffsetDateTime;
use uuid::{NoContext, Timestamp, Uuid};

use super::Container;
use crate::images::Service;
use crate::setup::SetUp;
use crate::wait;
use crate::watch::{Gauge, Peak, Watch};

const USER: &str = "workbook";
const PASSWORD: &str = "workbook";

/// How long a server may take from its container's start to its first answer. Ten times what a slow laptop needs.
const READY: Duration = Duration::from_secs(120);

/// A PostgreSQL server in a container, with its durable settings as they come.
pub struct Postgres {
    container: Container,
    databases: AtomicUsize,
}

impl Postgres {
    pub(super) async fn start(engine: &Docker) -> Result<Postgres, SetUp> {
        let container = Container::start(engine, Service::Postgres, 5432, |request| {
            request.with_env_var("POSTGRES_USER", USER).with_env_var("POSTGRES_PASSWORD", PASSWORD)
        });
        let postgres = Postgres { container: container.await?, databases: AtomicUsize::new(0) };
        postgres.ready().await?;
        Ok(postgres)
    }

    /// The container, for its address.
    pub fn container(&self) -> &Container {
        &self.container
    }

    /// A new, empty database that no other check has seen.
    pub async fn fresh_database(&self) -> Result<Database, SetUp> {
        let number = self.databases.fetch_add(1, Ordering::Relaxed);
        let name = format!("check_{}_{number}", std::process::id());
        self.administer(&format!("CREATE DATABASE {name}")).await?;
        let options = self.options(&name);
        let pool = PgPoolOptions::new().max_connections(2).acquire_timeout(Duration::from_secs(20));
        Ok(Database { pool: pool.connect_lazy_with(options.clone()), options, name })
    }

    /// Drops a check's database, and with it every connection to it.
    pub async fn drop_database(&self, database: Database) -> Result<(), SetUp> {
        database.pool.close().await;
        self.administer(&format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", database.name)).await
    }

    /// SIGKILL, as when the machine loses power.
    pub async fn kill(&self) -> Result<(), SetUp> {
        self.container.kill().await
    }

    /// Starts the killed server again and waits until it answers.
    pub async fn start_again(&self) -> Result<(), SetUp> {
        self.container.start_again().await?;
        self.ready().await
    }

    /// Freezes the server: connections stay open, nothing answers.
    pub async fn pause(&self) -> Result<(), SetUp> {
        self.container.pause().await
    }

    /// Thaws the server.
    pub async fn unpause(&self) -> Result<(), SetUp> {
        self.container.unpause().await
    }

    /// Begins to watch how many connections a subject holds to `database`; the test-bed's own do not count.
    ///
    /// The first look has been taken when this returns.
    pub async fn watch(&self, database: &Database) -> Result<Watch<Connections>, SetUp> {
        let mut admin = self.admin().await?;
        let name = database.name.clone();
        let fault = |error| SetUp::from_cause("count the connections in PostgreSQL", error);
        let first = Connections::count(&mut admin, &name).await.map_err(fault)?;
        Ok(Watch::start(first, ConnectionGauge { admin, database: name }))
    }

    pub(super) async fn heal(&self) -> Result<(), SetUp> {
        match self.container.state().await?.as_str() {
            "running" => {}
            "paused" => self.container.unpause().await?,
            _ => self.container.start_again().await?,
        }
        self.ready().await
    }

    pub(super) async fn stop(self) -> Result<(), SetUp> {
        self.container.remove().await
    }

    async fn ready(&self) -> Result<(), SetUp> {
        let mut last = String::from("no try was made");
        let started = Instant::now();
        let ready = wait::until(READY, async || match self.admin().await {
            Ok(connection) => {
                // Whether the goodbye arrives does not matter: the server answered.
                let _ = connection.close().await;
                Some(Ok(()))
            }
            Err(fault) => {
                last = fault.cause;
                // A server that has ended will not answer any more.
                match self.container.state().await {
                    Ok(state) if state == "exited" => Some(Err("its container ended".to_owned())),
                    Ok(_) => None,
                    Err(fault) => Some(Err(fault.cause)),
                }
            }
        });
        let why = match ready.await {
            Some(Ok(())) => return Ok(()),
            Some(Err(why)) => why,
            None => last,
        };
        let words = self.container.last_words().await;
        let cause = format!(
            "no answer within {:.0} s: {why}; its last words: {words}",
            started.elapsed().as_secs_f64()
        );
        let what = "reach PostgreSQL in its container";
        if words.to_lowercase().contains("no space left") {
            return Err(SetUp::from_cause(what, cause));
        }
        let mend = format!(
            "look at its last words; {} names another image, `cargo lab images` builds one",
            Service::Postgres.variable()
        );
        Err(SetUp::new(what, cause, mend))
    }

    async fn administer(&self, statement: &str) -> Result<(), SetUp> {
        let fault = |error| SetUp::from_cause(format!("run `{statement}` in PostgreSQL"), error);
        let mut admin = self.admin().await?;
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&mut admin).await.map_err(fault)?;
        admin.close().await.map_err(fault)
    }

    async fn admin(&self) -> Result<PgConnection, SetUp> {
        let fault = |error: &dyn std::fmt::Display| SetUp::from_cause("connect to PostgreSQL", error);
        let options = self.options("postgres");
        let connecting = PgConnection::connect_with(&options);
        let connected = tokio::time::timeout(Duration::from_secs(10), connecting).await;
        connected.map_err(|late| fault(&late))?.map_err(|error| fault(&error))
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

/// One check's database.
pub struct Database {
    pool: PgPool,
    options: PgConnectOptions,
    name: String,
}

impl Database {
    /// The test-bed's own way in, to plant and to look. Its connections carry the application name `testbed`.
    pub fn pool(&self) -> &PgPool {
        &self.pool
    }

    /// The database's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The `DATABASE_URL` for a subject, reaching the server directly or over a link at `via`.
    pub fn url(&self, via: Option<std::net::SocketAddr>) -> String {
        let direct = || format!("{}:{}", self.options.get_host(), self.options.get_port());
        let address = via.map_or_else(direct, |addr| addr.to_string());
        format!("postgres://{USER}:{PASSWORD}@{address}/{}", self.name)
    }

    /// The server's address.
    pub fn server(&self) -> std::net::SocketAddr {
        let address = format!("{}:{}", self.options.get_host(), self.options.get_port());
        std::net::SocketAddr::from_str(&address)
            .unwrap_or_else(|_| ([127, 0, 0, 1], self.options.get_port()).into())
    }

    /// Gives every insert into `post` a service time: the connection that carries it is busy so long.
    ///
    /// With it the capacity is what the pool makes of it, and not what the host makes of the day.
    pub async fn service_time(&self, time: Duration) -> Result<(), sqlx::Error> {
        let statement = format!(
            "CREATE OR REPLACE FUNCTION testbed_service_time() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_sleep({}); RETURN NEW; END $$;
             CREATE OR REPLACE TRIGGER testbed_service_time BEFORE INSERT ON post
             FOR EACH ROW EXECUTE FUNCTION testbed_service_time();",
            time.as_secs_f64()
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(&self.pool).await.map(|_| ())
    }

    /// Plants posts with these contents, a second apart, the last one a minute ago. Returns their ids, oldest first.
    ///
    /// The rows are inserted in another order than that of their age, so that a reader who forgets to order finds no order.
    pub async fn plant(&self, contents: impl IntoIterator<Item = String>) -> Result<Vec<Uuid>, sqlx::Error> {
        let contents: Vec<String> = contents.into_iter().collect();
        let first = OffsetDateTime::now_utc() - Duration::from_secs(60 + contents.len() as u64);
        let mut posts = Vec::with_capacity(contents.len());
        for (n, content) in contents.into_iter().enumerate() {
            let made = first + Duration::from_secs(n as u64);
            let seconds = u64::try_from(made.unix_timestamp()).unwrap_or(0);
            let id = Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, made.nanosecond()));
            posts.push((id, content, made));
        }
        let ids = posts.iter().map(|(id, ..)| *id).collect();
        posts.sort_by_key(|(id, ..)| id.as_u128() as u32);
        for (id, content, made) in posts {
            let insert = sqlx::query("INSERT INTO post (id, content, created_at) VALUES ($1, $2, $3)");
            insert.bind(id).bind(content).bind(made).execute(&self.pool).await?;
        }
        Ok(ids)
    }
}
