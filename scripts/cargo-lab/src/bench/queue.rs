//! What lab 02's solution makes of a broker and a database, beside what these do without it.

use std::path::PathBuf;

use promises::contract::Settings as _;
use testbed::bed::{Bed, ServiceSettings};
use testbed::endpoint::Endpoint as _;
use testbed::images::Service;
use testbed::run::Run;
use testbed::setup::SetUp;
use testbed::verdict::Stop;
use tokio::process::Command;

use super::pair::{Pair, judge};
use super::peers::{best_goodput, figures, quiet};
use super::{PAIRS, RUN, drain, example, on_a_bed};
use crate::workspace::Workspace;

pub const QUEUE: &str = "CREATE_POST_QUEUE";
/// The most messages that a consumer holds: the contract's default.
pub const PREFETCH: usize = 200;
/// How many publishes are under way at once, bare and through the solution.
const WINDOW: usize = 200;
/// The rates that are offered, in parts of what bare publishes reach.
const OFFERED: [f64; 6] = [0.4, 0.45, 0.5, 0.55, 0.6, 0.7];
/// The bar: posts through HTTP in parts of bare publishes, on as much of the processors.
const BAR: f64 = 0.5;

/// What is measured, and what it is measured beside.
pub struct Bench {
    pub bed: Bed,
    /// The test-bed's examples, built.
    pub peers: Peers,
}

/// Programs that do one half of the work, and nothing else.
pub struct Peers {
    load: PathBuf,
    publish: PathBuf,
    pub take: PathBuf,
}

/// Measures, prints, and says whether the bars were held.
pub fn measure(run: &Run, workspace: &Workspace) -> Result<bool, SetUp> {
    let peers = Peers {
        load: example(workspace, "promises", "offer_posts")?,
        publish: example(workspace, "testbed", "bare_confirms")?,
        take: example(workspace, "testbed", "bare_deliveries")?,
    };
    let (package, needs) = ("solution-02-message-queue", [Service::Postgres, Service::RabbitMq]);
    on_a_bed(run, workspace, package, &needs, async |bed| both(&Bench { bed, peers }).await)
}

async fn both(bench: &Bench) -> Result<bool, Stop> {
    let api = bench.service("api").start().await?;
    let confirms = bench.confirms(api.addr()).await?;
    drop(api);
    Ok(drain::measure(bench).await? && confirms)
}

impl Bench {
    /// The solution in one role.
    pub fn service(&self, role: &str) -> ServiceSettings {
        quiet(&self.bed).role(role).prefetch(PREFETCH)
    }

    /// From the request to the broker's confirm, beside publishes without HTTP.
    async fn confirms(&self, api: std::net::SocketAddr) -> Result<bool, SetUp> {
        println!("HTTP to confirm, beside bare publishes with the same {WINDOW} under way");
        let host = self.bed.broker();
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            let mut command = Command::new(&self.peers.publish);
            let (window, seconds) = (WINDOW.to_string(), RUN.as_secs().to_string());
            command.args([&host.url(None), QUEUE, &window, &seconds]);
            let [direct] = figures(&mut command).await?;
            host.purge(QUEUE).await?;
            let through = best_goodput(&self.peers.load, api, &OFFERED.map(|part| part * direct)).await?;
            host.purge(QUEUE).await?;
            pairs.push(Pair { direct, through });
        }
        Ok(judge("bare /s", &pairs, BAR))
    }
}
