//! How much of what PostgreSQL can insert reaches it through the solution of lab 01: POST goodput ÷ pgbench.

use std::path::Path;

use testbed::images::Service;
use testbed::services::Services;
use testbed::setup::SetUp;

use super::peers::{best_goodput, build, none, pgbench, start};
use super::{PAIRS, table};
use crate::clean::block_on;
use crate::workspace::Workspace;

/// Connections of both.
const POOL: usize = 10;
/// The bar: the solution's goodput in parts of pgbench's rate.
const BAR: f64 = 0.7;
/// The rates that are offered to the solution, in parts of pgbench's: its best goodput counts. They go on above the
/// bar, since a service cannot accept more than it is offered.
const OFFERED: [f64; 6] = [0.55, 0.6, 0.65, 0.7, 0.75, 0.8];

/// Measures, prints, and says whether the bar was held.
pub fn measure(workspace: &Workspace) -> Result<bool, SetUp> {
    let service = build(workspace, "solution-01-direct-write", &[])?;
    // The load shares the processors with what it measures, and this program is not optimised.
    let load = build(workspace, "testbed", &["--example", "offer_posts"])?;
    block_on(async {
        let services = Services::start(&[Service::Postgres]).await?;
        let pairs = pairs(&services, &service, &load).await;
        services.stop().await?;
        pairs
    })?
}

async fn pairs(services: &Services, binary: &Path, load: &Path) -> Result<bool, SetUp> {
    let postgres = services.postgres.as_ref().ok_or_else(none)?;
    let database = postgres.fresh_database().await?;
    let connections = POOL.to_string();
    let settings = [("DATABASE_URL", database.url(None)), ("DATABASE_MAX_CONNECTIONS", connections)];
    let service = start(binary, &settings).await?;
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let direct = pgbench(&database, POOL)?;
        let through = best_goodput(load, service.addr(), &OFFERED.map(|part| part * direct))?;
        pairs.push((direct, through));
    }
    drop(service);
    postgres.drop_database(database).await?;
    Ok(table(("pgbench /s", "goodput /s"), &pairs, BAR))
}
