//! The connections to the database: a fixed number, each lent to one request at a time.
//!
//! `deadpool` keeps them, and its [`Manager`] is ours, for the sake of one question. `sqlx::PgPool`
//! asks every connection that comes back whether it lives: a second round trip for each statement,
//! and with short statements over a quarter of the capacity. Here a connection is asked when there
//! is a reason: it has rested, or its statement did not end.

use std::{
    ops::{Deref, DerefMut},
    time::Duration,
};

use deadpool::managed::{self, Manager, Metrics, Object, PoolError, QueueMode, RecycleResult};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::{
    runtime::Handle,
    sync::oneshot,
    time::{sleep, timeout},
};

use crate::{budget::Budget, config::Database};

/// A connection that was lent longer ago than this is asked whether it lives before it is lent
/// again. Under load none is.
const TRUSTED: Duration = Duration::from_secs(1);

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// How long the pool may take for what.
#[derive(Clone, Copy, Debug)]
pub struct Times {
    /// The wait for a connection that is lent to somebody else.
    pub wait: Duration,
    /// The opening of a connection, and its answer when it is asked whether it lives.
    pub open: Duration,
    /// The pause after an attempt to open one that failed.
    pub pause: Duration,
    /// One statement.
    pub statement: Duration,
}

impl From<Budget> for Times {
    fn from(budget: Budget) -> Self {
        Self {
            wait: budget.line(),
            open: budget.open(),
            pause: budget.pause(),
            statement: budget.statement(),
        }
    }
}

impl Times {
    /// How each connection is made: the server ends a statement whose caller has given up; nobody
    /// else can.
    #[must_use]
    pub fn options(&self, database: &Database) -> PgConnectOptions {
        database.options.clone().options([("statement_timeout", self.statement.as_millis().to_string())])
    }
}

/// What the pool does with a connection while nobody has it.
#[derive(Debug)]
struct Connector {
    options: PgConnectOptions,
    times: Times,
}

// ANCHOR: manager
impl Manager for Connector {
    type Type = PgConnection;
    type Error = sqlx::Error;

    async fn create(&self) -> sqlx::Result<PgConnection> {
        let attempt = timeout(self.times.open, PgConnection::connect_with(&self.options)).await;
        let opened = attempt.unwrap_or(Err(sqlx::Error::PoolTimedOut));
        if let Err(error) = &opened {
            self.pause(error).await;
        }
        opened
    }

    /// The connection of a server that died looks fine from here: nobody has told the socket. To
    /// ask before each statement would cost a round trip each time; one that dies while it is busy
    /// fails one request.
    async fn recycle(&self, connection: &mut PgConnection, metrics: &Metrics) -> RecycleResult<sqlx::Error> {
        if metrics.last_used() > TRUSTED { Ok(self.ask(connection).await?) } else { Ok(()) }
    }
}
// ANCHOR_END: manager

impl Connector {
    /// Called after each attempt to connect that failed, and before another may take its place: the
    /// place in the pool is held until this returns. So however many requests come, a server that
    /// refuses, or is just getting up, is not stormed.
    // ANCHOR: pause
    async fn pause(&self, error: &sqlx::Error) {
        // ANCHOR: hole-pause
        tracing::warn!("failed to connect to the database: {error}");
        sleep(self.times.pause).await;
        // ANCHOR_END: hole-pause
    }
    // ANCHOR_END: pause

    /// Whether the connection lives. What is left of a statement that was cut off is read first.
    async fn ask(&self, connection: &mut PgConnection) -> sqlx::Result<()> {
        timeout(self.times.open, connection.ping()).await.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }
}

/// The connections. Clones share them.
#[derive(Clone, Debug)]
pub struct Pool(managed::Pool<Connector, Lent>);

impl Pool {
    /// Makes the pool and opens all its connections.
    ///
    /// # Errors
    /// They cannot all be opened: what would else show at the first peak shows at the start.
    pub async fn open(database: &Database, times: Times) -> sqlx::Result<Self> {
        let connections = usize::from(database.max_connections);
        let pool = managed::Pool::builder(Connector { options: times.options(database), times })
            .max_size(connections)
            .wait_timeout(Some(times.wait))
            .queue_mode(QueueMode::Lifo) // Under a small load the others rest.
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .map_err(|error| sqlx::Error::Configuration(error.into()))?;
        let mut opened = Vec::new();
        for _ in 0..connections {
            opened.push(pool.get().await.map_err(reason)?);
        }
        opened.into_iter().for_each(Lent::give_back);
        Ok(Self(pool))
    }

    /// Waits until a connection is free, and lends it.
    ///
    /// # Errors
    /// A new connection was needed and could not be opened, or the pool is closed.
    pub async fn lend(&self) -> sqlx::Result<Lent> {
        let ((), lent) = self.lend_to(()).await?;
        Ok(lent)
    }

    /// As [`lend`](Self::lend), to whoever holds this `place` in a line. When he gives up, his place is
    /// taken for as long as the pool still waits for him.
    ///
    /// # Errors
    /// As there.
    // ANCHOR: lend
    pub async fn lend_to<P: Send + 'static>(&self, place: P) -> sqlx::Result<(P, Lent)> {
        let (pool, (lending, lent)) = (self.0.clone(), oneshot::channel());
        // A task of its own, which is not cut off when the request gives up: the connection that it
        // opens is there for the next one. Were each attempt thrown away half-way, a slow machine
        // would begin anew for ever.
        tokio::spawn(async move {
            let lent = pool.get().await.map(|lent| (place, lent));
            if let Err(Ok((_, unused))) = lending.send(lent) {
                unused.give_back();
            }
        });
        lent.await.map_err(|_| sqlx::Error::WorkerCrashed)?.map_err(reason)
    }
    // ANCHOR_END: lend

    /// Lends no more connections, and says goodbye on each that rests; the others end with their
    /// statements.
    pub async fn close(&self) {
        let resting = self.0.retain(|_, _| false).removed;
        self.0.close();
        for connection in resting {
            // The server has gone before us, or it has not; it makes no difference now.
            let _ = timeout(FAREWELL, connection.close()).await;
        }
    }
}

/// Why no connection could be lent, in sqlx's words.
fn reason(error: PoolError<sqlx::Error>) -> sqlx::Error {
    match error {
        PoolError::Backend(error) => error,
        PoolError::Timeout(_) => sqlx::Error::PoolTimedOut,
        _ => sqlx::Error::PoolClosed,
    }
}

/// A connection that is lent. [`give_back`](Self::give_back) it when its statement has ended well.
///
/// One that is only dropped had a statement that failed or was cut off: it is asked first whether it
/// lives, and so is in nobody's way while it may still be busy.
#[derive(Debug)]
pub struct Lent(
    /// Until it is given back or dropped.
    Option<Object<Connector>>,
);

impl From<Object<Connector>> for Lent {
    fn from(object: Object<Connector>) -> Self {
        Self(Some(object))
    }
}

// ANCHOR: give_back
impl Lent {
    /// The next request may have it.
    pub fn give_back(mut self) {
        self.0 = None;
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and the connection with it.
        if let (Some(mut connection), Ok(runtime)) = (self.0.take(), Handle::try_current()) {
            runtime.spawn(async move {
                let Some(pool) = Object::pool(&connection) else { return };
                if pool.manager().ask(&mut connection).await.is_err() {
                    drop(Object::take(connection)); // Another may be opened in its place.
                }
            });
        }
    }
}
// ANCHOR_END: give_back

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        self.0.as_ref().expect("it is not given back yet")
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        self.0.as_mut().expect("it is not given back yet")
    }
}
