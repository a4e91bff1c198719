//! How much of what PostgreSQL can insert reaches it through the solution of lab 01: POST goodput ÷ pgbench.
//!
//! pgbench drives itself; a service is driven by a load, which runs on the same processors. So the load's processor time is
//! measured, and the bar is held by the ratio on what the load leaves. Both ratios are printed.

use std::path::Path;

use promises::contract::Settings as _;
use testbed::bed::Bed;
use testbed::endpoint::Endpoint as _;
use testbed::images::Service;
use testbed::run::Run;
use testbed::setup::SetUp;
use testbed::verdict::Stop;

use super::peers::{Goodput, best_goodput, pgbench, quiet};
use super::{PAIRS, example, judged, median, on_a_bed};
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
    Ok(judge(&pairs))
}

/// pgbench's rate, and then the solution's.
struct Pair {
    direct: f64,
    through: Goodput,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.through.rate / self.direct
    }

    /// The ratio, had the service had the processors to itself and its database, as pgbench has.
    fn beside_load(&self) -> f64 {
        self.ratio() / (1.0 - self.through.load)
    }
}

fn judge(pairs: &[Pair]) -> bool {
    println!(
        "{:<6} {:>12} {:>12} {:>8} {:>14} {:>18}",
        "pair", "pgbench /s", "goodput /s", "ratio", "load's share", "ratio on the rest"
    );
    for (number, pair) in pairs.iter().enumerate() {
        let Pair { direct, through } = pair;
        let (ratio, share, rest) = (pair.ratio(), through.load * 100.0, pair.beside_load());
        println!(
            "{:<6} {direct:>12.0} {:>12.0} {ratio:>8.2} {share:>12.0} % {rest:>18.2}",
            number + 1,
            through.rate
        );
    }
    println!("median of the ratios as they stand: {:.2}", median(pairs.iter().map(Pair::ratio)));
    judged(median(pairs.iter().map(Pair::beside_load)), BAR)
}
