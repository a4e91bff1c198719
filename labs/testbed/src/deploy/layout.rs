//! What a lab settles of a stack before it sees a submission: who there is, who may be where, and how far it is.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::net::SocketAddr;

use crate::services::{Database, Demands, LogFormat, VirtualHost};
use crate::stack::{Zones, placeholder};
use crate::subject::Patience;

/// What is settled of a stack, whoever's files it is deployed from.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    pub(super) zones: Zones,
    pub(super) clients: String,
    pub(super) parts: BTreeMap<String, Part>,
    /// By service and name, the settings that the file itself must give.
    pub(super) required: BTreeMap<(String, String), String>,
    /// Settings of every instance, and of the proxy.
    pub(super) settings: BTreeMap<String, String>,
    pub(super) proxy_settings: BTreeMap<String, String>,
    pub(super) demands: Demands,
    pub(super) patience: Patience,
    /// Above this no limit of open descriptors may be.
    pub(super) nofile_at_most: Option<u64>,
    /// Whether the filled template must have the connections that the file gives its proxy.
    pub(super) connections_as_written: bool,
}

/// A service that a file may name.
#[derive(Clone, Debug)]
pub(super) struct Part {
    pub role: Role,
    /// The zone that it cannot leave.
    pub fixed: Option<String>,
}

#[derive(Clone, Debug)]
pub(super) enum Role {
    /// A process on a machine of its own, which may be left out.
    Machine,
    /// A process that must be there.
    Process,
    Proxy,
    Server(Backend),
}

/// A server that is there already, as the services of a file name it.
#[derive(Clone, Debug)]
pub struct Backend {
    /// The service of the file that stands for it.
    pub service: String,
    /// The variable whose URL leads to it. Several servers may share one: its host says which is meant.
    pub variable: String,
    /// Where it listens.
    pub addr: SocketAddr,
    /// The check's own URL, with [`placeholder`] of the service in the place of the address.
    pub url: String,
    /// The zone that it cannot leave; without one, the file says where it is.
    pub zone: Option<String>,
}

impl Backend {
    /// A check's own database, by the name of its service. `DATABASE_URL` leads to it.
    pub fn database(database: &Database, service: &str) -> Backend {
        let url = database.url_at(&placeholder(service));
        Backend::of(service, "DATABASE_URL", database.server(), url)
    }

    /// A check's own virtual host, by the name of its broker's service. `AMQP_URL` leads to it.
    pub fn broker(broker: &VirtualHost, service: &str) -> Backend {
        let url = broker.url_at(&placeholder(service));
        Backend::of(service, "AMQP_URL", broker.server(), url)
    }

    /// Any other server.
    pub fn of(service: &str, variable: &str, addr: SocketAddr, url: String) -> Backend {
        Backend { service: service.to_owned(), variable: variable.to_owned(), addr, url, zone: None }
    }

    /// It stays in this zone.
    #[must_use]
    pub fn fixed_in(mut self, zone: &str) -> Backend {
        self.zone = Some(zone.to_owned());
        self
    }
}

impl Layout {
    /// The round trips, and the zone of those who ask; nobody is there yet.
    pub fn new(zones: Zones, clients: &str) -> Layout {
        Layout { zones, clients: clients.to_owned(), ..Layout::default() }
    }

    /// An instance on a machine of its own: it cannot leave its zone, and may be left out. At least one machine must be there.
    #[must_use]
    pub fn machine(self, service: &str, zone: &str) -> Layout {
        self.part(service, Role::Machine, Some(zone.to_owned()))
    }

    /// An instance that must be there, in whichever zone.
    #[must_use]
    pub fn process(self, service: &str) -> Layout {
        self.part(service, Role::Process, None)
    }

    /// What stands in front. It must be there, in whichever zone.
    #[must_use]
    pub fn proxy(self, service: &str) -> Layout {
        self.part(service, Role::Proxy, None)
    }

    /// A server that instances reach. The file must have it.
    #[must_use]
    pub fn server(self, backend: Backend) -> Layout {
        let (service, zone) = (backend.service.clone(), backend.zone.clone());
        self.part(&service, Role::Server(backend), zone)
    }

    /// A setting that the file must give a service, where it has that service.
    #[must_use]
    pub fn requires(mut self, service: &str, name: &str, value: &str) -> Layout {
        self.required.insert((service.to_owned(), name.to_owned()), value.to_owned());
        self
    }

    /// A setting of every instance, whatever the file says.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Display) -> Layout {
        self.settings.insert(name.to_owned(), value.to_string());
        self
    }

    /// A setting of the proxy, whatever the file says.
    #[must_use]
    pub fn set_at_proxy(mut self, name: &str, value: impl Display) -> Layout {
        self.proxy_settings.insert(name.to_owned(), value.to_string());
        self
    }

    /// How many connections the proxy's worker has: `WORKER_CONNECTIONS` says so, and the filled template must.
    #[must_use]
    pub fn worker_connections(mut self, count: u32) -> Layout {
        self.demands.worker_connections = Some(count);
        self.set_at_proxy("WORKER_CONNECTIONS", count)
    }

    /// The filled template must have as many as the file says in its proxy's `WORKER_CONNECTIONS`, where that is a number.
    #[must_use]
    pub fn worker_connections_as_written(mut self) -> Layout {
        self.connections_as_written = true;
        self
    }

    /// No service that is read may have a limit of open descriptors above this.
    #[must_use]
    pub fn nofile_at_most(mut self, most: u64) -> Layout {
        self.nofile_at_most = Some(most);
        self
    }

    /// What the proxy's access log must tell, each by itself.
    #[must_use]
    pub fn log_format(mut self, name: &str, members: &[&str]) -> Layout {
        let members = members.iter().map(|member| (*member).to_owned()).collect();
        self.demands.log_format = Some(LogFormat { name: name.to_owned(), members });
        self
    }

    /// How long each instance is waited for.
    #[must_use]
    pub fn patience(mut self, patience: Patience) -> Layout {
        self.patience = patience;
        self
    }

    fn part(mut self, service: &str, role: Role, fixed: Option<String>) -> Layout {
        self.parts.insert(service.to_owned(), Part { role, fixed });
        self
    }

    pub(super) fn knows_zone(&self, zone: &str) -> bool {
        zone == self.clients || self.zones.knows(zone)
    }

    /// The servers to which the URL of this variable may lead.
    pub(super) fn behind(&self, variable: &str) -> Vec<&Backend> {
        let servers = self.parts.values().filter_map(|part| match &part.role {
            Role::Server(backend) => Some(backend),
            _ => None,
        });
        servers.filter(|backend| backend.variable == variable).collect()
    }
}
