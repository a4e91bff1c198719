//! Where page 1 is read from.

use std::{future::Future, time::Duration};

use direct_write::{
    config::Database,
    post::Post,
    query::{PAGE_SIZE, Page},
    store::{Store, StoreError, failed_to},
};
use sqlx::{Connection as _, PgConnection, postgres::PgConnectOptions};
use tokio::time::timeout;

/// How long one read may take, with the connection that it may need first. A database that is silent
/// never says so: without this bound, the read that met it would be the last one.
const DEADLINE: Duration = Duration::from_millis(3500);

/// How long the opening of a connection may take.
const OPEN: Duration = Duration::from_millis(800);

/// When the database itself gives up on the statement, in milliseconds: before we do, also after the
/// opening of a connection, so that none is left behind on which it is still busy.
const STATEMENT_TIMEOUT: &str = "2500";

/// How long a farewell may take.
const FAREWELL: Duration = Duration::from_secs(1);

/// What page 1 can be read from.
pub trait Source: Send + 'static {
    /// Reads the posts of page 1, newest first. Ends in time, whatever the database does.
    fn read(&mut self) -> impl Future<Output = Result<Vec<Post>, StoreError>> + Send;

    /// Says goodbye.
    fn close(self) -> impl Future<Output = ()> + Send;
}

/// The table `post`.
#[derive(Debug)]
pub enum Table {
    /// Over a connection of its own: no reader waits for it, and it waits for no reader.
    Own {
        /// How it is opened.
        options: Box<PgConnectOptions>,
        /// `None` when it has to be opened first.
        connection: Option<PgConnection>,
    },
    /// Over those of the reads, where there is none to spare.
    Shared(Store),
}

impl Table {
    /// A table over a connection of its own, which is opened when it is needed.
    #[must_use]
    pub fn own(database: &Database) -> Self {
        let options = database.options.clone().options([("statement_timeout", STATEMENT_TIMEOUT)]);
        Self::Own { options: Box::new(options), connection: None }
    }
}

impl Source for Table {
    // ANCHOR: read
    async fn read(&mut self) -> Result<Vec<Post>, StoreError> {
        let (options, connection) = match self {
            Self::Shared(store) => return store.page(Page::FIRST).await,
            Self::Own { options, connection } => (options, connection),
        };
        // ANCHOR: hole-read
        let read = async {
            // Taken, and given back by what went well: one that failed, or was cut off, is closed.
            let mut lent = match connection.take() {
                Some(lent) => lent,
                None => {
                    let opened = timeout(OPEN, PgConnection::connect_with(options)).await;
                    opened.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(StoreError::NoConnection)?
                }
            };
            let posts = sqlx::query_as(
                "SELECT id, content, created_at FROM post ORDER BY created_at DESC, id DESC LIMIT $1",
            )
            .bind(PAGE_SIZE)
            .fetch_all(&mut lent)
            .await
            .map_err(failed_to("read page 1"))?;
            *connection = Some(lent);
            Ok(posts)
        };
        timeout(DEADLINE, read).await.unwrap_or(Err(StoreError::NoConnection(sqlx::Error::PoolTimedOut)))
        // ANCHOR_END: hole-read
    }
    // ANCHOR_END: read

    async fn close(self) {
        if let Self::Own { connection: Some(connection), .. } = self {
            // The server has gone before us, or it has not; it makes no difference now.
            let _ = timeout(FAREWELL, connection.close()).await;
        }
    }
}
