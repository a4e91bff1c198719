//! The Docker engine.

use std::time::Duration;

use crate::setup::SetUp;

/// The Docker engine.
pub type Engine = testcontainers::bollard::Docker;

/// How long the engine may take to answer a ping.
const PATIENCE: Duration = Duration::from_secs(20);

/// Reaches the Docker engine.
///
/// # Errors
/// When there is none, with the mend.
pub async fn engine() -> Result<Engine, SetUp> {
    let fault = |error: &dyn std::fmt::Display| SetUp::from_cause("reach the Docker engine", error);
    let engine =
        testcontainers::core::client::docker_client_instance().await.map_err(|error| fault(&error))?;
    let answered = tokio::time::timeout(PATIENCE, engine.ping()).await;
    let silent = |_| fault(&format!("connected, but no answer within {} s", PATIENCE.as_secs()));
    answered.map_err(silent)?.map_err(|error| fault(&error))?;
    Ok(engine)
}
