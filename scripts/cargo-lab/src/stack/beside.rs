//! The second file of a deployment: what is so on this machine alone. `stack.yml` stays as it is.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use testbed::deploy::Outline;
use testbed::images::{self, Service};
use testbed::services::Engine;
use testbed::setup::SetUp;

/// The service of a file in which each of ours runs.
const SERVICES: [(&str, Service); 3] =
    [("postgres", Service::Postgres), ("rabbitmq", Service::RabbitMq), ("nginx", Service::Nginx)];

/// Which services run from another image here than the file says: those whose official image is not here, and an image of
/// `cargo lab images` is.
pub async fn other_images(
    engine: &Engine,
    outline: &Outline,
) -> Result<BTreeMap<&'static str, String>, SetUp> {
    let mut others = BTreeMap::new();
    for (name, service) in SERVICES.into_iter().filter(|(name, _)| outline.images.contains_key(*name)) {
        let chosen = images::choose(engine, service).await?;
        if chosen.image != service.official() {
            others.insert(name, chosen.image);
        }
    }
    Ok(others)
}

/// The file. Its network takes in containers that are not the Swarm's own, as the entry is one.
pub fn text(version: &str, images: &BTreeMap<&'static str, String>) -> String {
    let mut text = format!("version: \"{version}\"\n");
    if !images.is_empty() {
        text.push_str("services:\n");
    }
    for (service, image) in images {
        let _ = writeln!(text, "  {service}: {{ image: \"{image}\" }}");
    }
    text.push_str("networks:\n  default: { attachable: true }\n");
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_no_more_than_what_differs() {
        assert_eq!(
            text("3.8", &BTreeMap::new()),
            "version: \"3.8\"\nnetworks:\n  default: { attachable: true }\n"
        );
        let images = BTreeMap::from([("nginx", "why-servers-die/nginx:1".to_owned())]);
        assert!(
            text("3.8", &images).contains("services:\n  nginx: { image: \"why-servers-die/nginx:1\" }\n")
        );
    }
}
