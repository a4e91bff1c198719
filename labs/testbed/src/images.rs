//! Which image a service runs from: an override, the official one, the project's own, or a pull.

use testcontainers::bollard::Docker;

use crate::leftovers::status;
use crate::setup::SetUp;

/// The one file that pins the images, shared with the script that builds them.
const PINS: &str = include_str!("../../../scripts/images/pins.env");

/// A service that the workbook runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The database.
    Postgres,
    /// The broker.
    RabbitMq,
    /// The proxy.
    Nginx,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 3] = [Service::Postgres, Service::RabbitMq, Service::Nginx];

    /// The product's name.
    pub fn name(self) -> &'static str {
        match self {
            Service::Postgres => "PostgreSQL",
            Service::RabbitMq => "RabbitMQ",
            Service::Nginx => "nginx",
        }
    }

    /// The start of the service's keys in the pins and of its override: `POSTGRES`.
    fn key(self) -> &'static str {
        match self {
            Service::Postgres => "POSTGRES",
            Service::RabbitMq => "RABBITMQ",
            Service::Nginx => "NGINX",
        }
    }

    /// The variable that names another image: `LAB_POSTGRES_IMAGE`.
    pub fn variable(self) -> String {
        format!("LAB_{}_IMAGE", self.key())
    }

    /// The official image.
    pub fn official(self) -> &'static str {
        pin(&format!("{}_OFFICIAL", self.key()))
    }

    /// The image that `cargo lab images` builds from Debian's packages.
    pub fn own(self) -> &'static str {
        pin(&format!("{}_OWN", self.key()))
    }
}

fn pin(key: &str) -> &'static str {
    let pins = PINS.lines().filter_map(|line| line.split_once('='));
    pins.into_iter().find(|(name, _)| *name == key).map_or("", |(_, value)| value.trim())
}

/// An image that is there, and why it was chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chosen {
    /// Name and tag.
    pub image: String,
    /// The reason, in a few words.
    pub why: &'static str,
}

/// The image that is present for `service`, in the order override, official, own; `None` when there is none.
///
/// # Errors
/// An override that names an absent image is a fault: nobody who sets it wants another one instead.
pub async fn present(engine: &Docker, service: Service) -> Result<Option<Chosen>, SetUp> {
    if let Some(image) = std::env::var_os(service.variable()) {
        let image = image.to_string_lossy().into_owned();
        if exists(engine, &image).await? {
            return Ok(Some(Chosen { image, why: "named by the environment" }));
        }
        let mend = format!("unset {}, or `docker pull {image}`", service.variable());
        return Err(SetUp::new(format!("find the image `{image}`"), "the engine does not have it", mend));
    }
    for (image, why) in
        [(service.official(), "the official image"), (service.own(), "built by `cargo lab images`")]
    {
        if exists(engine, image).await? {
            return Ok(Some(Chosen { image: image.to_owned(), why }));
        }
    }
    Ok(None)
}

/// The image to run `service` from; pulled when none is present.
///
/// # Errors
/// With the mend, when the image is neither here nor to be had.
pub async fn choose(engine: &Docker, service: Service) -> Result<Chosen, SetUp> {
    if let Some(chosen) = present(engine, service).await? {
        return Ok(chosen);
    }
    pull(engine, service.official()).await?;
    Ok(Chosen { image: service.official().to_owned(), why: "the official image, pulled" })
}

/// An image to build a program's own on: a Debian with a C library and a shell. Where `cargo lab images` has built the service images,
/// it is the base that they share; elsewhere it is the official image of PostgreSQL, the newest Debian of the three, which is here already.
///
/// # Errors
/// As [`choose`].
pub async fn base(engine: &Docker) -> Result<String, SetUp> {
    let own = pin("BASE_OWN");
    if exists(engine, own).await? {
        return Ok(own.to_owned());
    }
    choose(engine, Service::Postgres).await.map(|chosen| chosen.image)
}

/// Pulls an image from its registry.
pub async fn pull(engine: &Docker, image: &str) -> Result<(), SetUp> {
    use testcontainers::bollard::query_parameters::CreateImageOptionsBuilder;

    let fault = |error| {
        let mend =
            "run `cargo lab images`: it pulls the images, or builds them where no registry can be reached";
        SetUp::new(format!("pull the image `{image}`"), error, mend)
    };
    let options = CreateImageOptionsBuilder::default().from_image(image).build();
    let mut steps = std::pin::pin!(engine.create_image(Some(options), None, None));
    while let Some(step) = futures_util::StreamExt::next(&mut steps).await {
        step.map_err(fault)?;
    }
    Ok(())
}

async fn exists(engine: &Docker, image: &str) -> Result<bool, SetUp> {
    match engine.inspect_image(image).await {
        Ok(_) => Ok(true),
        Err(error) if status(&error) == Some(404) => Ok(false),
        Err(error) => Err(SetUp::from_cause(format!("look for the image `{image}`"), error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_service_is_pinned_to_a_tag() {
        for service in Service::ALL {
            for image in [service.official(), service.own()] {
                assert!(image.contains(':') && !image.ends_with(":latest"), "{service:?}: `{image}`");
            }
        }
    }
}
