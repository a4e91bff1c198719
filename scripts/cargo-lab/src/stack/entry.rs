//! The entry: how this machine gets into a stack that publishes nothing.
//!
//! A Swarm can publish a port on every address of a node, or on none. A plain container can on 127.0.0.1 alone, and it is let into the
//! stack's network because the second file makes that attachable.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use testbed::images::{self, Service};
use testbed::setup::SetUp;

use super::docker::Docker;
use super::{Halt, Names, STACK};

/// What nginx does in it.
const CONF: &str = include_str!("entry.conf");
/// From here on the port of a lab's entry is counted: lab 04 has 8004.
const FIRST: u16 = 8000;
/// How long the service behind it may take to answer once all of it is healthy.
const SOON: Duration = Duration::from_secs(60);

/// The port that a lab's entry has when nobody says otherwise.
pub fn usual_port(names: &Names) -> u16 {
    names.lab.parse::<u16>().map_or(FIRST, |number| FIRST + number)
}

/// Where the entry is: `http://127.0.0.1:8004`. `None` when there is none that runs.
pub async fn address(docker: &Docker, names: &Names) -> Result<Option<String>, SetUp> {
    let ask = [
        "ps",
        "--filter",
        &names.beside(),
        "--filter",
        &format!("name=^{}$", names.entry),
        "--format",
        "{{.Ports}}",
    ];
    let ports = docker.ask(&ask).await?;
    let published = ports.split(", ").find_map(|port| port.split_once("->").map(|(address, _)| address));
    Ok(published.map(|address| format!("http://{address}")))
}

/// Whether the port can be had. The stack's own entry gives it back.
pub fn is_free(port: u16, is_up: bool, lab: &str) -> Result<(), SetUp> {
    if is_up {
        return Ok(());
    }
    let tried = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    tried.map(drop).map_err(|error| taken(port, &error, lab))
}

fn taken(port: u16, cause: &dyn std::fmt::Display, lab: &str) -> SetUp {
    let mend = format!(
        "stop what listens there (`ss -ltn`), or name another port: cargo lab stack up {lab} --port PORT"
    );
    SetUp::new(format!("open the entry on 127.0.0.1:{port}"), cause, mend)
}

/// Makes the entry anew.
pub async fn open(docker: &Docker, names: &Names, port: u16) -> Result<(), SetUp> {
    remove(docker, names).await?;
    let fault = |error| SetUp::from_cause("write the entry's settings", error);
    let folder = tempfile::tempdir().map_err(fault)?;
    let conf = folder.path().join("nginx.conf");
    fs::write(&conf, CONF).map_err(fault)?;
    let image = images::choose(&docker.engine, Service::Nginx).await?.image;
    let (label, network) = (format!("{STACK}={}", names.stack), format!("{}_default", names.stack));
    let publish = format!("127.0.0.1:{port}:8080");
    docker
        .tell(&[
            "create",
            "--name",
            &names.entry,
            "--label",
            &label,
            "--network",
            &network,
            "--publish",
            &publish,
            "--restart",
            "unless-stopped",
            &image,
        ])
        .await?;
    let to = format!("{}:/etc/nginx/nginx.conf", names.entry);
    docker.tell(&["cp", &conf.to_string_lossy(), &to]).await?;
    let started = docker.tell(&["start", &names.entry]).await;
    if let Err(fault) = started {
        remove(docker, names).await?;
        let is_port = ["address already in use", "port is already allocated"]
            .iter()
            .any(|words| fault.cause.contains(words));
        return Err(if is_port { taken(port, &fault.cause, &names.lab) } else { fault });
    }
    Ok(())
}

/// Removes the entry; false when there was none.
pub async fn remove(docker: &Docker, names: &Names) -> Result<bool, SetUp> {
    let ids = docker.list(&["ps", "--all", "--quiet", "--filter", &names.beside()]).await?;
    if ids.is_empty() {
        return Ok(false);
    }
    docker.tell(&["rm", "--force", &names.entry]).await?;
    Ok(true)
}

/// Waits until the service answers through the entry; false when it never does.
pub async fn answers(docker: &Docker, address: &str) -> Result<bool, Halt> {
    let client = testbed::client::client()?;
    let health = format!("{address}/health");
    let answered = docker.until(SOON, async |says| {
        let answer = client.get(&health).send().await;
        *says = match &answer {
            Ok(answer) => format!("GET /health through the entry: {}", answer.status()),
            Err(_) => "GET /health through the entry: no answer".to_owned(),
        };
        Ok(answer.is_ok_and(|answer| answer.status().is_success()).then_some(()))
    });
    Ok(answered.await?.is_some())
}
