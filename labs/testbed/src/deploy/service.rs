//! What is read of one service of a Compose file: its settings, its zone, its limit of descriptors.

use std::collections::BTreeMap;

use super::yaml::{Entry, Node, What};
use super::{STACK, Service};
use crate::submission::DeployFault;

/// The only form of a constraint that one node with every label can meet.
const FORM: &str = "`node.labels.ZONE == true`";

/// Reads a service, and faults by its name.
pub(super) fn read(entry: &Entry) -> Result<Service, DeployFault> {
    let reader = Reader { service: &entry.key };
    let node = &entry.value;
    if !matches!(node.what, What::Map(_)) {
        return Err(reader.fault(entry.line, "is to have keys: `image`, `environment`, `deploy` and so on"));
    }
    if let Some(file) = node.get("env_file") {
        return Err(reader.fault(
            file.line,
            "has `env_file`, which the test-bed does not read: write the settings under `environment`",
        ));
    }
    if let Some(other) = node.get("extends") {
        return Err(reader.fault(
            other.line,
            "has `extends`, which the test-bed does not read: write out what it takes from there",
        ));
    }
    if let Some(ports) = node.get("ports") {
        return Err(reader.fault(
            ports.line,
            "has `ports`, which publish it on every address of the host: take them out, the entry is opened beside the file",
        ));
    }
    let environment = node.get("environment").map(|node| reader.environment(node)).transpose()?;
    let zones =
        node.get("deploy").and_then(|node| node.get("placement")).and_then(|node| node.get("constraints"));
    let zones = zones.map(|node| reader.zones(node)).transpose()?;
    let nofile = node.get("ulimits").and_then(|node| node.get("nofile"));
    Ok(Service {
        line: entry.line,
        environment: environment.unwrap_or_default(),
        zones: zones.unwrap_or_default(),
        nofile: nofile.map(|node| reader.nofile(node)).transpose()?,
    })
}

struct Reader<'a> {
    service: &'a str,
}

impl Reader<'_> {
    fn fault(&self, line: usize, says: &str) -> DeployFault {
        DeployFault::at(STACK, line, format!("the service `{}` {says}", self.service))
    }

    fn environment(&self, node: &Node) -> Result<BTreeMap<String, String>, DeployFault> {
        match &node.what {
            _ if node.is_nothing() => Ok(BTreeMap::new()),
            What::Map(entries) => {
                let set = |entry: &Entry| Ok((entry.key.clone(), self.setting(&entry.key, &entry.value)?));
                entries.iter().map(set).collect()
            }
            What::List(nodes) => nodes.iter().map(|node| self.listed(node)).collect(),
            What::Text { .. } => Err(self
                .fault(node.line, "has an `environment` that is neither a map nor a list of `NAME=value`")),
        }
    }

    /// `NAME=value`.
    fn listed(&self, node: &Node) -> Result<(String, String), DeployFault> {
        let What::Text { text, .. } = &node.what else {
            return Err(
                self.fault(node.line, "has something in the list `environment` that is not `NAME=value`")
            );
        };
        match text.split_once('=') {
            Some((name, value)) => {
                Ok((name.to_owned(), self.literal(node.line, &quoted("environment", name), value)?))
            }
            None => Err(self.left_to_the_shell(node.line, text)),
        }
    }

    fn setting(&self, name: &str, node: &Node) -> Result<String, DeployFault> {
        match &node.what {
            _ if node.is_nothing() => Err(self.left_to_the_shell(node.line, name)),
            What::Text { text, plain: true } if ["true", "false"].contains(&text.to_lowercase().as_str()) => {
                let says =
                    format!("has `{name}: {text}`, which Docker refuses without quotes: write \"{text}\"");
                Err(self.fault(node.line, &says))
            }
            What::Text { text, .. } => self.literal(node.line, &quoted("environment", name), text),
            _ => Err(self.fault(node.line, &format!("has a setting `{name}` that is no text"))),
        }
    }

    fn left_to_the_shell(&self, line: usize, name: &str) -> DeployFault {
        let says = format!("takes `{name}` from the shell of whoever deploys it: write its value, or \"\"");
        self.fault(line, &says)
    }

    /// A text that means itself: Compose puts variables of the shell in the place of `$NAME` and `${NAME}`, and `$` for `$$`.
    fn literal(&self, line: usize, key: &str, text: &str) -> Result<String, DeployFault> {
        let mut parts = text.split("$$");
        if parts.any(|part| part.contains('$')) {
            let says = format!(
                "has a `$…` in {key}, which the test-bed does not fill: write the value out (`$$` is a dollar)"
            );
            return Err(self.fault(line, &says));
        }
        Ok(text.replace("$$", "$"))
    }

    /// The zones that its constraints name.
    fn zones(&self, node: &Node) -> Result<Vec<String>, DeployFault> {
        let What::List(nodes) = &node.what else {
            return Err(self.fault(node.line, "has `constraints` that are no list"));
        };
        nodes.iter().map(|node| self.zone(node)).collect()
    }

    fn zone(&self, node: &Node) -> Result<String, DeployFault> {
        let text = match &node.what {
            What::Text { text, .. } => self.literal(node.line, "`deploy.placement.constraints`", text)?,
            _ => return Err(self.fault(node.line, &format!("has a constraint that is no text: {FORM}"))),
        };
        let label = text.split_once("==").filter(|(_, value)| value.trim() == "true");
        let zone = label.and_then(|(label, _)| label.trim().strip_prefix("node.labels."));
        let other = || {
            self.fault(node.line, &format!("has the constraint `{text}`: only {FORM} places a service here"))
        };
        zone.filter(|zone| !zone.is_empty()).map(str::to_owned).ok_or_else(other)
    }

    /// One number for both limits, or `soft` and `hard`.
    fn nofile(&self, node: &Node) -> Result<(u64, u64), DeployFault> {
        let number = |node: &Node| match &node.what {
            What::Text { text, .. } => {
                let wrong = format!("has `ulimits.nofile` with `{text}`, which is no number of descriptors");
                let text = self.literal(node.line, "`ulimits.nofile`", text)?;
                text.parse().map_err(|_| self.fault(node.line, &wrong))
            }
            _ => Err(self.fault(node.line, "has `ulimits.nofile` without a number")),
        };
        let (soft, hard) = match (&node.what, node.get("soft"), node.get("hard")) {
            (What::Text { .. }, ..) => number(node).map(|both| (both, both))?,
            (_, Some(soft), Some(hard)) => (number(soft)?, number(hard)?),
            _ => return Err(self.fault(node.line, "has `ulimits.nofile` without `soft` and `hard`")),
        };
        if soft > hard {
            let says =
                format!("has `ulimits.nofile` with a soft limit of {soft}, above the hard one of {hard}");
            return Err(self.fault(node.line, &says));
        }
        Ok((soft, hard))
    }
}

fn quoted(key: &str, name: &str) -> String {
    format!("`{key}.{name}`")
}
