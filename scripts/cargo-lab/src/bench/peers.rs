//! What is measured, and what it is measured beside: the subject, pgbench, the load, programs that do one half of the work.

use std::io::Write as _;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Output, Stdio};

use tempfile::NamedTempFile;
use testbed::bed::{Bed, ServiceSettings};
use testbed::services::Database;
use testbed::setup::SetUp;
use tokio::process::Command;

use super::RUN;

/// The subject, with little to say: a line for each request would be measured, too.
pub fn quiet(bed: &Bed) -> ServiceSettings {
    bed.service().set("RUST_LOG", "error")
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
pub async fn best_goodput(load: &Path, service: SocketAddr, rates: &[f64]) -> Result<Goodput, SetUp> {
    let mut best = Goodput::default();
    for rate in rates {
        let goodput = goodput(load, service, *rate).await?;
        if goodput.rate > best.rate {
            best = goodput;
        }
    }
    Ok(best)
}

/// What is accepted while `rate` posts a second are offered.
async fn goodput(load: &Path, service: SocketAddr, rate: f64) -> Result<Goodput, SetUp> {
    let mut command = Command::new(load);
    command.arg(service.to_string());
    command.args(["--rate", &rate.to_string(), "--seconds", &RUN.as_secs().to_string()]);
    let [rate, load] = figures(&mut command).await?;
    Ok(Goodput { rate, load })
}

/// The figures that a program prints.
pub async fn figures<const N: usize>(command: &mut Command) -> Result<[f64; N], SetUp> {
    let words = words(command).await?;
    let figures: Option<Vec<f64>> = words.split_whitespace().map(|word| word.parse().ok()).collect();
    let figures = figures.and_then(|figures| figures.try_into().ok());
    figures.ok_or_else(|| SetUp::from_cause(format!("read what `{}` reports", name(command)), words))
}

/// What a program prints until its end.
pub async fn words(command: &mut Command) -> Result<String, SetUp> {
    let output = ended(command.stderr(Stdio::inherit())).await;
    let output = output.map_err(|error| SetUp::from_cause(format!("run `{}`", name(command)), error))?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Single-row inserts a second by `pgbench -M prepared` with so many clients, over the same TCP port as the service's.
pub async fn pgbench(database: &Database, clients: usize) -> Result<f64, SetUp> {
    let statement =
        "INSERT INTO post (id, content, created_at) VALUES (gen_random_uuid(), repeat('x', 64), now());\n";
    let script = script(statement)?;
    let mut command = Command::new("pgbench");
    command.args(["--no-vacuum", "--protocol=prepared", "--jobs=1", "--client", &clients.to_string()]);
    command.args(["--time", &RUN.as_secs().to_string(), "--file"]).arg(script.path()).arg(database.url(None));
    let words = postgres_tool(&mut command).await?;
    let rate = words.lines().find_map(|line| line.strip_prefix("tps = ")?.split(' ').next()?.parse().ok());
    rate.ok_or_else(|| SetUp::from_cause("read what `pgbench` reports", words))
}

/// Rows a second that `psql` copies into `post` over one connection, with a COPY and a commit for each `batch` of them.
pub async fn copy(database: &Database, rows: usize, batch: usize) -> Result<f64, SetUp> {
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
    let words = postgres_tool(&mut command).await?;
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
async fn postgres_tool(command: &mut Command) -> Result<String, SetUp> {
    let name = name(command);
    let fault = |cause: &dyn std::fmt::Display| {
        SetUp::new(
            format!("run {name}"),
            cause,
            "install it (Debian: postgresql-contrib and postgresql-client)",
        )
    };
    let output = ended(command.stderr(Stdio::piped())).await.map_err(|error| fault(&error))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(fault(&String::from_utf8_lossy(&output.stderr).trim())),
    }
}

/// What a program prints until its end. It is killed with whoever no longer waits for it.
async fn ended(command: &mut Command) -> std::io::Result<Output> {
    command.kill_on_drop(true).stdin(Stdio::null()).stdout(Stdio::piped()).spawn()?.wait_with_output().await
}

fn name(command: &Command) -> String {
    command.as_std().get_program().to_string_lossy().into_owned()
}
