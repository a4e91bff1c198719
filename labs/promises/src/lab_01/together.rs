//! Several instances that start at the same moment, on a database where nothing is yet.

use std::time::Duration;

use futures_util::future::join_all;
use testbed::wait;

use crate::contract::TABLE;
use crate::contract::prelude::*;

/// Instances that start at once make the schema once, and all of them are ready.
pub(crate) async fn start_together(bed: Bed, agreement: Agreement) -> Verdict {
    const INSTANCES: usize = 4;
    /// How long they may take until each waits for the table: a virtual machine starts slowly.
    const GATHERED: Duration = Duration::from_secs(15);
    // A table that is being made, and then is not: whoever wants to make it waits, and all go on in the same instant.
    let mut hold = bed.database().pool().begin().await?;
    sqlx::raw_sql(TABLE).execute(&mut *hold).await?;
    let mut instances = Vec::new();
    for n in 1..=INSTANCES {
        instances.push(bed.service().named(&format!("instance-{n}")).begin()?);
    }
    let all = i64::try_from(INSTANCES).unwrap_or(i64::MAX);
    let gathered = wait::try_until(GATHERED, async || {
        Ok::<_, Stop>((bed.database().held_inserts().await? >= all).then_some(()))
    });
    let gathered = gathered.await?.is_some();
    hold.rollback().await?;
    let ready = join_all(instances.iter().map(Subject::ready)).await;
    let failed = ready.iter().filter(|ready| ready.is_err()).count();
    let told = promise("instances that start at the same moment on an empty database are all ready")
        .observed(Fact::count("instances", INSTANCES))
        .observed(Fact::named("all waited for the table at once", if gathered { "yes" } else { "no" }))
        .observed(Fact::count("did not start", failed))
        .likely(
            failed > 0,
            "each found no table, and all but one failed to make it: CREATE TABLE IF NOT EXISTS looks first, and creates then",
            "let them take turns: an advisory lock around the schema, or try again when somebody else was quicker",
        )
        .kept_if(failed == 0)?;
    for instance in &instances {
        agreement.posting.post(instance, &serde_json::json!({"content": "by one of several"})).await?;
    }
    Ok(told)
}
