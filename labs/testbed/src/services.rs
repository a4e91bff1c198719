//! The real services of a run, in containers.

mod cluster;
mod contained;
mod container;
mod database;
mod declared;
mod management;
mod nginx;
mod postgres;
mod rabbitmq;
mod ready;
mod virtual_host;

pub use cluster::{BROKERS, Cluster};
pub use contained::Contained;
pub use container::{Container, Engine, Network, Said, Shape, Spoken, engine};
pub(crate) use container::{create_no_more, has_created};
pub use database::Database;
pub use declared::Declared;
pub use nginx::{Demands, Front, LogFormat, Nginx, Refused, TEMPLATE};
pub use postgres::{Connections, Postgres};
pub use rabbitmq::{COUNTED_WITHIN, RabbitMq};
pub use virtual_host::{Taken, VirtualHost};

use futures_util::future::OptionFuture;

use crate::images::Service;
use crate::report::ServiceUsed;
use crate::setup::SetUp;

/// Names the services that an outer run lends to this one: `PostgreSQL=<container id>@<address>`, separated by
/// commas; a service with several ports has an address for each, joined by `+`.
pub const LENT: &str = "LAB_SERVICES";

/// The services that a lab asked for.
pub struct Services {
    /// The database, if the lab needs one.
    pub postgres: Option<Postgres>,
    /// The broker, if the lab needs one.
    pub rabbitmq: Option<RabbitMq>,
}

impl Services {
    /// Starts what `needs` names, or takes it from the run that lends it. Containers go when the value is dropped.
    ///
    /// A proxy belongs to a check, and not to a run: who names nginx gets the engine looked at and swept, and starts it itself.
    pub async fn start(needs: &[Service]) -> Result<Services, SetUp> {
        Services::in_containers(needs, Container::start).await
    }

    /// As [`Services::start`], and never lent ones: for whoever hurts them while others use those that all share.
    pub async fn start_own(needs: &[Service]) -> Result<Services, SetUp> {
        Services::in_containers(needs, Container::start_own).await
    }

    async fn in_containers(
        needs: &[Service],
        start: impl AsyncFn(&Engine, Service, &Shape) -> Result<Container, SetUp>,
    ) -> Result<Services, SetUp> {
        if needs.is_empty() {
            return Ok(Services { postgres: None, rabbitmq: None });
        }
        let engine = engine().await?;
        crate::leftovers::sweep(Some(&engine)).await?;
        let postgres =
            async || Postgres::of(start(&engine, Service::Postgres, &postgres::shape()).await?).await;
        let rabbitmq =
            async || RabbitMq::of(start(&engine, Service::RabbitMq, &rabbitmq::shape()).await?).await;
        let (postgres, rabbitmq) = (
            OptionFuture::from(needs.contains(&Service::Postgres).then(postgres)),
            OptionFuture::from(needs.contains(&Service::RabbitMq).then(rabbitmq)),
        );
        // Side by side: a broker takes several seconds, most of them idle.
        let (postgres, rabbitmq) = tokio::join!(postgres, rabbitmq);
        Ok(Services { postgres: postgres.transpose()?, rabbitmq: rabbitmq.transpose()? })
    }

    /// Brings every service back to health after a check's faults.
    pub async fn heal(&self) -> Result<(), SetUp> {
        let postgres = OptionFuture::from(self.postgres.as_ref().map(Contained::heal));
        let rabbitmq = OptionFuture::from(self.rabbitmq.as_ref().map(Contained::heal));
        let (postgres, rabbitmq) = tokio::join!(postgres, rabbitmq);
        postgres.into_iter().chain(rabbitmq).collect()
    }

    /// What ran, for the report.
    pub fn used(&self) -> Vec<ServiceUsed> {
        self.containers().map(Container::used).collect()
    }

    /// The value of [`LENT`] that lends these services to another process.
    pub fn lend(&self) -> String {
        self.containers().map(Container::lend).collect::<Vec<_>>().join(",")
    }

    /// Removes the containers of this run. Lent ones stay.
    pub async fn stop(self) -> Result<(), SetUp> {
        if let Some(postgres) = self.postgres {
            postgres.stop().await?;
        }
        if let Some(rabbitmq) = self.rabbitmq {
            rabbitmq.stop().await?;
        }
        Ok(())
    }

    fn containers(&self) -> impl Iterator<Item = &Container> {
        let postgres = self.postgres.as_ref().map(Contained::container);
        postgres.into_iter().chain(self.rabbitmq.as_ref().map(Contained::container))
    }
}
