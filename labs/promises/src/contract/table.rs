//! The table `post`: what a check plants there, and how it slows or stops inserts.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};
use testbed::services::Database;
use time::OffsetDateTime;
use uuid::Uuid;

/// The check's own way into the table.
pub trait PostTable {
    /// Gives every insert into `post` a service time, however many rows it carries: its connection is busy so long.
    ///
    /// With it the capacity is what the pool makes of it, and not what the host makes of the day. Zero takes it away.
    fn service_time(&self, time: Duration) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// Whether the trigger of [`service_time`](Self::service_time) is still on the table.
    fn has_service_time(&self) -> impl Future<Output = Result<bool, sqlx::Error>>;
    /// Plants posts with these contents, a second apart, the last one a minute ago. Returns their ids, oldest first.
    fn plant(
        &self,
        contents: impl IntoIterator<Item = String>,
    ) -> impl Future<Output = Result<Vec<Uuid>, sqlx::Error>>;
    /// Plants one post, of this instant. Returns its id.
    fn plant_one(&self, content: &str) -> impl Future<Output = Result<Uuid, sqlx::Error>>;
    /// Plants posts with these contents, all of one instant so long `ago`. Returns their ids.
    fn plant_at_once(
        &self,
        contents: impl IntoIterator<Item = String>,
        ago: Duration,
    ) -> impl Future<Output = Result<Vec<Uuid>, sqlx::Error>>;
    /// How many rows `post` has.
    fn rows(&self) -> impl Future<Output = Result<i64, sqlx::Error>>;
    /// Lets no insert into `post` end until it is released. Reads go on.
    fn hold_inserts(&self) -> impl Future<Output = Result<InsertHold, sqlx::Error>>;
    /// Lets no insert of a post with this id end until it is released. Others go on, and a service may start.
    fn hold_row(&self, id: Uuid) -> impl Future<Output = Result<InsertHold, sqlx::Error>>;
    /// How many of the subject's connections wait for the end of a hold.
    fn held_inserts(&self) -> impl Future<Output = Result<i64, sqlx::Error>>;
}

impl PostTable for Database {
    async fn service_time(&self, time: Duration) -> Result<(), sqlx::Error> {
        let statement = format!(
            "CREATE OR REPLACE FUNCTION testbed_service_time() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN PERFORM pg_sleep({}); RETURN NULL; END $$;
             CREATE OR REPLACE TRIGGER testbed_service_time BEFORE INSERT ON post
             FOR EACH STATEMENT EXECUTE FUNCTION testbed_service_time();",
            time.as_secs_f64()
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(self.pool()).await.map(|_| ())
    }

    async fn has_service_time(&self) -> Result<bool, sqlx::Error> {
        let trigger = "SELECT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = to_regclass('post') AND tgname = 'testbed_service_time')";
        sqlx::query_scalar(trigger).fetch_one(self.pool()).await
    }

    async fn plant(&self, contents: impl IntoIterator<Item = String>) -> Result<Vec<Uuid>, sqlx::Error> {
        let contents: Vec<String> = contents.into_iter().collect();
        let first = OffsetDateTime::now_utc() - Duration::from_secs(60 + contents.len() as u64);
        let made = |n| first + Duration::from_secs(n as u64);
        insert(self.pool(), contents.into_iter().enumerate().map(|(n, content)| (content, made(n)))).await
    }

    async fn plant_one(&self, content: &str) -> Result<Uuid, sqlx::Error> {
        let planted = self.plant_at_once([content.to_owned()], Duration::ZERO).await?;
        Ok(planted[0])
    }

    async fn plant_at_once(
        &self,
        contents: impl IntoIterator<Item = String>,
        ago: Duration,
    ) -> Result<Vec<Uuid>, sqlx::Error> {
        let made = OffsetDateTime::now_utc() - ago;
        insert(self.pool(), contents.into_iter().map(|content| (content, made))).await
    }

    async fn rows(&self) -> Result<i64, sqlx::Error> {
        count_rows(self.pool()).await
    }

    async fn hold_inserts(&self) -> Result<InsertHold, sqlx::Error> {
        let mut transaction = self.pool().begin().await?;
        // The weakest lock that an insert must wait for.
        sqlx::raw_sql("LOCK TABLE post IN SHARE MODE").execute(&mut *transaction).await?;
        Ok(InsertHold { transaction })
    }

    async fn hold_row(&self, id: Uuid) -> Result<InsertHold, sqlx::Error> {
        let lock = id.as_u128() as i64;
        let mut transaction = self.pool().begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(lock).execute(&mut *transaction).await?;
        let statement = format!(
            "CREATE OR REPLACE FUNCTION testbed_hold_row() RETURNS trigger LANGUAGE plpgsql AS
             $$ BEGIN IF NEW.id = '{id}' THEN PERFORM pg_advisory_xact_lock({lock}); END IF; RETURN NEW; END $$;
             CREATE OR REPLACE TRIGGER testbed_hold_row BEFORE INSERT ON post
             FOR EACH ROW EXECUTE FUNCTION testbed_hold_row();"
        );
        sqlx::raw_sql(AssertSqlSafe(statement)).execute(self.pool()).await?;
        Ok(InsertHold { transaction })
    }

    async fn held_inserts(&self) -> Result<i64, sqlx::Error> {
        let held = "SELECT count(*) FROM pg_stat_activity
             WHERE datname = $1 AND application_name <> 'testbed' AND wait_event_type = 'Lock'";
        sqlx::query_scalar(held).bind(self.name()).fetch_one(self.pool()).await
    }
}

/// Inserts posts with these contents and instants, and returns their ids in this order.
///
/// The rows are inserted in another order, and their ids have none: a reader who forgets to order, or orders by what others need not
/// keep, finds no order.
async fn insert(
    pool: &PgPool,
    posts: impl Iterator<Item = (String, OffsetDateTime)>,
) -> Result<Vec<Uuid>, sqlx::Error> {
    let mut posts: Vec<_> = posts.map(|(content, made)| (Uuid::new_v4(), content, made)).collect();
    let ids = posts.iter().map(|(id, ..)| *id).collect();
    posts.sort_by_key(|(id, ..)| id.as_u128() as u32);
    for (id, content, made) in posts {
        let insert = sqlx::query("INSERT INTO post (id, content, created_at) VALUES ($1, $2, $3)");
        insert.bind(id).bind(content).bind(made).execute(pool).await?;
    }
    Ok(ids)
}

/// Inserts wait as long as this is held.
pub struct InsertHold {
    transaction: Transaction<'static, Postgres>,
}

impl InsertHold {
    /// Lets the inserts go on.
    pub async fn release(self) -> Result<(), sqlx::Error> {
        self.transaction.rollback().await
    }
}

/// How many rows `post` has, for whoever outlives the check's database.
pub(super) async fn count_rows(pool: &PgPool) -> Result<i64, sqlx::Error> {
    sqlx::query_scalar("SELECT count(*) FROM post").fetch_one(pool).await
}
