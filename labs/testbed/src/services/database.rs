//! One check's database: the test-bed's own way in, and the faults that can befall its connections.

use std::str::FromStr as _;
use std::time::Duration;

use sqlx::PgPool;
use sqlx::postgres::{PgConnectOptions, PgPoolOptions};

use super::postgres::{PASSWORD, SUBJECT};

/// One check's database.
pub struct Database {
    pool: PgPool,
    options: PgConnectOptions,
    name: String,
}

impl Database {
    pub(super) fn new(name: String, options: PgConnectOptions) -> Database {
        let pool = PgPoolOptions::new().max_connections(3).acquire_timeout(Duration::from_secs(20));
        Database { pool: pool.connect_lazy_with(options.clone()), options, name }
    }

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
        self.url_at(&via.map_or_else(direct, |addr| addr.to_string()))
    }

    /// The same with any text in the place of the address.
    pub fn url_at(&self, address: &str) -> String {
        format!("postgres://{SUBJECT}:{PASSWORD}@{address}/{}", self.name)
    }

    /// The server's address.
    pub fn server(&self) -> std::net::SocketAddr {
        let address = format!("{}:{}", self.options.get_host(), self.options.get_port());
        std::net::SocketAddr::from_str(&address)
            .unwrap_or_else(|_| ([127, 0, 0, 1], self.options.get_port()).into())
    }

    /// Ends the subject's connections on the server's side, and with each the statement that it is in: what becomes of them
    /// when the subject's whole machine dies.
    pub async fn end_connections(&self) -> Result<(), sqlx::Error> {
        let end = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity
             WHERE datname = $1 AND application_name <> 'testbed' AND backend_type = 'client backend'";
        sqlx::query_scalar::<_, i64>(end).bind(&self.name).fetch_one(&self.pool).await.map(|_| ())
    }
}
