//! The real services of a run, in containers.

mod container;
mod postgres;

pub use container::Container;
pub(crate) use container::create_no_more;
pub use postgres::{Connections, Database, Postgres};

use std::time::Duration;

use testcontainers::bollard::Docker;

use crate::images::Service;
use crate::report::ServiceUsed;
use crate::setup::SetUp;

/// Names the services that an outer run lends to this one: `PostgreSQL=<container id>@<host port>`, separated by commas.
pub const LENT: &str = "LAB_SERVICES";

/// How long the engine may take to answer a ping.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reaches the Docker engine.
///
/// # Errors
/// When there is none, with the mend.
pub async fn engine() -> Result<Docker, SetUp> {
    let fault = |error: &dyn std::fmt::Display| SetUp::from_cause("reach the Docker engine", error);
    let engine =
        testcontainers::core::client::docker_client_instance().await.map_err(|error| fault(&error))?;
    let answered = tokio::time::timeout(PATIENCE, engine.ping()).await;
    let silent = |_| fault(&format!("connected, but no answer within {} s", PATIENCE.as_secs()));
    answered.map_err(silent)?.map_err(|error| fault(&error))?;
    Ok(engine)
}

/// The services that a lab asked for.
pub struct Services {
    /// The database, if the lab needs one.
    pub postgres: Option<Postgres>,
}

impl Services {
    /// Starts what `needs` names, or takes it from the run that lends it. Containers go when the value is dropped.
    pub async fn start(needs: &[Service]) -> Result<Services, SetUp> {
        let mut services = Services { postgres: None };
        if needs.is_empty() {
            return Ok(services);
        }
        let engine = engine().await?;
        crate::leftovers::sweep(Some(&engine)).await?;
        for need in needs {
            match need {
                Service::Postgres => services.postgres = Some(Postgres::start(&engine).await?),
                other => {
                    let mend = "use a lab whose services this test-bed knows";
                    return Err(SetUp::new(format!("start {}", other.name()), "no lab needs it yet", mend));
                }
            }
        }
        Ok(services)
    }

    /// Brings every service back to health after a check's faults.
    pub async fn heal(&self) -> Result<(), SetUp> {
        match &self.postgres {
            Some(postgres) => postgres.heal().await,
            None => Ok(()),
        }
    }

    /// What ran, for the report.
    pub fn used(&self) -> Vec<ServiceUsed> {
        self.postgres.iter().map(|postgres| postgres.container().used()).collect()
    }

    /// The value of [`LENT`] that lends these services to another process.
    pub fn lend(&self) -> String {
        self.postgres.iter().map(|postgres| postgres.container().lend()).collect::<Vec<_>>().join(",")
    }

    /// Removes the containers of this run. Lent ones stay.
    pub async fn stop(self) -> Result<(), SetUp> {
        match self.postgres {
            Some(postgres) => postgres.stop().await,
            None => Ok(()),
        }
    }
}
