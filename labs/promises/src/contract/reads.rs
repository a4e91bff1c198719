//! What a check does to the reads of the table `post`: it slows them, counts them exactly, and lets them fail.

use std::time::Duration;

use sqlx::AssertSqlSafe;
use testbed::services::Database;

/// The check's own way into the reads.
pub trait ReadsOfPosts {
    /// Gives every statement that reads `post` a service time, and counts it from now on. Inserts pay nothing, and are not counted.
    ///
    /// By row-level security: the condition of its policy is a function without a row, which PostgreSQL calls once for each
    /// place where a statement names the table. The first call of a statement pays and counts for all of them.
    fn read_time(&self, time: Duration) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// As [`read_time`](Self::read_time) with no time, and each statement that reads `post` fails.
    fn fail_reads(&self) -> impl Future<Output = Result<(), sqlx::Error>>;
    /// How many statements read `post` since the first call of one of these. Those that failed later count, too.
    fn reads(&self) -> impl Future<Output = Result<u64, sqlx::Error>>;
    /// How many of them put in order what they read, as a list must, and a look whether a post is there need not.
    fn ordered_reads(&self) -> impl Future<Output = Result<u64, sqlx::Error>>;
}

impl ReadsOfPosts for Database {
    async fn read_time(&self, time: Duration) -> Result<(), sqlx::Error> {
        gauge(self, &format!("PERFORM pg_sleep({});", time.as_secs_f64())).await
    }

    async fn fail_reads(&self) -> Result<(), sqlx::Error> {
        gauge(self, "RAISE EXCEPTION 'planted by the check';").await
    }

    async fn reads(&self) -> Result<u64, sqlx::Error> {
        counted(self, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM testbed_reads").await
    }

    async fn ordered_reads(&self) -> Result<u64, sqlx::Error> {
        counted(self, "SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM testbed_ordered_reads")
            .await
    }
}

async fn counted(database: &Database, count: &'static str) -> Result<u64, sqlx::Error> {
    let reads: i64 = sqlx::query_scalar(count).fetch_one(database.pool()).await?;
    Ok(u64::try_from(reads).unwrap_or(0))
}

/// Lets each statement that reads `post` be counted, and then do what `body` says.
async fn gauge(database: &Database, body: &str) -> Result<(), sqlx::Error> {
    // A sequence counts outside of transactions. The arbiter of an insert reads, too: that is no read of the service's.
    let function = format!(
        "CREATE SEQUENCE IF NOT EXISTS testbed_reads;
         CREATE SEQUENCE IF NOT EXISTS testbed_ordered_reads;
         CREATE OR REPLACE FUNCTION testbed_read() RETURNS boolean LANGUAGE plpgsql STABLE SECURITY DEFINER AS
         $$ BEGIN
           IF current_query() ~* '\\minsert\\M' THEN RETURN true; END IF;
           IF current_setting('testbed.read', true) = statement_timestamp()::text THEN RETURN true; END IF;
           PERFORM set_config('testbed.read', statement_timestamp()::text, false);
           PERFORM nextval('testbed_reads');
           IF current_query() ~* '\\morder\\s+by\\M' THEN PERFORM nextval('testbed_ordered_reads'); END IF;
           {body}
           RETURN true;
         END $$;"
    );
    sqlx::raw_sql(AssertSqlSafe(function)).execute(database.pool()).await?;
    let is_set: bool = sqlx::query_scalar(
        "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = 'post'::regclass",
    )
    .fetch_one(database.pool())
    .await?;
    if is_set {
        return Ok(());
    }
    // FORCE: the subject owns the table, and owners pass by otherwise.
    let policies = "ALTER TABLE post ENABLE ROW LEVEL SECURITY;
         ALTER TABLE post FORCE ROW LEVEL SECURITY;
         CREATE POLICY testbed_read ON post FOR SELECT USING ((SELECT testbed_read()));
         CREATE POLICY testbed_insert ON post FOR INSERT WITH CHECK (true);
         CREATE POLICY testbed_update ON post FOR UPDATE USING (true);
         CREATE POLICY testbed_delete ON post FOR DELETE USING (true);";
    sqlx::raw_sql(policies).execute(database.pool()).await.map(|_| ())
}
