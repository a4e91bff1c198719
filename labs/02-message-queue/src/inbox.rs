//! How messages become rows: the consumer's one statement, and its own connection for it.

use std::time::Duration;

use direct_write::{
    config::Database,
    post::Post,
    store::{Store, StoreError, failed_to},
};
use sqlx::{
    ConnectOptions as _, Connection as _, PgConnection,
    postgres::{PgConnectOptions, PgQueryResult},
};
use time::OffsetDateTime;
use tokio::time::timeout;
use uuid::Uuid;

/// How long one statement may take. Nobody waits for an answer here, so it may be long: a batch
/// that is cut off has to be stored again.
const STATEMENT: Duration = Duration::from_secs(30);

/// How long a connection may take to open.
const OPEN: Duration = Duration::from_secs(5);

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// The consumer's way into the table.
#[derive(Debug)]
pub struct Inbox {
    connections: Connections,
}

#[derive(Debug)]
enum Connections {
    /// One of its own, opened when it is needed. A connection on which a statement did not end is
    /// never used again.
    Own(Box<PgConnectOptions>, Option<PgConnection>),
    /// The one there may be, which the reads use too.
    Lent(Store),
}

impl Inbox {
    /// With a connection of its own.
    #[must_use]
    pub fn new(database: &Database) -> Self {
        let timeout = [("statement_timeout", STATEMENT.as_millis().to_string())];
        // Here a slow statement is no news: a large batch is one.
        let options = database.options.clone().options(timeout).disable_statement_logging();
        Self { connections: Connections::Own(Box::new(options), None) }
    }

    /// With the connections of the reads, and their statement timeout.
    #[must_use]
    pub fn over(store: &Store) -> Self {
        Self { connections: Connections::Lent(store.clone()) }
    }

    /// Stores posts, all or none. When this returns `Ok` they are committed; those that were there
    /// already are left as they are.
    ///
    /// # Errors
    /// After an error they may be stored or not. To store them again is safe.
    pub async fn store(&mut self, posts: &[Post]) -> Result<(), StoreError> {
        let storing = async {
            let stored = match &mut self.connections {
                Connections::Own(options, kept) => {
                    let mut connection = match kept.take() {
                        Some(connection) => connection,
                        None => open(options).await?,
                    };
                    let stored = insert(&mut connection, posts).await;
                    if matches!(stored, Ok(_) | Err(sqlx::Error::Database(_))) {
                        *kept = Some(connection);
                    }
                    stored
                }
                Connections::Lent(store) => {
                    let (_place, mut connection) = store.connection().await?;
                    let stored = insert(&mut connection, posts).await;
                    if stored.is_ok() {
                        connection.give_back();
                    }
                    stored
                }
            };
            stored.map(|_| ()).map_err(failed_to("store the posts"))
        };
        // The server ends a statement that takes too long, but a server from which no packet comes
        // ends nothing.
        match timeout(OPEN + STATEMENT, storing).await {
            Ok(stored) => stored,
            Err(_) => Err(StoreError::NoConnection(sqlx::Error::PoolTimedOut.into())),
        }
    }

    /// Says goodbye to the server.
    pub async fn close(self) {
        if let Connections::Own(_, Some(connection)) = self.connections {
            let _ = timeout(FAREWELL, connection.close()).await;
        }
    }
}

async fn open(options: &PgConnectOptions) -> Result<PgConnection, StoreError> {
    match timeout(OPEN, PgConnection::connect_with(options)).await {
        Ok(opened) => opened.map_err(|error| StoreError::NoConnection(error.into())),
        Err(_) => Err(StoreError::NoConnection(sqlx::Error::PoolTimedOut.into())),
    }
}

/// One statement for all, and one commit: that is what makes a consumer fast. The columns come from
/// one slice, so they cannot differ in length; UNNEST would fill up the shorter ones with NULL.
// ANCHOR: unnest
async fn insert(connection: &mut PgConnection, posts: &[Post]) -> sqlx::Result<PgQueryResult> {
    // However many posts: one statement, one commit. A post that is there already is no error.
    let _ = (connection, posts, size_of::<(Uuid, OffsetDateTime)>());
    todo!("lab 02: insert a batch with one statement")
}
// ANCHOR_END: unnest

/// Why posts were not stored, as far as it decides what to do next.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Blame {
    /// At least one of the posts: the database refuses it, and always will.
    Posts,
    /// Their number: all together take longer than a statement may.
    Number,
    /// None of them. The same posts can be stored later.
    Database,
}

/// Whose fault an error is.
#[must_use]
pub fn blame(error: &StoreError) -> Blame {
    match error {
        StoreError::Statement { cause: sqlx::Error::Database(error), .. } => {
            error.code().map_or(Blame::Database, |code| blame_of(&code))
        }
        _ => Blame::Database,
    }
}

/// By SQLSTATE. What is not known to be the posts' fault is the database's: a message that waits
/// too long is still there, one that is thrown away is not.
fn blame_of(sqlstate: &str) -> Blame {
    // Data exception, integrity constraint, WITH CHECK OPTION, a limit of the program (a row too
    // large), a trigger's own refusal.
    const OF_THE_POSTS: [&str; 5] = ["22", "23", "44", "54", "P0"];
    const QUERY_CANCELED: &str = "57014"; // What the statement timeout says.

    if sqlstate == QUERY_CANCELED {
        Blame::Number
    } else if OF_THE_POSTS.iter().any(|class| sqlstate.starts_with(class)) {
        Blame::Posts
    } else {
        Blame::Database
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_certain_is_blamed_on_the_posts() {
        for (sqlstate, expected) in [
            ("22008", Blame::Posts),    // An instant that PostgreSQL cannot keep.
            ("23514", Blame::Posts),    // A CHECK on the table.
            ("P0001", Blame::Posts),    // RAISE EXCEPTION.
            ("57014", Blame::Number),   // The statement timeout.
            ("57P01", Blame::Database), // The server is shut down.
            ("40P01", Blame::Database), // A deadlock.
            ("53100", Blame::Database), // The disk is full.
            ("42P01", Blame::Database), // Somebody has dropped the table.
            ("25006", Blame::Database), // A standby, read-only.
        ] {
            assert_eq!(blame_of(sqlstate), expected, "{sqlstate}");
        }
    }
}
