//! How instances start: several at the same moment on a database where nothing is yet, and one more where something is.

use std::collections::BTreeSet;
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
    drop(instances);
    Ok(told.and(what_is_there_stays(&bed).await?))
}

/// What there is of the table: a name, what lists it, and whether a subject may add to it.
const THERE: [(&str, &str, bool); 5] = [
    (
        "columns",
        "SELECT attname || format_type(atttypid, atttypmod) || attnotnull || coalesce(pg_get_expr(adbin, adrelid), '')
         FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
         WHERE attrelid = 'post'::regclass AND attnum > 0",
        false,
    ),
    (
        "constraints",
        "SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid = 'post'::regclass",
        false,
    ),
    (
        "triggers",
        "SELECT tgname || tgenabled::text FROM pg_trigger WHERE tgrelid = 'post'::regclass AND NOT tgisinternal",
        true,
    ),
    ("indexes", "SELECT indexname::text FROM pg_indexes WHERE tablename = 'post'", true),
    ("rows", "SELECT id::text FROM post", true),
];

/// The promise that a start drops and alters nothing that it finds: neither a table that others made, nor what they made on it.
async fn what_is_there_stays(bed: &Bed) -> Verdict {
    const OF_OTHERS: &str = "INSERT INTO post VALUES (gen_random_uuid(), 'by others', now());
        CREATE INDEX of_others ON post (content);
        CREATE FUNCTION of_others() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER of_others BEFORE INSERT ON post FOR EACH ROW EXECUTE FUNCTION of_others()";
    sqlx::raw_sql("DROP TABLE post").execute(bed.database().pool()).await?;
    bed.database().make_table().await?;
    sqlx::raw_sql(OF_OTHERS).execute(bed.database().pool()).await?;
    let before = what_is_there(bed).await?;
    let _one_more = bed.service().named("one more").start().await?;
    let after = what_is_there(bed).await?;
    let is_kept = |at: usize| match THERE[at].2 {
        true => before[at].is_subset(&after[at]),
        false => before[at] == after[at],
    };
    let others: Vec<&str> = (0..THERE.len()).filter(|at| !is_kept(*at)).map(|at| THERE[at].0).collect();
    promise("a start leaves what it finds as it is: the table, its rows, and what others made on it")
        .observed(Fact::named("looked at", THERE.map(|(name, ..)| name).join(", ")))
        .observed((!others.is_empty()).then(|| Fact::named("dropped or altered", others.join(", "))))
        .likely(
            true,
            "the schema is made anew, or changed, at every start",
            "look whether the table is there, and make only what is missing",
        )
        .kept_if(others.is_empty())
}

async fn what_is_there(bed: &Bed) -> Result<Vec<BTreeSet<String>>, Stop> {
    let mut there = Vec::new();
    for (_, query, _) in THERE {
        let listed: Vec<String> = sqlx::query_scalar(query).fetch_all(bed.database().pool()).await?;
        there.push(listed.into_iter().collect());
    }
    Ok(there)
}
