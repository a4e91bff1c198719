//! What a container is to be, beside its image.

use std::collections::{BTreeMap, HashMap};
use std::net::SocketAddr;
use std::path::PathBuf;

use testcontainers::bollard::models::PortBinding;
use testcontainers::core::{AccessMode, IntoContainerPort as _, Mount};
use testcontainers::{ContainerRequest, GenericImage, ImageExt as _};

use crate::run::{LABEL, RunId};

/// What a container is to be, beside its image.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// The service's ports inside, each to be published on a port of 127.0.0.1.
    pub ports: Vec<u16>,
    /// The environment of its first process.
    pub environment: BTreeMap<String, String>,
    /// What it is started with, in place of the image's own command.
    pub command: Vec<String>,
    /// Its name, which is also its host name; one of ours unless set.
    pub name: Option<String>,
    /// Where it is.
    pub network: Network,
    /// Folders of this machine and where each is seen inside, to read.
    pub folders: Vec<(PathBuf, &'static str)>,
    /// Soft and hard limit of open descriptors. Where nothing is said, the engine's default holds, which differs between engines.
    pub nofile: Option<(u64, u64)>,
}

/// Where a container is.
#[derive(Clone, Debug, Default)]
pub enum Network {
    /// In the engine's usual network.
    #[default]
    Usual,
    /// In the host's own: what listens on 127.0.0.1 is reached, both ways.
    Host,
    /// In none: it reaches nobody, and nobody it.
    None,
    /// In the network of this name, whose members know each other by name.
    Named(String),
}

impl Network {
    fn mode(&self) -> Option<String> {
        match self {
            Network::Usual => None,
            Network::Host => Some("host".to_owned()),
            Network::None => Some("none".to_owned()),
            Network::Named(name) => Some(name.clone()),
        }
    }
}

impl Shape {
    /// The wish for such a container, with its ports published on `addrs` and the run's label on it.
    pub(super) fn request(
        &self,
        image: &str,
        name: &str,
        addrs: &[SocketAddr],
    ) -> ContainerRequest<GenericImage> {
        let (image, tag) = image.rsplit_once(':').unwrap_or((image, "latest"));
        let image = GenericImage::new(image, tag);
        let image = self.ports.iter().fold(image, |image, port| image.with_exposed_port(port.tcp()));
        let published = self.ports.iter().zip(addrs).map(|(port, addr)| {
            let loopback = PortBinding {
                host_ip: Some(addr.ip().to_string()),
                host_port: Some(addr.port().to_string()),
            };
            (format!("{port}/tcp"), Some(vec![loopback]))
        });
        let published: HashMap<_, _> = published.collect();
        let network = self.network.mode();
        let mut request = image
            .with_container_name(name)
            .with_label(LABEL, RunId::current().as_str())
            .with_cmd(self.command.clone())
            // Not `with_network`: testcontainers would make the network anew, without our label.
            .with_host_config_modifier(move |host| {
                host.publish_all_ports = Some(false);
                host.port_bindings = Some(published.clone());
                if network.is_some() {
                    host.network_mode = network.clone();
                }
            });
        if let Some(name) = &self.name {
            request = request.with_hostname(name);
        }
        for (variable, value) in &self.environment {
            request = request.with_env_var(variable, value);
        }
        for (folder, inside) in &self.folders {
            let mount = Mount::bind_mount(folder.display().to_string(), *inside);
            request = request.with_mount(mount.with_access_mode(AccessMode::ReadOnly));
        }
        if let Some((soft, hard)) = self.nofile {
            let limit = |limit| i64::try_from(limit).unwrap_or(i64::MAX);
            request = request.with_ulimit("nofile", limit(soft), Some(limit(hard)));
        }
        request
    }
}
