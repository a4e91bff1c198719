//! `cargo lab images`: make the three service images available.

use std::process::Command;

use clap::Args;
use testbed::exit::Exit;
use testbed::images::{Service, present, pull};
use testbed::progress::Progress;
use testbed::run::block_on;
use testbed::services;
use testbed::setup::SetUp;

use crate::process;
use crate::workspace::Workspace;

/// How to get the images.
#[derive(Args)]
pub struct Images {
    /// Build from Debian packages and ask no image registry
    #[arg(long)]
    pub offline: bool,
    /// Build again what is already there (with --offline)
    #[arg(long, requires = "offline")]
    pub force: bool,
}

/// Pulls what is missing, or builds it where no registry answers, and says which.
pub fn run(how: &Images) -> Result<Exit, SetUp> {
    let missing = block_on(look())??;
    if missing.is_empty() && !how.force {
        println!("all images are here");
        return Ok(Exit::Kept);
    }
    if how.offline || !block_on(pull_all(&missing))?? {
        return build(how.force);
    }
    println!("all images are here");
    Ok(Exit::Kept)
}

/// Says which image each service has, and gives the services that have none.
async fn look() -> Result<Vec<Service>, SetUp> {
    let engine = services::engine().await?;
    let mut missing = Vec::new();
    for service in Service::ALL {
        match present(&engine, service).await? {
            Some(chosen) => println!("{:<11} {} ({})", service.name(), chosen.image, chosen.why),
            None => missing.push(service),
        }
    }
    Ok(missing)
}

/// Pulls the official images; false when a registry did not give one.
async fn pull_all(missing: &[Service]) -> Result<bool, SetUp> {
    let engine = services::engine().await?;
    let progress = Progress::detect();
    for service in missing {
        progress.show(&format!("pulling {}", service.official()));
        let pulled = pull(&engine, service.official()).await;
        progress.clear();
        match pulled {
            Ok(()) => println!("{:<11} {} (the official image, pulled)", service.name(), service.official()),
            Err(fault) => {
                println!(
                    "{:<11} {} could not be pulled: {}",
                    service.name(),
                    service.official(),
                    fault.cause
                );
                println!("building the workbook's own images from Debian packages instead");
                return Ok(false);
            }
        }
    }
    Ok(true)
}

/// Builds the workbook's own images without a registry.
fn build(force: bool) -> Result<Exit, SetUp> {
    let mut command = Command::new(Workspace::find()?.root.join("scripts/images/build"));
    if force {
        command.arg("--force");
    }
    process::run(command).map(Exit::of)
}
