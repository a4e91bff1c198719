//! A submission's deploy files, read: which of its services are where, with which settings and limits.
//!
//! `stack.yml` is a Compose file 3.8, of which `environment`, `deploy.placement.constraints` and `ulimits.nofile` are read of each service;
//! other keys are ignored. A service that the [`Layout`] does not know is refused by name, and so is what would make a value depend on more
//! than its own place (anchors, `$…`, `env_file`, `extends`, constraints of another form). A fault of these files is the submission's, and
//! never the set-up's.

mod layout;
mod outline;
mod plan;
mod service;
#[cfg(test)]
mod tests;
mod yaml;

use std::collections::BTreeMap;
use std::path::Path;

pub use layout::{Backend, Layout};
pub use outline::Outline;

use crate::submission::DeployFault;
use layout::{Part, Role};
use yaml::{Entry, Node, What};

/// The file that says which services there are.
pub const STACK: &str = "stack.yml";

/// The services of a file that a layout knows, each in one zone.
#[derive(Clone, Debug)]
pub struct Deploy {
    services: BTreeMap<String, Service>,
}

/// What is read of a service.
#[derive(Clone, Debug, Default)]
struct Service {
    line: usize,
    environment: BTreeMap<String, String>,
    zones: Vec<String>,
    nofile: Option<(u64, u64)>,
}

impl Deploy {
    /// Reads the deploy files in a folder, and holds them against a layout.
    ///
    /// # Errors
    /// The first thing in them that does not hold.
    pub fn read(folder: &Path, layout: &Layout) -> Result<Deploy, DeployFault> {
        Deploy::of(&text_of(folder)?, layout)
    }

    /// Reads the text of a `stack.yml`.
    ///
    /// # Errors
    /// As [`Deploy::read`].
    pub fn of(text: &str, layout: &Layout) -> Result<Deploy, DeployFault> {
        let file = yaml::read(text)?;
        version(&file)?;
        let mut services = BTreeMap::new();
        let (known, others): (Vec<_>, Vec<_>) =
            entries(&file)?.iter().partition(|entry| layout.parts.contains_key(&entry.key));
        for entry in known {
            services.insert(entry.key.clone(), service::read(entry)?);
        }
        let deploy = Deploy { services };
        deploy.is_complete(layout)?;
        if let Some(other) = others.first() {
            return Err(unknown(other, layout));
        }
        for (name, part) in &layout.parts {
            deploy.services.get(name).map_or(Ok(()), |service| is_placed(name, service, part, layout))?;
        }
        for (name, service) in &deploy.services {
            is_allowed(name, service, layout.nofile_at_most)?;
            is_set(name, service, layout)?;
        }
        Ok(deploy)
    }

    /// The zone of a service; `None` where the file does not have it.
    pub fn zone(&self, service: &str) -> Option<&str> {
        self.services.get(service)?.zones.first().map(String::as_str)
    }

    /// Soft and hard limit of open descriptors of a service, where the file sets them.
    pub fn nofile(&self, service: &str) -> Option<(u64, u64)> {
        self.services.get(service)?.nofile
    }

    fn is_complete(&self, layout: &Layout) -> Result<(), DeployFault> {
        let is_machine = |part: &Part| matches!(part.role, Role::Machine);
        let is_here = |name: &str| self.services.contains_key(name);
        if let Some((name, _)) = layout.parts.iter().find(|(name, part)| !is_machine(part) && !is_here(name))
        {
            return Err(DeployFault::of(STACK, format!("there is no service `{name}`, and it is needed")));
        }
        let machines: Vec<&str> =
            layout.parts.iter().filter(|(_, part)| is_machine(part)).map(|(name, _)| name.as_str()).collect();
        match machines.is_empty() || machines.iter().any(|name| is_here(name)) {
            true => Ok(()),
            false => {
                let says =
                    format!("there is none of the services {}: one at least is needed", machines.join(", "));
                Err(DeployFault::of(STACK, says))
            }
        }
    }
}

/// A service that nobody would start.
fn unknown(entry: &Entry, layout: &Layout) -> DeployFault {
    let known: Vec<&str> = layout.parts.keys().map(String::as_str).collect();
    let says = format!(
        "the service `{}` is none of {}: the test-bed starts no such service",
        entry.key,
        known.join(", ")
    );
    DeployFault::at(STACK, entry.line, says)
}

/// The text of the `stack.yml` in a folder.
fn text_of(folder: &Path) -> Result<String, DeployFault> {
    let path = folder.join(STACK);
    let unread = |error| DeployFault::of(STACK, format!("`{}`: {error}", path.display()));
    std::fs::read_to_string(&path).map_err(unread)
}

/// The services of a file.
fn entries(file: &Node) -> Result<&[Entry], DeployFault> {
    match file.get("services") {
        Some(Node { what: What::Map(entries), .. }) => Ok(entries),
        _ => Err(DeployFault::of(STACK, "there are no `services`")),
    }
}

/// The version, where a Swarm takes it.
fn version(file: &Node) -> Result<String, DeployFault> {
    let Some(node) = file.get("version") else {
        let says = "there is no `version`: a Docker client of 20.10 takes such a file for version 1 and refuses it; \
            write `version: \"3.8\"`";
        return Err(DeployFault::of(STACK, says));
    };
    match &node.what {
        What::Text { plain: true, .. } => {
            let says = "Docker refuses a `version` that is a number: write it in quotes, `version: \"3.8\"`";
            Err(DeployFault::at(STACK, node.line, says))
        }
        What::Text { text, .. } if text == "3" || text.starts_with("3.") => Ok(text.clone()),
        _ => Err(DeployFault::at(
            STACK,
            node.line,
            "`version` is to be \"3.8\": a Swarm takes no other than 3",
        )),
    }
}

/// Whether every machine allows a service its limit of open descriptors.
fn is_allowed(name: &str, service: &Service, most: Option<u64>) -> Result<(), DeployFault> {
    match (service.nofile, most) {
        (Some((_, hard)), Some(most)) if hard > most => {
            let says = format!(
                "the service `{name}` has `ulimits.nofile` of {hard}: no limit is to be above {most}, for not every machine allows it; \
                 4096 is enough for 500 clients"
            );
            Err(DeployFault::at(STACK, service.line, says))
        }
        _ => Ok(()),
    }
}

/// Whether a service has the settings that it must have.
fn is_set(name: &str, service: &Service, layout: &Layout) -> Result<(), DeployFault> {
    let of_it = layout.required.iter().filter(|((required_of, _), _)| required_of == name);
    for ((_, setting), wanted) in of_it {
        let found = match service.environment.get(setting) {
            Some(found) if found == wanted => continue,
            Some(found) => format!("`{setting}: {found}`"),
            None => format!("no `{setting}`"),
        };
        let says = format!(
            "the service `{name}` has {found} in its `environment`: it is to be `{setting}: {wanted}`"
        );
        return Err(DeployFault::at(STACK, service.line, says));
    }
    Ok(())
}

/// Whether a service is in exactly one zone, and in one where it may be.
fn is_placed(name: &str, service: &Service, part: &Part, layout: &Layout) -> Result<(), DeployFault> {
    let fault = |says: String| Err(DeployFault::at(STACK, service.line, says));
    let zone = match &service.zones[..] {
        [zone] => zone,
        [] => {
            let form = "`deploy.placement.constraints: [node.labels.ZONE == true]`";
            return fault(format!("the service `{name}` is in no zone: it needs one {form}"));
        }
        several => {
            let zones = several.join(" and ");
            return fault(format!(
                "the service `{name}` is to be in {zones} at once: it can be in one zone only"
            ));
        }
    };
    if !layout.knows_zone(zone) {
        return fault(format!(
            "the service `{name}` is in the zone `{zone}`, and there is none of that name"
        ));
    }
    match (&part.fixed, &part.role) {
        (Some(fixed), Role::Machine) if fixed != zone => {
            fault(format!("{name} is a machine in {fixed}: it cannot be moved to {zone}, only be left out"))
        }
        (Some(fixed), _) if fixed != zone => {
            fault(format!("{name} is in {fixed}: it cannot be moved to {zone}"))
        }
        _ => Ok(()),
    }
}
