//! A network of ours, whose members know each other by name.

use std::collections::HashMap;

use testcontainers::bollard::models::NetworkCreateRequest;

use super::{Engine, creating, new_name};
use crate::leftovers::status;
use crate::run::{LABEL, RunId};
use crate::setup::SetUp;

/// A network with the run's label. What is not removed by hand goes with the run, after the containers.
pub(in super::super) struct OwnNetwork {
    engine: Engine,
    name: String,
}

impl OwnNetwork {
    /// Makes a network. As with a container, whoever stops waiting does not stop what the engine was told to do.
    pub(in super::super) async fn make(engine: &Engine) -> Result<OwnNetwork, SetUp> {
        let name = new_name();
        let request = NetworkCreateRequest {
            name: name.clone(),
            labels: Some(HashMap::from([(LABEL.to_owned(), RunId::current().as_str().to_owned())])),
            ..Default::default()
        };
        let asked = engine.clone();
        let making = tokio::spawn(async move {
            let _creating = creating().await;
            asked.create_network(request).await
        });
        let what = "make a network for containers";
        let made = making.await.map_err(|error| SetUp::from_cause(what, error))?;
        made.map_err(|error| SetUp::of_engine(what, error))?;
        Ok(OwnNetwork { engine: engine.clone(), name })
    }

    pub(in super::super) fn name(&self) -> &str {
        &self.name
    }

    /// Removes the network. Its containers must be gone.
    pub(in super::super) async fn remove(self) -> Result<(), SetUp> {
        match self.engine.remove_network(&self.name).await {
            Err(error) if status(&error) != Some(404) => {
                Err(SetUp::from_cause(format!("remove the network {}", self.name), error))
            }
            _ => Ok(()),
        }
    }
}
