//! What lab 02's solution makes of a broker and a database, beside what these do without it.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use testbed::images::Service;
use testbed::services::{Database, Services, VirtualHost};
use testbed::setup::SetUp;
use testbed::wait;

use super::peers::{best_goodput, build, figure, none, pgbench, start};
use super::{PAIRS, RUN, table};
use crate::clean::block_on;
use crate::workspace::Workspace;

const QUEUE: &str = "CREATE_POST_QUEUE";
/// What waits in the queue before a drain is timed.
const BACKLOG: usize = 20_000;
/// How many publishes are under way at once, bare and through the solution.
const WINDOW: usize = 200;
/// The most messages of a batch: the contract's default.
const PREFETCH: usize = 200;
/// How long a drain may take.
const LONGEST: Duration = Duration::from_secs(60);
/// The rates that are offered, in parts of what bare publishes reach.
const OFFERED: [f64; 6] = [0.4, 0.45, 0.5, 0.55, 0.6, 0.7];

/// Measures, prints, and says whether the bars were held.
pub fn measure(workspace: &Workspace) -> Result<bool, SetUp> {
    let service = build(workspace, "solution-02-message-queue", &[])?;
    let load = build(workspace, "testbed", &["--example", "offer_posts"])?;
    let bare = build(workspace, "testbed", &["--example", "bare_confirms"])?;
    block_on(async {
        let services = Services::start(&[Service::Postgres, Service::RabbitMq]).await?;
        let held = both(&services, &service, &load, &bare).await;
        services.stop().await?;
        held
    })?
}

async fn both(services: &Services, service: &Path, load: &Path, bare: &Path) -> Result<bool, SetUp> {
    let postgres = services.postgres.as_ref().ok_or_else(none)?;
    let rabbitmq = services.rabbitmq.as_ref().ok_or_else(none)?;
    let (database, host) = (postgres.fresh_database().await?, rabbitmq.fresh_host().await?);
    let settings = |role: &str| {
        [
            ("DATABASE_URL", database.url(None)),
            ("AMQP_URL", host.url(None)),
            ("ROLE", role.to_owned()),
            ("PREFETCH", PREFETCH.to_string()),
        ]
    };
    let api = start(service, &settings("api")).await?;

    println!("HTTP to confirm, beside bare publishes with the same {WINDOW} under way");
    let mut pairs = Vec::new();
    for _ in 0..PAIRS {
        let mut command = Command::new(bare);
        command.args([&host.url(None), QUEUE, &WINDOW.to_string(), &RUN.as_secs().to_string()]);
        let direct = figure(command)?;
        host.purge(QUEUE).await?;
        let through = best_goodput(load, api.addr(), &OFFERED.map(|part| part * direct))?;
        host.purge(QUEUE).await?;
        pairs.push((direct, through));
    }
    let confirms = table(("bare /s", "through HTTP /s"), &pairs, 0.5);

    println!(
        "\ndrain of {BACKLOG} messages, beside pgbench's single-row inserts on as many connections: one"
    );
    let (mut rows, mut copies) = (Vec::new(), Vec::new());
    for _ in 0..PAIRS {
        let direct = pgbench(&database, 1)?;
        let copied = copy(&database).await?;
        let published = host.publish(QUEUE, (0..BACKLOG).map(message)).await;
        published.map_err(|_| SetUp::from_cause("fill the queue", "the api has not declared it"))?;
        let drained = drain(&database, &host, service, &settings("consumer")).await?;
        rows.push((direct, drained));
        copies.push((copied, drained));
    }
    let many = table(("pgbench /s", "drain /s"), &rows, 10.0);
    println!("\nthe same drain, beside one COPY of as many rows");
    let close = table(("COPY /s", "drain /s"), &copies, 0.5);

    drop(api);
    postgres.drop_database(database).await?;
    rabbitmq.drop_host(host).await?;
    Ok(confirms && many && close)
}

fn message(n: usize) -> Vec<u8> {
    let (id, filler) = (uuid::Uuid::now_v7(), "x".repeat(54));
    format!(r#"{{"id":"{id}","content":"{n:>10}{filler}","created_at":"2026-11-23T09:30:00.123456Z"}}"#)
        .into_bytes()
}

/// Rows a second from the consumer's first to its last.
async fn drain(
    database: &Database,
    host: &VirtualHost,
    service: &Path,
    settings: &[(&str, String)],
) -> Result<f64, SetUp> {
    let before = rows(database).await?;
    let _consumer = start(service, settings).await?;
    let (mut first, mut seen) = (None, 0);
    let done = wait::try_until(LONGEST, async || {
        seen = rows(database).await? - before;
        if first.is_none() && seen > 0 {
            first = Some((Instant::now(), seen));
        }
        Ok::<_, SetUp>((seen >= BACKLOG).then(Instant::now))
    });
    let done = done.await?;
    let late = || SetUp::from_cause("drain the queue", format!("{seen} of {BACKLOG} stored in {LONGEST:?}"));
    let ended = done.ok_or_else(late)?;
    let (began, already) = first.unwrap_or((ended, 0));
    host.purge(QUEUE).await?;
    Ok((BACKLOG - already) as f64 / ended.duration_since(began).as_secs_f64().max(0.001))
}

async fn rows(database: &Database) -> Result<usize, SetUp> {
    let rows = database.rows().await.map_err(|error| SetUp::from_cause("count the rows", error))?;
    Ok(usize::try_from(rows).unwrap_or(0))
}

/// Rows a second by one COPY. Not one for each batch: between two of them the connection waits for acknowledgements of the
/// network, which says nothing of COPY.
async fn copy(database: &Database) -> Result<f64, SetUp> {
    let fault = |error| SetUp::from_cause("copy rows into PostgreSQL", error);
    let mut connection = database.pool().acquire().await.map_err(fault)?;
    let row = || format!("{}\t{}\t2026-11-23T09:30:00.123456Z\n", uuid::Uuid::now_v7(), "x".repeat(64));
    let rows: String = (0..BACKLOG).map(|_| row()).collect();
    let started = Instant::now();
    let statement = "COPY post (id, content, created_at) FROM STDIN";
    let mut copy = connection.copy_in_raw(statement).await.map_err(fault)?;
    copy.send(rows.as_bytes()).await.map_err(fault)?;
    copy.finish().await.map_err(fault)?;
    Ok(BACKLOG as f64 / started.elapsed().as_secs_f64())
}
