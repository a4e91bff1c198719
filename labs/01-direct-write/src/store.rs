//! The statements. Everything that knows the table is here.

use sqlx::{Connection as _, FromRow, PgConnection, Row as _, postgres::PgRow};
use thiserror::Error;
use tokio::time::timeout;
use uuid::Uuid;

use crate::{
    admission::{Admission, LineIsFull, Place},
    budget::Budget,
    config::Database,
    pool::{Lent, Pool, Times},
    post::Post,
    query::{PAGE_SIZE, Page, SearchText},
};

/// The posts in the database. Clones share its connections.
#[derive(Clone, Debug)]
pub struct Store {
    admission: Admission,
    pool: Pool,
    budget: Budget,
}

impl Store {
    /// Connects, makes the schema if it is not there, and opens the pool.
    ///
    /// # Errors
    /// The database cannot be reached, or does not let us make the schema or open every connection.
    // ANCHOR: open
    pub async fn open(database: &Database, budget: Budget) -> Result<Self, StoreError> {
        let times = Times::from(budget);
        let first = timeout(times.open, PgConnection::connect_with(&times.options(database))).await;
        let mut first =
            first.unwrap_or(Err(sqlx::Error::PoolTimedOut)).map_err(failed_to("connect to the database"))?;
        sqlx::raw_sql(include_str!("schema.sql"))
            .execute(&mut first)
            .await
            .map_err(failed_to("create the table `post`"))?;
        first.close().await.map_err(failed_to("close the first connection"))?;

        let pool = Pool::open(database, times).await.map_err(StoreError::NoConnection)?;
        Ok(Self { admission: Admission::new(database.max_connections), pool, budget })
    }
    // ANCHOR_END: open

    /// A place in the line, then a connection, for which nobody waits longer than [`Budget::line`].
    /// Hold the place as long as the connection, and [give the connection back](Lent::give_back) when
    /// its statements have ended.
    ///
    /// # Errors
    /// The line is full, or no connection came in time.
    // ANCHOR: connection
    pub async fn connection(&self) -> Result<(Place, Lent), StoreError> {
        // ANCHOR: hole-connection
        // Take a place in the line, which refuses at once when it is full; then wait for a connection, but
        // for no longer than the budget's `line`. Return both.
        //
        // A database that says nothing refuses nothing either. Which of the two can then wait for ever, and
        // what would be left of the request's time for its statement?
        let _ = (&self.admission, &self.pool, self.budget.line(), sqlx::Error::PoolTimedOut);
        todo!("lab 01: take a place, and wait for a connection, but not for ever")
        // ANCHOR_END: hole-connection
    }
    // ANCHOR_END: connection

    /// The connections, for statements that are not here and whose callers bound their own wait.
    #[must_use]
    pub fn pool(&self) -> &Pool {
        &self.pool
    }

    /// Lends no more connections, and says goodbye to the server on those that rest.
    pub async fn close(&self) {
        self.pool.close().await;
    }

    /// Stores a post. When this returns `Ok`, the post is committed: it survives the death of this
    /// process and of the database's.
    ///
    /// # Errors
    /// After an error the post may be stored or not: the answer to the commit may be what was lost.
    // ANCHOR: insert
    pub async fn insert(&self, post: &Post) -> Result<(), StoreError> {
        // ANCHOR: hole-insert
        // Insert one row into `post (id, content, created_at)`. `get`, below, shows how a statement is run.
        //
        // When this returns `Ok` the row is committed. What does an error tell, and what does it not?
        let _ = post;
        todo!("lab 01: insert the post")
        // ANCHOR_END: hole-insert
    }
    // ANCHOR_END: insert

    /// The posts of a page, newest first; none beyond the end.
    ///
    /// # Errors
    /// The database cannot be used now, or refuses the statement.
    // ANCHOR: page
    pub async fn page(&self, page: Page) -> Result<Vec<Post>, StoreError> {
        // ANCHOR: hole-page
        // List a page of posts: newest first, `PAGE_SIZE` of them, from the page's `offset`.
        //
        // Two posts can carry the same instant. What keeps such a post from standing on two pages, or on
        // none?
        let _ = (page.offset(), PAGE_SIZE);
        todo!("lab 01: list the posts of a page, newest first")
        // ANCHOR_END: hole-page
    }
    // ANCHOR_END: page

    /// The post with this id, if there is one.
    ///
    /// # Errors
    /// The database cannot be used now, or refuses the statement.
    // ANCHOR: get
    pub async fn get(&self, id: Uuid) -> Result<Option<Post>, StoreError> {
        let (_place, mut connection) = self.connection().await?;
        let post = sqlx::query_as("SELECT id, content, created_at FROM post WHERE id = $1")
            .bind(id)
            .fetch_optional(&mut *connection)
            .await
            .map_err(failed_to("read the post"))?;
        connection.give_back();
        Ok(post)
    }
    // ANCHOR_END: get

    /// The posts whose content holds the text, letter by letter; otherwise as [`page`](Self::page).
    ///
    /// # Errors
    /// The database cannot be used now, or refuses the statement.
    // ANCHOR: search
    pub async fn search(&self, text: &SearchText, page: Page) -> Result<Vec<Post>, StoreError> {
        // ANCHOR: hole-search
        // Do as `page` does, for the posts that hold the text.
        //
        // What do `%`, `_` and `'` mean to the database, and what do they mean to the reader?
        let _ = (text.as_str(), page);
        todo!("lab 01: find the posts that hold the text")
        // ANCHOR_END: hole-search
    }
    // ANCHOR_END: search
}

impl FromRow<'_, PgRow> for Post {
    fn from_row(row: &PgRow) -> sqlx::Result<Self> {
        Ok(Self {
            id: row.try_get("id")?,
            content: row.try_get("content")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

/// Why the store could not do what it was asked. Its text is for the log, never for an answer.
#[derive(Debug, Error)]
pub enum StoreError {
    /// Too many are waiting already.
    #[error(transparent)]
    LineIsFull(LineIsFull),
    /// No connection came in time, the database could not be reached, or did not let us in.
    #[error("failed to get a connection to the database: {0}")]
    NoConnection(#[source] sqlx::Error),
    /// A statement failed.
    #[error("failed to {operation}: {cause}")]
    Statement {
        /// What was tried.
        operation: &'static str,
        /// What came of it.
        #[source]
        cause: sqlx::Error,
    },
}

/// For `map_err`: a statement's error with what was tried.
pub fn failed_to(operation: &'static str) -> impl FnOnce(sqlx::Error) -> StoreError {
    move |cause| StoreError::Statement { operation, cause }
}

impl StoreError {
    /// Whether the fault is one of the moment (the line, the network, a server that starts, stops
    /// or is out of something), so that the same request can succeed later.
    #[must_use]
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::LineIsFull(_) | Self::NoConnection(_) => true,
            Self::Statement { cause: sqlx::Error::Database(error), .. } => {
                // Classes of SQLSTATE: connection, transaction rollback, resources, operator
                // intervention (timeouts too), system error.
                error.code().is_some_and(|code| {
                    ["08", "40", "53", "57", "58"].iter().any(|class| code.starts_with(class))
                })
            }
            Self::Statement { cause, .. } => matches!(cause, sqlx::Error::Io(_) | sqlx::Error::Protocol(_)),
        }
    }
}
