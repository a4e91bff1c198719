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
        // Read the posts of page 1, newest first, over the connection that is open, or over a new one.
        //
        // All of it within `DEADLINE`, and a new connection within `OPEN`. What becomes of the connection when the statement fails, and what when
        // nobody ever answers it? Which connection will the next read use?
        let _ = (connection, PgConnection::connect_with(options), StoreError::NoConnection, PAGE_SIZE);
        let _ = (OPEN, timeout(DEADLINE, std::future::ready(())), failed_to("read page 1"));
        todo!("lab 03: read the posts of page 1, within a deadline")
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
