//! The stress test on one stage, and what was seen of it.

use std::collections::BTreeMap;
use std::time::Duration;

use promises::contract::prelude::*;
use promises::contract::{DEADLINE, QUEUE, places};
use testbed::stack::{PROXY, Plan, Stack};

use super::cause::{Cause, Signs};
use super::stage::{Deployment, Stage};
use crate::subject::server;

/// Posts a second, and as many looks at page 1: few enough for a small machine that carries a whole stack beside the load.
pub const RATE: f64 = 100.0;
/// Connections that one process may hold to the database.
const POOL: usize = 3;
/// How long a statement keeps its connection busy.
const STATEMENT: Duration = Duration::from_millis(100);
/// What one pool makes of it, in statements a second.
pub const CAPACITY: f64 = 30.0;
/// What a client waits: the deadline, and a second for the host.
const PATIENCE: Duration = Duration::from_secs(DEADLINE.as_secs() + 1);
/// Three pages of posts.
const PLANTED: usize = 45;

/// What was seen of one stage.
pub struct Seen {
    /// Who stands where, and which limits there are.
    pub plan: Vec<String>,
    /// The posts.
    pub posts: Finished,
    /// The looks at page 1.
    pub reads: Finished,
    /// Answered against stored, when the queue is worked off.
    pub ledger: Ledger,
    /// How many statements read the table meanwhile.
    pub statements: u64,
    /// Why something failed.
    pub signs: Signs,
}

/// What runs.
enum Running {
    Processes(Vec<Subject>),
    Stack(Box<Stack>),
}

/// Starts the stage, loads it, and counts what is stored when the queue is worked off.
///
/// # Errors
/// A stage that does not start, a host that could not carry the load, and faults of the set-up.
pub async fn stress(stage: &Stage, bed: &Bed, length: Duration) -> Result<Seen, Stop> {
    let database = bed.database();
    database.make_table().await?;
    database.plant_numbered(PLANTED).await?;
    database.service_time(STATEMENT).await?;
    database.read_time(STATEMENT).await?;
    let (running, plan) = started(stage, bed).await?;
    let entry = running.entry()?;
    let connections = bed.postgres().watch(database).await?;
    let before = database.reads().await?;
    let posts = bed.posts(&entry, Schedule::poisson(RATE, length, 1)).label("posts");
    let reads = bed.gets(&entry, "/posts", Schedule::poisson(RATE, length, 2)).label("looks at page 1");
    // Half of the clients write, and half of them read.
    let posts = posts.clients(stage.clients / 2).patience(PATIENCE).start();
    let reads = reads.clients(stage.clients / 2).patience(PATIENCE).start();
    let (posts, reads) = (posts.finish().await, reads.finish().await);
    let (posts, reads) = (posts?, reads?);
    let (statements, busy) = (database.reads().await? - before, connections.peak().busy);
    drop(connections);
    let ledger = bed.drained(&posts, QUEUE).await?.ledger;
    let said = running.proxy_said().await?;
    let signs = Signs {
        failed_posts: posts.counts().scheduled - posts.counts().accepted,
        failed_reads: reads.counts().scheduled - reads.counts().accepted,
        database_is_full: busy >= POOL,
        no_connection: said.contains("worker_connections are not enough"),
        too_many_files: said.contains("Too many open files"),
    };
    running.stop().await?;
    Ok(Seen { plan, posts, reads, ledger, statements, signs })
}

impl Seen {
    /// How many requests are under way at once, when all take as long as those that succeed take on average.
    pub fn in_flight(&self) -> Option<f64> {
        let accepted =
            |run: &Finished| run.accepted().filter_map(Sample::latency_from_send).collect::<Vec<Duration>>();
        let took: Vec<Duration> = [accepted(&self.posts), accepted(&self.reads)].concat();
        let mean = took.iter().sum::<Duration>().checked_div(u32::try_from(took.len()).ok()?)?;
        Some(2.0 * RATE * mean.as_secs_f64())
    }

    /// What failed first, as far as it shows.
    pub fn cause(&self) -> Option<Cause> {
        Cause::of(self.signs)
    }
}

/// Starts what the stage deploys; and who stands where.
async fn started(stage: &Stage, bed: &Bed) -> Result<(Running, Vec<String>), Stop> {
    let near = |who: &str| format!("{who}, near by; each process has {POOL} connections to the database");
    match stage.deployed {
        Deployment::One => {
            let one = server(bed).pool(POOL).start().await?;
            Ok((Running::Processes(vec![one]), vec![near("one instance and its database")]))
        }
        Deployment::Two => {
            let api = server(bed).role("api").pool(POOL).start().await?;
            let consumer = server(bed).role("consumer").pool(POOL).start().await?;
            let plan = vec![near("one instance, one consumer, their broker and database")];
            Ok((Running::Processes(vec![api, consumer]), plan))
        }
        Deployment::Stack { connections, nofile, .. } => {
            let mut layout = places(bed).set("RUST_LOG", "error").set("DATABASE_MAX_CONNECTIONS", POOL);
            if let Some(connections) = connections {
                layout = layout.worker_connections(connections);
            }
            let mut plan = bed.planned(&layout)?;
            if let (Some(proxy), Some(_)) = (&mut plan.proxy, nofile) {
                proxy.nofile = nofile;
            }
            Ok((Running::Stack(Box::new(bed.stack(&plan).await?)), placed(&plan)))
        }
    }
}

impl Running {
    /// Where clients' requests go in.
    fn entry(&self) -> Result<std::net::SocketAddr, SetUp> {
        match self {
            Running::Processes(processes) => Ok(processes[0].addr()),
            Running::Stack(stack) => Ok(stack.entry()?.addr()),
        }
    }

    /// What the proxy said on stderr, where there is one.
    async fn proxy_said(&self) -> Result<String, SetUp> {
        match self {
            Running::Processes(_) => Ok(String::new()),
            Running::Stack(stack) => Ok(stack.proxy()?.logs().await?.stderr),
        }
    }

    async fn stop(self) -> Result<(), SetUp> {
        match self {
            Running::Processes(_) => Ok(()),
            Running::Stack(stack) => stack.stop().await,
        }
    }
}

/// Who is in which zone, and the proxy's limits.
fn placed(plan: &Plan) -> Vec<String> {
    let mut zones: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    let instances = plan.instances.iter().map(|instance| (instance.zone.as_str(), instance.name.as_str()));
    let servers = plan.servers.iter().map(|server| (server.zone.as_str(), server.name.as_str()));
    let proxy = plan.zone(PROXY).map(|zone| (zone, "nginx"));
    for (zone, name) in proxy.into_iter().chain(instances).chain(servers) {
        zones.entry(zone).or_default().push(name);
    }
    let mut told: Vec<String> =
        zones.iter().map(|(zone, names)| format!("{zone}: {}", names.join(", "))).collect();
    let proxy = plan.proxy.as_ref();
    let connections = proxy.and_then(|proxy| proxy.environment.get("WORKER_CONNECTIONS"));
    let connections = connections.map(|count| format!("{count} connections"));
    let files = proxy.and_then(|proxy| proxy.nofile).map(|(soft, _)| format!("{soft} open files"));
    let limits: Vec<String> = connections.into_iter().chain(files).collect();
    if !limits.is_empty() {
        told.push(format!("nginx may have {}", limits.join(" and ")));
    }
    told
}
