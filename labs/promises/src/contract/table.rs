//! The table `post`: what a check plants there, and how it slows or stops inserts.

use std::time::Duration;

use sqlx::{AssertSqlSafe, PgPool, Postgres, Transaction};
use testbed::services::Database;
use time::OffsetDateTime;
use uuid::Uuid;

/// The table of the contract.
pub const TABLE: &str = "CREATE TABLE IF NOT EXISTS post (id uuid PRIMARY KEY, content text NOT NULL, created_at timestamptz NOT NULL)";

/// The check's own way into the table.
pub trait PostTable {
    /// Gives every insert into `post` a service time, however many rows it carries: its connection is busy so long.
    ///
    /// With it the capacity is what the pool makes of it, and not what the host makes of the day. Zero takes it away.
    fn service_time(&self, time: Duration) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// Gives every insert into `post` about this time of its own, twice as long at most, and then `locked` more while it holds what one
    /// insert at a time can hold, until its commit.
    fn locked_time(&self, own: Duration, locked: Duration) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// Gives every row that is inserted into `post` a service time, however many of them one statement carries.
    fn row_time(&self, time: Duration) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// Has the database refuse every insert into `post`, as when its disk is full, until the next
    /// [`row_time`](Self::row_time). Its connections live.
    fn refuse_inserts(&self) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// Has each inserted row take so long when its transaction is told to commit.
    fn commit_time(&self, time: Duration) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// Has the database refuse every commit of an insert into `post`, as [`refuse_inserts`](Self::refuse_inserts) the insert.
    /// It does so until the next [`commit_time`](Self::commit_time).
    fn refuse_commits(&self) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// How many rows it has refused at their commit, since the first [`refuse_commits`](Self::refuse_commits).
    fn refused_commits(&self) -> impl Future<Output = Result<i64, sqlx::Error>>;
    /// Has the database refuse for ever every row whose content begins so, as a constraint of somebody else's would, until the next
    /// [`row_time`](Self::row_time). `beginning` is put into the statement as it is.
    fn refuse_rows(&self, beginning: &'static str) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// Whether the trigger of [`service_time`](Self::service_time) is still on the table.
    fn has_service_time(&self) -> impl Future<Output = Result<bool, sqlx::Error>>;
    /// Plants posts with these contents, a second apart, the last one a minute ago. Returns their ids, oldest first.
    fn plant(
        &self,
        contents: impl IntoIterator<Item = String>,
    ) -> impl Future<Output = Result<Vec<Uuid>, sqlx::Error>>;
    /// Makes the table, for a check whose service must find posts when it starts.
    fn make_table(&self) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// [Plants](Self::plant) so many posts: `post number 0` and on.
    fn plant_numbered(&self, count: usize) -> impl Future<Output = Result<Vec<Uuid>, sqlx::Error>>;
    /// Plants one post, of this instant. Returns its id.
    fn plant_one(&self, content: &str) -> impl Future<Output = Result<Uuid, sqlx::Error>>;
    /// Plants posts with these contents, all of one instant so long `ago`. Returns their ids.
    fn plant_at_once(
        &self,
        contents: impl IntoIterator<Item = String>,
        ago: Duration,
    ) -> impl Future<Output = Result<Vec<Uuid>, sqlx::Error>>;
    /// Plants one post with this id, of this instant.
    fn plant_as(&self, id: Uuid, content: &str) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// Deletes a post, as others may.
    fn delete(&self, id: Uuid) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// How many rows `post` has.
    fn rows(&self) -> impl Future<Output = Result<i64, sqlx::Error>>;
    /// Lets no insert into `post` end until it is released. Reads go on.
    fn hold_inserts(&self) -> impl Future<Output = Result<InsertHold, sqlx::Error>>;
    /// Lets no insert into `post` be committed until it is released. Each has run by then, and only its commit waits.
    fn hold_commits(&self) -> impl Future<Output = Result<InsertHold, sqlx::Error>>;
    /// Lets no insert of a post with this id end until it is released. Others go on, and a service may start.
    fn hold_row(&self, id: Uuid) -> impl Future<Output = Result<InsertHold, sqlx::Error>>;
    /// How many of the subject's connections wait for the end of a hold.
    fn held_inserts(&self) -> impl Future<Output = Result<i64, sqlx::Error>>;
}

impl PostTable for Database {
    async fn service_time(&self, time: Duration) -> Result<(), sqlx::Error> {
        before_inserts(self.pool(), "STATEMENT", &wait_for(time)).await
    }

    async fn locked_time(&self, own: Duration, locked: Duration) -> Result<(), sqlx::Error> {
        /// What one insert at a time holds.
        const LOCK: i64 = 0x6c6f_636b;
        // Chance keeps the inserts out of step.
        let own = format!("PERFORM pg_sleep({} * 2 * random())", own.as_secs_f64());
        let locked = match locked.is_zero() {
            true => String::new(),
            false => format!("; PERFORM pg_advisory_xact_lock({LOCK}); {}", wait_for(locked)),
        };
        before_inserts(self.pool(), "STATEMENT", &(own + &locked)).await
    }

    async fn row_time(&self, time: Duration) -> Result<(), sqlx::Error> {
        before_inserts(self.pool(), "ROW", &wait_for(time)).await
    }

    async fn refuse_inserts(&self) -> Result<(), sqlx::Error> {
        before_inserts(self.pool(), "ROW", DISK_IS_FULL).await
    }

    async fn commit_time(&self, time: Duration) -> Result<(), sqlx::Error> {
        at_commits(self.pool(), &wait_for(time)).await
    }

    async fn refuse_commits(&self) -> Result<(), sqlx::Error> {
        // A sequence counts outside of transactions.
        let counted = "CREATE SEQUENCE IF NOT EXISTS testbed_refused; GRANT USAGE ON SEQUENCE testbed_refused TO PUBLIC";
        sqlx::raw_sql(counted).execute(self.pool()).await?;
        at_commits(self.pool(), &format!("PERFORM nextval('testbed_refused'); {DISK_IS_FULL}")).await
    }

    async fn refused_commits(&self) -> Result<i64, sqlx::Error> {
        let count = "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM testbed_refused";
        sqlx::query_scalar(count).fetch_one(self.pool()).await
    }

    async fn refuse_rows(&self, beginning: &'static str) -> Result<(), sqlx::Error> {
        let refuse = format!(
            "IF NEW.content LIKE '{beginning}%' THEN RAISE 'a constraint of somebody else' USING ERRCODE = 'check_violation'; END IF"
        );
        before_inserts(self.pool(), "ROW", &refuse).await
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

    async fn make_table(&self) -> Result<(), sqlx::Error> {
        // It is the subject's, as if the subject had made it.
        let owned = "DO $$ BEGIN EXECUTE format('ALTER TABLE post OWNER TO %I',
               (SELECT rolname FROM pg_database JOIN pg_roles ON pg_roles.oid = datdba WHERE datname = current_database()));
             END $$";
        sqlx::raw_sql(TABLE).execute(self.pool()).await?;
        sqlx::raw_sql(owned).execute(self.pool()).await.map(|_| ())
    }

    async fn plant_numbered(&self, count: usize) -> Result<Vec<Uuid>, sqlx::Error> {
        self.plant((0..count).map(|n| format!("post number {n}"))).await
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

    async fn plant_as(&self, id: Uuid, content: &str) -> Result<(), sqlx::Error> {
        let insert = "INSERT INTO post (id, content, created_at) VALUES ($1, $2, now())";
        sqlx::query(insert).bind(id).bind(content).execute(self.pool()).await.map(|_| ())
    }

    async fn delete(&self, id: Uuid) -> Result<(), sqlx::Error> {
        sqlx::query("DELETE FROM post WHERE id = $1").bind(id).execute(self.pool()).await.map(|_| ())
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

    async fn hold_commits(&self) -> Result<InsertHold, sqlx::Error> {
        /// What every commit shares, and a hold has for itself.
        const LOCK: i64 = 0x636f_6d6d_6974;
        let mut transaction = self.pool().begin().await?;
        sqlx::query("SELECT pg_advisory_xact_lock($1)").bind(LOCK).execute(&mut *transaction).await?;
        at_commits(self.pool(), &format!("PERFORM pg_advisory_xact_lock_shared({LOCK})")).await?;
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

/// What a statement comes to when the disk is full.
const DISK_IS_FULL: &str = "RAISE 'no space left on device' USING ERRCODE = 'disk_full'";

fn wait_for(time: Duration) -> String {
    format!("PERFORM pg_sleep({})", time.as_secs_f64())
}

/// Has the database do this before it inserts each statement's rows or each row, and nothing else any more.
async fn before_inserts(pool: &PgPool, each: &str, what: &str) -> Result<(), sqlx::Error> {
    // What is returned counts for rows alone: a row goes on as it is.
    let trigger = format!(
        "CREATE OR REPLACE FUNCTION testbed_service_time() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN {what}; RETURN NEW; END $$;
         CREATE OR REPLACE TRIGGER testbed_service_time BEFORE INSERT ON post
         FOR EACH {each} EXECUTE FUNCTION testbed_service_time();"
    );
    sqlx::raw_sql(AssertSqlSafe(trigger)).execute(pool).await.map(|_| ())
}

/// Has the database do this for each inserted row when its transaction is told to commit: it fires then what is deferred.
async fn at_commits(pool: &PgPool, what: &str) -> Result<(), sqlx::Error> {
    let trigger = format!(
        "CREATE OR REPLACE FUNCTION testbed_at_commit() RETURNS trigger LANGUAGE plpgsql AS
         $$ BEGIN {what}; RETURN NULL; END $$;
         DROP TRIGGER IF EXISTS testbed_at_commit ON post;
         CREATE CONSTRAINT TRIGGER testbed_at_commit AFTER INSERT ON post DEFERRABLE INITIALLY DEFERRED
         FOR EACH ROW EXECUTE FUNCTION testbed_at_commit();"
    );
    sqlx::raw_sql(AssertSqlSafe(trigger)).execute(pool).await.map(|_| ())
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

/// Inserts, or their commits, wait as long as this is held.
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
