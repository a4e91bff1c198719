//! How much of what PostgreSQL can insert reaches it through the solution of lab 01: POST goodput ÷ pgbench.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use testbed::images::Service;
use testbed::load::{Load, Schedule, posts};
use testbed::services::{Database, Services};
use testbed::setup::SetUp;
use testbed::subject::{Launch, Stderr, Subject};
use testbed::verdict::Stop;

use crate::clean::block_on;
use crate::process;
use crate::verify::executable;
use crate::workspace::Workspace;

/// Connections of both.
const POOL: usize = 10;
/// How often the pair is measured; the median counts.
const PAIRS: usize = 3;
/// The bar: the solution's goodput in parts of pgbench's rate.
const BAR: f64 = 0.7;
/// How long each measurement runs.
const RUN: Duration = Duration::from_secs(3);
/// The rates that are offered to the solution, in parts of pgbench's: its best goodput counts.
const OFFERED: [f64; 5] = [0.3, 0.4, 0.5, 0.6, 0.7];

/// Measures, prints, and says whether the bar was held.
pub fn measure(workspace: &Workspace) -> Result<bool, SetUp> {
    let arguments = [
        "build",
        "--release",
        "--quiet",
        "--package",
        "solution-01-direct-write",
        "--message-format",
        "json-render-diagnostics",
    ];
    let built = executable(process::cargo(&workspace.root, &arguments), "solution-01-direct-write")?;
    let mend = "look at what cargo says above";
    let binary =
        built.ok_or_else(|| SetUp::new("build the solution of lab 01", "it does not compile", mend))?;
    block_on(async {
        let services = Services::start(&[Service::Postgres]).await?;
        let pairs = pairs(&services, &binary).await;
        services.stop().await?;
        pairs
    })?
}

async fn pairs(services: &Services, binary: &Path) -> Result<bool, SetUp> {
    let no_database = || SetUp::new("find PostgreSQL", "the services have none", "report this");
    let postgres = services.postgres.as_ref().ok_or_else(no_database)?;
    let database = postgres.fresh_database().await?;
    let service = start(binary, &database).await?;
    println!("{:<6} {:>12} {:>14} {:>8}", "pair", "pgbench /s", "goodput /s", "ratio");
    let mut ratios = Vec::new();
    for pair in 1..=PAIRS {
        let direct = pgbench(&database)?;
        let through = best_goodput(service.addr(), direct).await;
        ratios.push(through / direct);
        println!("{pair:<6} {direct:>12.0} {through:>14.0} {:>8.2}", through / direct);
    }
    drop(service);
    postgres.drop_database(database).await?;
    ratios.sort_by(f64::total_cmp);
    let median = ratios[PAIRS / 2];
    println!("median {median:>36.2}   (at least {BAR}: {})", if median >= BAR { "held" } else { "MISSED" });
    Ok(median >= BAR)
}

async fn start(binary: &Path, database: &Database) -> Result<Subject, SetUp> {
    let environment = BTreeMap::from([
        ("DATABASE_URL".to_owned(), database.url(None)),
        ("DATABASE_MAX_CONNECTIONS".to_owned(), POOL.to_string()),
        ("RUST_LOG".to_owned(), "error".to_owned()),
    ]);
    let launch = Launch { binary: binary.to_path_buf(), arguments: Vec::new(), environment, nofile: None };
    Subject::start(launch, Stderr::default()).await.map_err(|stop| match stop {
        Stop::SetUp(fault) => fault,
        other => {
            SetUp::new("start the solution of lab 01", format!("{other:?}"), "cargo lab check 01 --solution")
        }
    })
}

/// The best rate at which posts are accepted, over the offered rates.
async fn best_goodput(service: SocketAddr, direct: f64) -> f64 {
    let mut best = 0.0;
    for part in OFFERED {
        let schedule = Schedule::constant(part * direct, RUN);
        let run = Load::new(service, schedule, posts(format!("bench{}", uuid::Uuid::new_v4().simple()), 64))
            .start();
        let goodput = run.finish().await.goodput(RUN / 4..RUN);
        best = f64::max(best, goodput);
    }
    best
}

/// Single-row inserts a second by `pgbench -M prepared`, over the same TCP port as the service's.
fn pgbench(database: &Database) -> Result<f64, SetUp> {
    let script = std::env::temp_dir().join(format!("insert-{}.sql", std::process::id()));
    let statement =
        "INSERT INTO post (id, content, created_at) VALUES (gen_random_uuid(), repeat('x', 64), now());\n";
    let fault = |error: &dyn std::fmt::Display| {
        SetUp::new("run pgbench", error, "install it (Debian: postgresql-contrib)")
    };
    std::fs::write(&script, statement).map_err(|error| fault(&error))?;
    let output = command(&script, database).output();
    // Whether the script is removed does not matter to the figure.
    let _ = std::fs::remove_file(&script);
    let output = output.map_err(|error| fault(&error))?;
    let words = String::from_utf8_lossy(&output.stdout);
    let rate = words.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.ok_or_else(|| fault(&String::from_utf8_lossy(&output.stderr)))
}

fn command(script: &PathBuf, database: &Database) -> Command {
    let mut command = Command::new("pgbench");
    let connections = POOL.to_string();
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=1", "--client", &connections]);
    command.args(["--time", &RUN.as_secs().to_string(), "--file"]).arg(script).arg(database.url(None));
    command
}
