//! From deploy files to the plan of a stack: who is reached over which path.

use std::collections::BTreeMap;

use reqwest::Url;

use super::layout::{Layout, Part, Role};
use super::{Deploy, STACK, Service};
use crate::stack::{Instance, PROXY, Plan, Proxy, Server, placeholder};
use crate::submission::DeployFault;

impl Deploy {
    /// The plan of the stack that these files describe.
    ///
    /// # Errors
    /// A setting names a service that is not there.
    pub fn plan(&self, layout: &Layout) -> Result<Plan, DeployFault> {
        let mut plan = Plan {
            clients: layout.clients.clone(),
            zones: layout.zones.clone(),
            patience: layout.patience,
            ..Plan::default()
        };
        for (name, service) in &self.services {
            let (Some(part), Some(zone)) = (layout.parts.get(name), service.zones.first().cloned()) else {
                continue;
            };
            match &part.role {
                Role::Machine | Role::Process => {
                    let mut environment = self.environment(name, service, layout)?;
                    environment.extend(layout.settings.clone());
                    // As in a container of that host name.
                    environment.entry("HOSTNAME".to_owned()).or_insert_with(|| name.clone());
                    let name = name.clone();
                    plan.instances.push(Instance { name, zone, environment, nofile: service.nofile });
                }
                Role::Proxy => {
                    let mut environment = self.environment(name, service, layout)?;
                    environment.extend(layout.proxy_settings.clone());
                    let (nofile, mut demands) = (service.nofile, layout.demands.clone());
                    if layout.connections_as_written {
                        let written = environment.get("WORKER_CONNECTIONS");
                        demands.worker_connections = written.and_then(|written| written.trim().parse().ok());
                    }
                    plan.proxy = Some(Proxy { zone, environment, nofile, demands });
                }
                Role::Server(backend) => {
                    plan.servers.push(Server { name: name.clone(), zone, addr: backend.addr });
                }
            }
        }
        Ok(plan)
    }

    /// The settings of a service, with a placeholder for each service that they name.
    fn environment(
        &self,
        name: &str,
        service: &Service,
        layout: &Layout,
    ) -> Result<BTreeMap<String, String>, DeployFault> {
        let mut settings = BTreeMap::new();
        for (key, value) in &service.environment {
            let fault =
                |says: String| DeployFault::at(STACK, service.line, format!("the service `{name}` {says}"));
            let set = match layout.behind(key) {
                servers if servers.is_empty() => self.reached(value, layout),
                servers => {
                    let host = Url::parse(value).ok().and_then(|url| url.host_str().map(str::to_owned));
                    let meant = servers.iter().find(|server| Some(&server.service) == host.as_ref());
                    let known: Vec<String> =
                        servers.iter().map(|server| format!("`{}`", server.service)).collect();
                    let known = known.join(" or ");
                    let host = host.unwrap_or_default();
                    let wrong = || {
                        fault(format!("has a `{key}` that names the host `{host}`: it is to name {known}"))
                    };
                    meant.map(|server| server.url.clone()).ok_or_else(wrong)?
                }
            };
            settings.insert(key.clone(), set);
        }
        Ok(settings)
    }

    /// A value with a placeholder for each `service:port`.
    fn reached(&self, value: &str, layout: &Layout) -> String {
        let mut value = value.to_owned();
        for name in self.services.keys() {
            let end = match layout.parts.get(name) {
                Some(Part { role: Role::Proxy, .. }) => PROXY,
                _ => name,
            };
            value = replaced(&value, name, &placeholder(end));
        }
        value
    }
}

fn replaced(value: &str, service: &str, with: &str) -> String {
    let (mut done, mut rest) = (String::new(), value);
    while let Some((begin, end)) = address(rest, service) {
        done.extend([&rest[..begin], with]);
        rest = &rest[end..];
    }
    done + rest
}

/// Where the first `service:port` begins and ends: a whole host name, and not the user of a URL.
fn address(value: &str, service: &str) -> Option<(usize, usize)> {
    let in_name = |character: char| character.is_alphanumeric() || "._-".contains(character);
    value.match_indices(service).find_map(|(begin, _)| {
        let port = value[begin + service.len()..].strip_prefix(':')?;
        let digits = port.len() - port.trim_start_matches(|digit: char| digit.is_ascii_digit()).len();
        let is_whole = !value[..begin].ends_with(in_name);
        let after = &port[digits..];
        let ends = !after.starts_with(in_name) && !after.starts_with('@');
        (digits > 0 && is_whole && ends).then_some((begin, value.len() - after.len()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_whole_host_with_a_port_is_an_address() {
        let becomes = |value| replaced(value, "api-1", "X");
        for (value, expected) in [
            ("api-1:8080", "X"),
            ("http://api-1:8080/a?b=api-1:1,api-1", "http://X/a?b=X,api-1"),
            ("u:p@api-1:80", "u:p@X"),
            ("api-1", "api-1"),
            ("api-1:", "api-1:"),
            ("api-1:80x", "api-1:80x"),
            ("my-api-1:80", "my-api-1:80"),
            ("api-1.local:80", "api-1.local:80"),
            ("api-11:80", "api-11:80"),
            ("http://api-1:123@host:80", "http://api-1:123@host:80"),
        ] {
            assert_eq!(becomes(value), expected, "{value}");
        }
    }
}
