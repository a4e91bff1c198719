//! What lab 02's solution makes of a broker and a database, beside what these do without it.

use std::path::Path;
use std::process::Command;

use testbed::endpoint::Endpoint as _;
use testbed::images::Service;
use testbed::services::{Database, Services, VirtualHost};
use testbed::setup::SetUp;

use super::drain;
use super::peers::{best_goodput, build, figures, none, start};
use super::{PAIRS, RUN, table};
use crate::clean::block_on;
use crate::workspace::Workspace;

pub const QUEUE: &str = "CREATE_POST_QUEUE";
/// The most messages that a consumer holds: the contract's default.
pub const PREFETCH: usize = 200;
/// How many publishes are under way at once, bare and through the solution.
const WINDOW: usize = 200;
/// The rates that are offered, in parts of what bare publishes reach.
const OFFERED: [f64; 6] = [0.4, 0.45, 0.5, 0.55, 0.6, 0.7];
/// The bar: posts through HTTP in parts of bare publishes.
const BAR: f64 = 0.5;

/// What is measured, and on what.
pub struct Bench<'a> {
    pub service: &'a Path,
    pub database: &'a Database,
    pub host: &'a VirtualHost,
    /// The test-bed's examples, built.
    pub peers: Peers,
}

/// Programs that do one half of the work, and nothing else.
pub struct Peers {
    load: std::path::PathBuf,
    publish: std::path::PathBuf,
    pub take: std::path::PathBuf,
}

/// Measures, prints, and says whether the bars were held.
pub fn measure(workspace: &Workspace) -> Result<bool, SetUp> {
    let service = build(workspace, "solution-02-message-queue", &[])?;
    let example = |package, name| build(workspace, package, &["--example", name]);
    let peers = Peers {
        load: example("promises", "offer_posts")?,
        publish: example("testbed", "bare_confirms")?,
        take: example("testbed", "bare_deliveries")?,
    };
    block_on(async {
        let services = Services::start(&[Service::Postgres, Service::RabbitMq]).await?;
        let held = both(&services, &service, peers).await;
        services.stop().await?;
        held
    })?
}

async fn both(services: &Services, service: &Path, peers: Peers) -> Result<bool, SetUp> {
    let postgres = services.postgres.as_ref().ok_or_else(none)?;
    let rabbitmq = services.rabbitmq.as_ref().ok_or_else(none)?;
    let (database, host) = (postgres.fresh_database().await?, rabbitmq.fresh_host().await?);
    let bench = Bench { service, database: &database, host: &host, peers };

    let api = start(service, &bench.settings("api")).await?;
    let confirms = bench.confirms(api.addr()).await?;
    drop(api);
    let drained = drain::measure(&bench).await?;

    postgres.drop_database(database).await?;
    rabbitmq.drop_host(host).await?;
    Ok(confirms && drained)
}

impl Bench<'_> {
    /// The solution's settings in one role.
    pub fn settings(&self, role: &str) -> [(&'static str, String); 4] {
        [
            ("DATABASE_URL", self.database.url(None)),
            ("AMQP_URL", self.host.url(None)),
            ("ROLE", role.to_owned()),
            ("PREFETCH", PREFETCH.to_string()),
        ]
    }

    /// From the request to the broker's confirm, beside publishes without HTTP.
    async fn confirms(&self, api: std::net::SocketAddr) -> Result<bool, SetUp> {
        println!("HTTP to confirm, beside bare publishes with the same {WINDOW} under way");
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            let mut command = Command::new(&self.peers.publish);
            let (window, seconds) = (WINDOW.to_string(), RUN.as_secs().to_string());
            command.args([&self.host.url(None), QUEUE, &window, &seconds]);
            let [direct] = figures(command)?;
            self.host.purge(QUEUE).await?;
            let through = best_goodput(&self.peers.load, api, &OFFERED.map(|part| part * direct))?;
            self.host.purge(QUEUE).await?;
            pairs.push((direct, through.rate));
        }
        Ok(table(("bare /s", "through HTTP /s"), &pairs, BAR))
    }
}
