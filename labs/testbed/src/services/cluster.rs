//! Three RabbitMQ brokers as one cluster: what is confirmed by a majority survives any one of them.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::try_join_all;
use serde_json::Value;

use super::container::OwnNetwork;
use super::rabbitmq::{self, PASSWORD, USER};
use super::{Contained, Container, Engine, Network, RabbitMq};
use crate::images::Service;
use crate::setup::SetUp;
use crate::wait;

/// How many brokers there are: the smallest number of which one may die.
pub const BROKERS: usize = 3;

/// How long the brokers may take to find each other, or one of them to come back.
const PATIENCE: Duration = Duration::from_secs(180);

/// Three brokers in a network of their own, each published on 127.0.0.1.
///
/// [`Cluster::stop`] removes all; dropping it removes the containers, and leaves the network to the end of the run.
pub struct Cluster {
    brokers: Vec<RabbitMq>,
    names: Vec<String>,
    network: OwnNetwork,
}

impl Cluster {
    /// Starts the brokers, and waits until each is a running member.
    ///
    /// # Errors
    /// The engine refuses, or they do not find each other in time.
    pub async fn start(engine: &Engine) -> Result<Cluster, SetUp> {
        let network = OwnNetwork::make(engine).await?;
        let names: Vec<String> = (1..=BROKERS).map(|number| format!("{}-{number}", network.name())).collect();
        // Known to the members alone; whoever has it may command them.
        let cookie = uuid::Uuid::new_v4().simple().to_string();
        // Side by side: each waits for the others before it says that it is ready.
        let starting = (0..BROKERS).map(|number| Cluster::broker(engine, &network, &names, number, &cookie));
        let brokers = try_join_all(starting).await?;
        let cluster = Cluster { brokers, names, network };
        cluster.is_whole().await?;
        Ok(cluster)
    }

    async fn broker(
        engine: &Engine,
        network: &OwnNetwork,
        names: &[String],
        number: usize,
        cookie: &str,
    ) -> Result<RabbitMq, SetUp> {
        let mut shape = rabbitmq::shape();
        shape.name = Some(names[number].clone());
        shape.network = Network::Named(network.name().to_owned());
        shape.environment.insert("RABBITMQ_ERLANG_COOKIE".to_owned(), cookie.to_owned());
        let nodes: Vec<String> = names.iter().map(|name| format!("'rabbit@{name}'")).collect();
        let formation = format!(" -rabbit cluster_nodes {{[{}],disc}}", nodes.join(","));
        if let Some(arguments) = shape.environment.get_mut("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS") {
            arguments.push_str(&formation);
        }
        RabbitMq::of(Container::start_own(engine, Service::RabbitMq, &shape).await?).await
    }

    /// Where a broker listens for AMQP.
    pub fn addr(&self, number: usize) -> SocketAddr {
        self.brokers[number].container().addr()
    }

    /// An `AMQP_URL` that reaches the cluster's first virtual host by this address: a broker's, or that of a path to one.
    pub fn url_via(&self, addr: SocketAddr) -> String {
        format!("amqp://{USER}:{PASSWORD}@{addr}/%2f")
    }

    /// The numbers of the members that are running, as `asked` sees it.
    pub async fn running(&self, asked: usize) -> Result<Vec<usize>, SetUp> {
        let nodes = self.brokers[asked].management().nodes().await?;
        let runs = |name: &str| {
            nodes.as_array().into_iter().flatten().any(|node| {
                node["name"].as_str().and_then(|node| node.strip_prefix("rabbit@")) == Some(name)
                    && node["running"] == true
            })
        };
        Ok((0..BROKERS).filter(|number| runs(&self.names[*number])).collect())
    }

    /// The numbers of the leader of a quorum queue and of its members that are online, as `asked` sees it; `None` when there is no
    /// such queue, or no leader.
    pub async fn led_by(&self, asked: usize, queue: &str) -> Result<Option<(usize, Vec<usize>)>, SetUp> {
        let Some(seen) = self.brokers[asked].management().queue("%2F", queue).await? else { return Ok(None) };
        let number = |node: &Value| {
            let name = node.as_str()?.strip_prefix("rabbit@")?;
            self.names.iter().position(|known| known == name)
        };
        let online = seen["online"].as_array().into_iter().flatten().filter_map(number).collect();
        Ok(number(&seen["leader"]).map(|leader| (leader, online)))
    }

    /// Waits until every broker sees every other one run.
    ///
    /// # Errors
    /// They do not, in time.
    pub async fn is_whole(&self) -> Result<(), SetUp> {
        let mut last = None;
        let whole = wait::until(PATIENCE, async || {
            last = self.misses().await;
            last.is_none().then_some(())
        });
        let whole = whole.await;
        whole.ok_or_else(|| {
            let what = format!("join {BROKERS} brokers to a cluster");
            SetUp::from_cause(what, last.unwrap_or_default())
        })
    }

    /// What is missing of a whole cluster.
    async fn misses(&self) -> Option<String> {
        for number in 0..BROKERS {
            match self.running(number).await {
                Ok(running) if running.len() == BROKERS => {}
                Ok(running) => return Some(format!("broker {number} sees only {running:?} run")),
                Err(fault) => return Some(fault.cause),
            }
        }
        None
    }

    /// Kills one broker, as a machine that loses power.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn kill(&self, number: usize) -> Result<(), SetUp> {
        self.brokers[number].kill().await
    }

    /// Starts a killed broker again, and waits until it answers.
    ///
    /// # Errors
    /// It does not come back in time.
    pub async fn start_again(&self, number: usize) -> Result<(), SetUp> {
        self.brokers[number].start_again().await
    }

    /// Removes the brokers, and then their network.
    ///
    /// # Errors
    /// The engine refuses.
    pub async fn stop(self) -> Result<(), SetUp> {
        for broker in self.brokers {
            broker.stop().await?;
        }
        self.network.remove().await
    }
}
