//! What is measured, and what it is measured beside: release builds, subjects, pgbench, the load.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::NamedTempFile;
use testbed::services::Database;
use testbed::setup::SetUp;
use testbed::subject::{Launch, Stderr, Subject};
use testbed::verdict::Stop;

use super::RUN;
use crate::workspace::Workspace;
use crate::{process, verify};

/// The services were started without one that is needed.
pub fn none() -> SetUp {
    SetUp::new("find a service", "this run has none", "report this")
}

/// The release build of a package's program, or of its example.
pub fn build(workspace: &Workspace, package: &str, example: &[&str]) -> Result<PathBuf, SetUp> {
    let built = verify::build(workspace, package, &[&["--release"], example].concat())?;
    built.ok_or_else(|| {
        let name = example.last().unwrap_or(&package);
        SetUp::new(format!("build `{name}`"), "it does not compile", "look at what cargo says above")
    })
}

/// Starts a solution with these settings, and little to say.
pub async fn start(binary: &Path, settings: &[(&str, String)]) -> Result<Subject, SetUp> {
    let mut launch = Launch {
        binary: binary.to_path_buf(),
        arguments: Vec::new(),
        environment: [("RUST_LOG".to_owned(), "error".to_owned())].into(),
        nofile: None,
    };
    launch.environment.extend(settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone())));
    Subject::start(launch, Stderr::default()).await.map_err(|stop| match stop {
        Stop::SetUp(fault) => fault,
        other => SetUp::new(
            format!("start `{}`", binary.display()),
            format!("{other:?}"),
            "look whether it keeps its promises: cargo lab check NN --solution",
        ),
    })
}

/// What a service accepts, and what it takes to offer that.
#[derive(Clone, Copy, Default)]
pub struct Goodput {
    /// Accepted posts a second.
    pub rate: f64,
    /// What the load took of all processors' time: 0 to 1.
    pub load: f64,
}

/// The best rate at which a service accepts posts, over the rates that are offered.
pub fn best_goodput(load: &Path, service: SocketAddr, rates: &[f64]) -> Result<Goodput, SetUp> {
    let mut best = Goodput::default();
    for rate in rates {
        let goodput = goodput(load, service, *rate)?;
        if goodput.rate > best.rate {
            best = goodput;
        }
    }
    Ok(best)
}

/// What is accepted while `rate` posts a second are offered.
fn goodput(load: &Path, service: SocketAddr, rate: f64) -> Result<Goodput, SetUp> {
    let mut command = Command::new(load);
    command.arg(service.to_string());
    command.args(["--rate", &rate.to_string(), "--seconds", &RUN.as_secs().to_string()]);
    let [rate, load] = figures(command)?;
    Ok(Goodput { rate, load })
}

/// The figures that a program prints.
pub fn figures<const N: usize>(command: Command) -> Result<[f64; N], SetUp> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = process::output(command)?;
    let words = String::from_utf8_lossy(&output.stdout);
    let figures: Option<Vec<f64>> = words.split_whitespace().map(|word| word.parse().ok()).collect();
    figures
        .and_then(|figures| figures.try_into().ok())
        .ok_or_else(|| SetUp::from_cause(format!("read what `{name}` reports"), words))
}

/// Single-row inserts a second by `pgbench -M prepared` with so many clients, over the same TCP port as the service's.
pub fn pgbench(database: &Database, clients: usize) -> Result<f64, SetUp> {
    let statement =
        "INSERT INTO post (id, content, created_at) VALUES (gen_random_uuid(), repeat('x', 64), now());\n";
    let script = script(statement)?;
    let mut command = Command::new("pgbench");
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=1", "--client", &clients.to_string()]);
    command.args(["--time", &RUN.as_secs().to_string(), "--file"]).arg(script.path()).arg(database.url(None));
    let words = postgres_tool(command)?;
    let rate = words.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.ok_or_else(|| SetUp::from_cause("read what `pgbench` reports", words))
}

/// Rows a second that `psql` copies into `post` over one connection, with a COPY and a commit for each `batch` of them.
pub fn copy(database: &Database, rows: usize, batch: usize) -> Result<f64, SetUp> {
    let row = || format!("{}\t{}\t2026-11-23T09:30:00.123456Z\n", uuid::Uuid::now_v7(), "x".repeat(64));
    let clock = "SELECT extract(epoch FROM clock_timestamp());\n";
    let copies = (0..rows.div_ceil(batch)).map(|_| {
        let rows: String = (0..batch).map(|_| row()).collect();
        format!("COPY post (id, content, created_at) FROM STDIN;\n{rows}\\.\n")
    });
    let script = script(&format!("{clock}{}{clock}", copies.collect::<String>()))?;
    let mut command = Command::new("psql");
    command.args(["--quiet", "--no-align", "--tuples-only", "--no-psqlrc", "--file"]);
    command.arg(script.path()).arg(database.url(None));
    let words = postgres_tool(command)?;
    let instants: Vec<f64> = words.lines().filter_map(|line| line.parse().ok()).collect();
    match instants.as_slice() {
        [began, ended] => Ok(rows as f64 / (ended - began).max(0.001)),
        _ => Err(SetUp::from_cause("read what `psql` reports", words)),
    }
}

/// A script in a file, which is gone when this is dropped.
fn script(text: &str) -> Result<NamedTempFile, SetUp> {
    let fault = |error| SetUp::from_cause("write a script for PostgreSQL's tools", error);
    let mut file = NamedTempFile::new().map_err(fault)?;
    file.write_all(text.as_bytes()).map_err(fault)?;
    Ok(file)
}

/// What one of PostgreSQL's own tools prints.
fn postgres_tool(mut command: Command) -> Result<String, SetUp> {
    let name = command.get_program().to_string_lossy().into_owned();
    let fault = |cause: &dyn std::fmt::Display| {
        SetUp::new(
            format!("run {name}"),
            cause,
            "install it (Debian: postgresql-contrib and postgresql-client)",
        )
    };
    let output = command.output().map_err(|error| fault(&error))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(fault(&String::from_utf8_lossy(&output.stderr).trim())),
    }
}
