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
    let what = "reach the Docker engine";
    let engine = testcontainers::core::client::docker_client_instance().await;
    let engine = engine.map_err(|error| SetUp::of_engine(what, error))?;
    let answered = tokio::time::timeout(PATIENCE, engine.ping()).await;
    let silent =
        |_| SetUp::of_engine(what, format!("connected, but no answer within {} s", PATIENCE.as_secs()));
    answered.map_err(silent)?.map_err(|error| SetUp::of_engine(what, error))?;
    Ok(engine)
}
