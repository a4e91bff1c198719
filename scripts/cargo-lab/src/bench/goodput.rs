//! How much of what PostgreSQL can insert reaches it through the solution of lab 01: POST goodput ÷ pgbench.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use testbed::images::Service;
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
/// The rates that are offered to the solution, in parts of pgbench's: its best goodput counts. They go on above the
/// bar, since a service cannot accept more than it is offered.
const OFFERED: [f64; 5] = [0.5, 0.6, 0.7, 0.8, 0.9];

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

/// The release build of a package's program, or of its example.
fn build(workspace: &Workspace, package: &str, example: &[&str]) -> Result<PathBuf, SetUp> {
    let message_format = ["--message-format", "json-render-diagnostics"];
    let arguments =
        [&["build", "--release", "--quiet", "--package", package], example, &message_format].concat();
    let name = example.last().unwrap_or(&package);
    let built = executable(process::cargo(&workspace.root, &arguments), name)?;
    built.ok_or_else(|| {
        SetUp::new(format!("build `{name}`"), "it does not compile", "look at what cargo says above")
    })
}

async fn pairs(services: &Services, binary: &Path, load: &Path) -> Result<bool, SetUp> {
    let no_database = || SetUp::new("find PostgreSQL", "the services have none", "report this");
    let postgres = services.postgres.as_ref().ok_or_else(no_database)?;
    let database = postgres.fresh_database().await?;
    let service = start(binary, &database).await?;
    println!("{:<6} {:>12} {:>14} {:>8}", "pair", "pgbench /s", "goodput /s", "ratio");
    let mut ratios = Vec::new();
    for pair in 1..=PAIRS {
        let direct = pgbench(&database)?;
        let through = best_goodput(load, service.addr(), direct)?;
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
fn best_goodput(load: &Path, service: SocketAddr, direct: f64) -> Result<f64, SetUp> {
    let mut best = 0.0;
    for part in OFFERED {
        best = f64::max(best, goodput(load, service, part * direct)?);
    }
    Ok(best)
}

/// Accepted posts a second while `rate` a second are offered.
fn goodput(load: &Path, service: SocketAddr, rate: f64) -> Result<f64, SetUp> {
    let mut command = Command::new(load);
    command.arg(service.to_string());
    command.args(["--rate", &rate.to_string(), "--seconds", &RUN.as_secs().to_string()]);
    let output = process::output(command)?;
    let words = String::from_utf8_lossy(&output.stdout);
    words.trim().parse().map_err(|error| SetUp::from_cause("read what the load reports", error))
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
