//! Answered against stored, for posts.

use std::time::Duration;

use testbed::ledger::Row;
use testbed::prelude::*;

use super::{BY_HAND, origin};

/// How long the statements of a killed service may take to end, in the server's own time.
const AT_REST: Duration = Duration::from_secs(20);

/// The reckoning of a load run against the table.
pub trait Reckoned {
    /// Compares a load run with the table, once no insert is under way any more. Rows of other runs and of posts
    /// [by hand](BY_HAND) do not count.
    fn ledger(&self, run: &Finished) -> impl Future<Output = Result<Ledger, Stop>>;
}

impl Reckoned for Bed {
    async fn ledger(&self, run: &Finished) -> Result<Ledger, Stop> {
        self.says("counting what is stored");
        at_rest(self).await?;
        let rows: Vec<(uuid::Uuid, String)> =
            sqlx::query_as("SELECT id, content FROM post").fetch_all(self.database().pool()).await?;
        let runs = self.runs();
        let of_this_run = |content: &str| {
            let made_by = origin(content);
            let other = made_by
                .is_some_and(|(made_by, _)| made_by != run.run() && runs.iter().any(|run| run == made_by));
            if other || content.starts_with(BY_HAND) {
                return None;
            }
            Some(made_by.filter(|(made_by, _)| *made_by == run.run()).map(|(_, n)| n))
        };
        let rows: Vec<Row> = rows
            .into_iter()
            .filter_map(|(id, content)| Some(Row { id, made_by: of_this_run(&content)? }))
            .collect();
        Ok(Ledger::reckon(run.samples(), &rows))
    }
}

/// Waits until no connection of the service is in a statement.
async fn at_rest(bed: &Bed) -> Result<(), Stop> {
    let watch = bed.postgres().watch(bed.database()).await?;
    if watch.settles(AT_REST, |seen| seen.busy == 0).await.is_some() {
        return Ok(());
    }
    let cause = format!("{} connections still at work after {} s", watch.latest().busy, AT_REST.as_secs());
    Err(Stop::Inconclusive(format!("the table was never at rest, so it could not be counted: {cause}")))
}
