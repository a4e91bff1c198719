//! The connections to the database: one `sqlx::PgPool` for everything.
//!
//! `min_connections` stays 0. It refills the pool behind everybody's back, and while the database
//! is down each refill holds a connection's place for up to five minutes, with pauses of up to one:
//! the service would sleep on when the database is back.

use std::time::Duration;

use sqlx::{
    Connection as _, PgPool,
    postgres::{PgConnectOptions, PgPoolOptions},
};

use crate::{config::Database, deadline::Budget};

/// A connection that has rested for longer than this is asked whether it lives before it is lent.
/// Under load none is.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// Makes the pool and opens all its connections.
///
/// # Errors
/// They cannot all be opened: what would else show at the first peak shows at the start.
// ANCHOR: pool
pub async fn open(database: &Database, budget: Budget) -> sqlx::Result<PgPool> {
    let pool = PgPoolOptions::new()
        .max_connections(database.max_connections.into())
        .acquire_timeout(budget.open())
        // Under overload every wait is slow, and a log line for each is one more load.
        .acquire_slow_threshold(Duration::MAX)
        // The connection of a server that died looks fine from here: nobody has told the socket. To
        // ask before each statement would cost a round trip each time, so only a connection that
        // has rested is asked. One that dies while it is busy fails one request.
        .test_before_acquire(false)
        .before_acquire(|connection, since| {
            Box::pin(async move {
                if since.idle_for > TRUSTED_IDLE {
                    connection.ping().await?;
                }
                Ok(true)
            })
        })
        .connect_lazy_with(options(database, budget));

    // Now, not by the first requests: "ready" is said when it is true.
    let mut opened = Vec::new();
    while opened.len() < database.max_connections.into() {
        opened.push(pool.acquire().await?);
    }
    Ok(pool) // `opened` goes back to it here.
}
// ANCHOR_END: pool

/// How each connection is made: the server ends a statement whose caller has given up; nobody else
/// can.
#[must_use]
pub fn options(database: &Database, budget: Budget) -> PgConnectOptions {
    database.options.clone().options([("statement_timeout", budget.statement().as_millis().to_string())])
}
