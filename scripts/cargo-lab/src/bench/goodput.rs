//! How much of what PostgreSQL can insert reaches it through the solution of lab 01: POST goodput ÷ pgbench.

use std::path::Path;

use promises::contract::Settings as _;
use testbed::bed::Bed;
use testbed::endpoint::Endpoint as _;
use testbed::images::Service;
use testbed::run::Run;
use testbed::setup::SetUp;
use testbed::verdict::Stop;

use super::pair::{Pair, judge};
use super::peers::{best_goodput, pgbench, quiet};
use super::{PAIRS, example, on_a_bed};
use crate::workspace::Workspace;

/// Connections of both.
const POOL: usize = 10;
/// The bar: the solution's goodput in parts of pgbench's rate, on as much of the processors.
const BAR: f64 = 0.7;
/// The rates that are offered to the solution, in parts of pgbench's: its best goodput counts. They go on above the
/// bar, since a service cannot accept more than it is offered.
const OFFERED: [f64; 6] = [0.55, 0.6, 0.65, 0.7, 0.75, 0.8];

/// Measures, prints, and says whether the bar was held.
pub fn measure(run: &Run, workspace: &Workspace) -> Result<bool, SetUp> {
    // The load shares the processors with what it measures, and this program is not optimised.
    let load = example(workspace, "promises", "offer_posts")?;
    let package = "solution-01-direct-write";
    on_a_bed(run, workspace, package, &[Service::Postgres], async |bed| pairs(&bed, &load).await)
}

async fn pairs(bed: &Bed, load: &Path) -> Result<bool, Stop> {
    let service = quiet(bed).pool(POOL).start().await?;
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let direct = pgbench(bed.database(), POOL).await?;
        let through = best_goodput(load, service.addr(), &OFFERED.map(|part| part * direct)).await?;
        pairs.push(Pair { direct, through });
    }
    Ok(judge("pgbench /s", &pairs, BAR))
}
