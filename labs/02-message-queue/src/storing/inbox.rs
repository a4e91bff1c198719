//! How messages become rows: the consumer's one statement, and its connection for it.

use std::time::Duration;

use direct_write::{
    config::Database,
    pool::{Pool, Times},
    post::Post,
    store::{StoreError, failed_to},
};
use sqlx::{ConnectOptions as _, PgConnection, postgres::PgQueryResult};
use time::OffsetDateTime;
use tokio::time::timeout;
use uuid::Uuid;

/// How long things may take. Nobody waits for an answer here, so a statement may be long: a batch
/// that is cut off has to be stored again.
const TIMES: Times = Times {
    wait: Duration::from_secs(30),
    open: Duration::from_secs(5),
    pause: Duration::from_millis(200),
    statement: Duration::from_secs(30),
};

/// When a batch is given up. The server ends a statement that takes too long, but a server from
/// which no packet comes ends nothing.
const WHOLE: Duration = Duration::from_secs(35);

/// The consumer's way into the table: a pool of one connection, its own or the reads'.
#[derive(Clone, Debug)]
pub struct Inbox(Pool);

impl Inbox {
    /// Opens a connection of its own.
    ///
    /// # Errors
    /// It cannot be opened.
    pub async fn open(database: &Database) -> sqlx::Result<Self> {
        // Here a slow statement is no news: a large batch is one.
        let options = database.options.clone().disable_statement_logging();
        Ok(Self(Pool::open(&Database { options, max_connections: 1 }, TIMES).await?))
    }

    /// Shares the connections of the reads, and their statement timeout.
    #[must_use]
    pub fn over(reads: Pool) -> Self {
        Self(reads)
    }

    /// Stores posts, all or none. When this returns `Ok` they are committed; those that were there
    /// already are left as they are.
    ///
    /// # Errors
    /// After an error they may be stored or not. To store them again is safe.
    pub async fn store(&self, posts: &[Post]) -> Result<(), StoreError> {
        let storing = async {
            let mut connection = self.0.lend().await.map_err(StoreError::NoConnection)?;
            insert(&mut connection, posts).await.map_err(failed_to("store the posts"))?;
            connection.give_back();
            Ok(())
        };
        let too_late = |_| Err(StoreError::NoConnection(sqlx::Error::PoolTimedOut));
        timeout(WHOLE, storing).await.unwrap_or_else(too_late)
    }

    /// Says goodbye to the server.
    pub async fn close(&self) {
        self.0.close().await;
    }
}

/// One statement for all, and one commit: that is what makes a consumer fast. The columns come from
/// one slice, so they cannot differ in length; UNNEST would fill up the shorter ones with NULL.
// ANCHOR: unnest
async fn insert(connection: &mut PgConnection, posts: &[Post]) -> sqlx::Result<PgQueryResult> {
    // ANCHOR: hole-insert
    // Insert all posts, however many, with one statement and one commit.
    //
    // A message can be delivered twice. What becomes of a post that is there already?
    let _ = (connection, posts, size_of::<(Uuid, OffsetDateTime)>());
    todo!("lab 02: insert a batch with one statement")
    // ANCHOR_END: hole-insert
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
