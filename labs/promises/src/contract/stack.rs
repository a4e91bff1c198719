//! The stack of `labs/stack.md`: where everything is, how small the proxy is, and how a submission's files are deployed.

use std::time::Duration;

use testbed::deploy::{Backend, Layout};
use testbed::prelude::*;
use testbed::stack::{CLIENTS, Fault, PROXY, Plan, Stack, Zones};
use testbed::wait;

/// The service of the broker, by its name in `stack.yml`.
pub const BROKER: &str = "rabbitmq";
/// The service of the database.
pub const DATABASE: &str = "postgres";
/// Where clients, the database and two instances are.
pub const SEOUL: &str = "seoul";
/// Where the story begins: with the proxy and the broker here.
pub const TOKYO: &str = "tokyo";
/// Where one instance stands.
pub const TAIWAN: &str = "taiwan";
/// Inside a zone.
pub const INSIDE: Duration = Duration::from_millis(1);
/// How many connections the proxy may have, clients and instances together.
pub const WORKER_CONNECTIONS: u32 = 32;
/// How many posts can be under way through the proxy: each holds a connection to its client and one to an instance.
pub const PLACES: f64 = WORKER_CONNECTIONS as f64 / 2.0;
/// What a client waits for an answer.
pub const DEADLINE: Duration = Duration::from_secs(2);
/// What the lab's schedule offers, in posts a second: more than the small proxy can hold at the story's distances, and many times less
/// than it can hold among neighbours.
pub const RATE: f64 = 150.0;
/// How many it has where something else is judged than how few are enough: a host that stands still for a moment fills a small proxy
/// as distance does.
const ROOMY: u32 = 128;
/// How soon a proxy that was restarted takes requests.
const BACK: Duration = Duration::from_secs(20);
/// The access log's format by its name, and the members that it must have.
const TRACE: (&str, [&str; 12]) = (
    "trace",
    [
        r#""id":"$request_id""#,
        r#""key":"$http_idempotency_key""#,
        r#""method":"$request_method""#,
        r#""uri":"$uri""#,
        r#""status":"$status""#,
        r#""request_time":"$request_time""#,
        r#""upstream_addr":"$upstream_addr""#,
        r#""upstream_status":"$upstream_status""#,
        r#""upstream_connect_time":"$upstream_connect_time""#,
        r#""upstream_header_time":"$upstream_header_time""#,
        r#""upstream_response_time":"$upstream_response_time""#,
        r#""server_timing":"$upstream_http_server_timing""#,
    ],
);

/// Who there is, where each may be, and how far it is, with the small proxy of lab 04.
pub fn layout(bed: &Bed) -> Layout {
    places(bed).worker_connections(WORKER_CONNECTIONS)
}

/// Who there is, where each may be, and how far it is, with as many connections for the proxy as the files say.
pub fn places(bed: &Bed) -> Layout {
    let ms = Duration::from_millis;
    let zones = Zones::inside(INSIDE).between(SEOUL, TOKYO, ms(35)).between(TOKYO, TAIWAN, ms(50)).between(
        SEOUL,
        TAIWAN,
        ms(65),
    );
    Layout::new(zones, SEOUL)
        .machine("api-1", SEOUL)
        .machine("api-2", SEOUL)
        .machine("api-3", TAIWAN)
        .process("consumer")
        .requires("api-1", "ROLE", "api")
        .requires("api-2", "ROLE", "api")
        .requires("api-3", "ROLE", "api")
        .requires("consumer", "ROLE", "consumer")
        .proxy("nginx")
        .server(Backend::database(bed.database(), DATABASE).fixed_in(SEOUL))
        .server(Backend::broker(bed.broker(), BROKER))
        .log_format(TRACE.0, &TRACE.1)
}

/// A submission's stack under way, with what its files say of its places.
pub struct Deployed {
    /// What runs.
    pub stack: Stack,
    plan: Plan,
}

/// What is answered while these paths refuse.
pub async fn without<T>(ways: &[&Path], asked: impl Future<Output = Result<T, Stop>>) -> Result<T, Stop> {
    ways.iter().for_each(|way| way.refuse());
    let answered = asked.await;
    for way in ways {
        way.heal()?;
    }
    answered
}

/// A path that a post takes on its way, and whether it crosses from one zone into another.
pub struct Leg<'a> {
    /// Who connects.
    pub from: &'a str,
    /// Who is connected to.
    pub to: &'a str,
    /// The path between them.
    pub path: &'a Path,
    /// Whether they are in different zones.
    pub crosses: bool,
}

impl Deployed {
    /// Deploys the submission's files on the bed, with the small proxy.
    ///
    /// # Errors
    /// Files that do not hold, or a service that does not start, break a promise.
    pub async fn on(bed: &Bed) -> Result<Deployed, Stop> {
        Deployed::by(bed, layout(bed)).await
    }

    /// As [`on`](Self::on), with a proxy that has room for what waits for a second.
    ///
    /// # Errors
    /// As there.
    pub async fn roomy(bed: &Bed) -> Result<Deployed, Stop> {
        Deployed::by(bed, layout(bed).worker_connections(ROOMY)).await
    }

    /// As the files say, the number of the proxy's connections included.
    ///
    /// # Errors
    /// As there.
    pub async fn as_written(bed: &Bed) -> Result<Deployed, Stop> {
        // What `labs/limits.md` allows.
        const MOST: u64 = 16_384;
        Deployed::by(bed, places(bed).worker_connections_as_written().nofile_at_most(MOST)).await
    }

    async fn by(bed: &Bed, layout: Layout) -> Result<Deployed, Stop> {
        let plan = bed.planned(&layout)?;
        Ok(Deployed { stack: bed.stack(&plan).await?, plan })
    }

    /// The instances that the proxy's own configuration lists, in the order of their names.
    pub async fn listed(&self) -> Result<Vec<&str>, Stop> {
        let configuration = self.stack.proxy()?.configuration().await.map_err(Fault::from)?;
        let is_listed = |name: &&str| {
            let path = self.stack.path(PROXY, name);
            path.is_ok_and(|path| testbed::services::Nginx::sends_to(&configuration, path.addr()))
        };
        Ok(self.instances().filter(is_listed).collect())
    }

    /// The first of the [`listed`](Self::listed) instances, itself.
    pub async fn a_listed_one(&self) -> Result<&Subject, Stop> {
        let listed = self.listed().await?;
        Ok(self.stack.instance(listed.first().copied().unwrap_or("api-1"))?)
    }

    /// Kills the proxy, starts it again, and waits until it takes requests.
    ///
    /// # Errors
    /// One that does not come back breaks a promise.
    pub async fn restart_proxy(&self) -> Result<(), Stop> {
        let (proxy, entry) = (self.stack.proxy()?.container(), self.stack.entry()?);
        proxy.kill().await?;
        proxy.start_again().await?;
        let back = wait::until(BACK, async || {
            let answer = entry.get("/health").send().await;
            answer.is_ok_and(|answer| answer.status == 200).then_some(())
        });
        promise("the proxy comes back after a restart").kept_if(back.await.is_some())?;
        Ok(())
    }

    /// The paths that a post may take until it is answered: to the proxy, on to an instance, and from there to the broker.
    pub fn legs(&self) -> Vec<Leg<'_>> {
        let instances: Vec<&str> = self.instances().collect();
        let to_them = instances.iter().map(|instance| (PROXY, *instance));
        let to_the_broker = instances.iter().map(|instance| (*instance, BROKER));
        let pairs = [(CLIENTS, PROXY)].into_iter().chain(to_them).chain(to_the_broker);
        let legs = pairs.filter_map(|(from, to)| {
            let path = self.stack.path(from, to).ok()?;
            Some(Leg { from, to, path, crosses: self.zone(from) != self.zone(to) })
        });
        legs.collect()
    }

    /// The paths from the proxy to the instances.
    pub fn ways_to_instances(&self) -> Vec<&Path> {
        self.legs().into_iter().filter(|leg| leg.from == PROXY).map(|leg| leg.path).collect()
    }

    /// The instances that answer, without the consumer.
    fn instances(&self) -> impl Iterator<Item = &str> {
        self.stack.instances().filter(|name| name.starts_with("api-"))
    }

    /// The zone of one end of a path.
    pub fn zone(&self, name: &str) -> Option<&str> {
        self.plan.zone(name)
    }
}
