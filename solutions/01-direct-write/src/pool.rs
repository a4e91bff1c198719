//! The connections to the database: a fixed number, each lent to one request at a time.
//!
//! Not `sqlx::PgPool`: it asks every connection that comes back whether it lives. That is a second
//! round trip for each statement, and with short statements it costs over a quarter of the capacity. Here
//! a connection is asked when there is a reason: it has rested, or its statement did not end.

use std::{
    ops::{Deref, DerefMut},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::{
    runtime::Handle,
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{sleep, timeout},
};

use crate::{config::Database, deadline::Budget};

/// A connection that has rested for longer than this is asked whether it lives before it is lent.
/// Under load none is.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// The connections. Clones share them.
#[derive(Clone, Debug)]
pub struct Pool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    options: PgConnectOptions,
    budget: Budget,
    connections: u16,
    /// One for each connection that may be open. It is held as long as its connection is lent,
    /// opened or asked, so there are never more.
    permits: Arc<Semaphore>,
    /// Last in, first out: under a small load the others rest.
    idle: Mutex<Vec<Idle>>,
}

#[derive(Debug)]
struct Idle {
    connection: PgConnection,
    since: Instant,
}

impl Pool {
    /// Makes the pool and opens all its connections.
    ///
    /// # Errors
    /// They cannot all be opened: what would else show at the first peak shows at the start.
    pub async fn open(database: &Database, budget: Budget) -> sqlx::Result<Self> {
        let connections = database.max_connections;
        let pool = Self(Arc::new(Shared {
            options: options(database, budget),
            budget,
            connections,
            permits: Arc::new(Semaphore::new(connections.into())),
            idle: Mutex::default(),
        }));
        let mut opened = Vec::new();
        for _ in 0..connections {
            opened.push(pool.lend().await?);
        }
        opened.into_iter().for_each(Lent::give_back);
        Ok(pool)
    }

    /// Waits until a connection is free, and lends it.
    ///
    /// # Errors
    /// A new connection was needed and could not be opened, or the pool is closed.
    // ANCHOR: lend
    pub async fn lend(&self) -> sqlx::Result<Lent> {
        let permit = self.0.permits.clone().acquire_owned().await;
        let permit = permit.map_err(|_| sqlx::Error::PoolClosed)?;
        let idle = self.idle().pop();

        let lent = match idle {
            // The connection of a server that died looks fine from here: nobody has told the
            // socket. To ask before each statement would cost a round trip each time; one that dies
            // while it is busy fails one request.
            Some(Idle { connection, since }) if since.elapsed() <= TRUSTED_IDLE => {
                self.lent(connection, permit)
            }
            // A task of its own, which is not cut off when the request gives up: the connection
            // that it opens is there for the next one. Were each attempt thrown away half-way, a
            // slow machine would begin anew for ever.
            rested => {
                let pool = self.clone();
                let task = tokio::spawn(async move {
                    let alive = match rested {
                        Some(Idle { connection, .. }) => pool.alive(connection).await,
                        None => None,
                    };
                    let opened = match alive {
                        Some(connection) => Ok(connection),
                        None => pool.connect().await,
                    };
                    match opened {
                        Ok(connection) => Ok(pool.lent(connection, permit)),
                        Err(error) => {
                            pool.rest(permit);
                            Err(error)
                        }
                    }
                });
                task.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))?
            }
        };
        Ok(lent)
    }
    // ANCHOR_END: lend

    // ANCHOR: connect
    async fn connect(&self) -> sqlx::Result<PgConnection> {
        let attempt = timeout(self.0.budget.open(), PgConnection::connect_with(&self.0.options)).await;
        attempt.unwrap_or(Err(sqlx::Error::PoolTimedOut))
    }

    /// Keeps a permit for a while after a failed attempt: however many requests come, a server that
    /// refuses, or is just getting up, is not stormed.
    fn rest(&self, permit: OwnedSemaphorePermit) {
        let pause = self.0.budget.pause();
        tokio::spawn(async move {
            sleep(pause).await;
            drop(permit);
        });
    }
    // ANCHOR_END: connect

    /// The connection, if it answers. What is left of a statement that was cut off is read first.
    async fn alive(&self, mut connection: PgConnection) -> Option<PgConnection> {
        let answered = timeout(self.0.budget.open(), connection.ping()).await;
        matches!(answered, Ok(Ok(()))).then_some(connection)
    }

    /// Lends no more connections, waits for those that are lent, and says goodbye on each.
    pub async fn close(&self) {
        // A semaphore that is being emptied serves nobody who came later.
        let all = self.0.permits.acquire_many(self.0.connections.into()).await;
        self.0.permits.close();
        drop(all);
        let idle = std::mem::take(&mut *self.idle());
        for Idle { connection, .. } in idle {
            // The server has gone before us, or it has not; it makes no difference now.
            let _ = connection.close().await;
        }
    }

    fn lent(&self, connection: PgConnection, permit: OwnedSemaphorePermit) -> Lent {
        Lent { pool: self.clone(), loan: Some((connection, permit)) }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Idle>> {
        self.0.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection that is lent. [`give_back`](Self::give_back) it when its statement has ended well.
///
/// One that is only dropped had a statement that failed or was cut off: it is asked first whether it
/// lives, and so is in nobody's way while it may still be busy.
#[derive(Debug)]
pub struct Lent {
    pool: Pool,
    /// Until it is given back or dropped.
    loan: Option<(PgConnection, OwnedSemaphorePermit)>,
}

// ANCHOR: give_back
impl Lent {
    /// The next request may have it.
    pub fn give_back(mut self) {
        if let Some((connection, permit)) = self.loan.take() {
            self.pool.idle().push(Idle { connection, since: Instant::now() });
            drop(permit); // Not before: whoever gets the permit takes an idle connection.
        }
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        // Without a runtime the process is ending, and the connection with it.
        if let (Some((connection, permit)), Ok(runtime)) = (self.loan.take(), Handle::try_current()) {
            let pool = self.pool.clone();
            runtime.spawn(async move {
                if let Some(connection) = pool.alive(connection).await {
                    pool.lent(connection, permit).give_back();
                }
            });
        }
    }
}
// ANCHOR_END: give_back

impl Deref for Lent {
    type Target = PgConnection;

    fn deref(&self) -> &PgConnection {
        let (connection, _) = self.loan.as_ref().expect("it is not given back yet");
        connection
    }
}

impl DerefMut for Lent {
    fn deref_mut(&mut self) -> &mut PgConnection {
        let (connection, _) = self.loan.as_mut().expect("it is not given back yet");
        connection
    }
}

/// How each connection is made: the server ends a statement whose caller has given up; nobody else
/// can.
#[must_use]
pub fn options(database: &Database, budget: Budget) -> PgConnectOptions {
    database.options.clone().options([("statement_timeout", budget.statement().as_millis().to_string())])
}
