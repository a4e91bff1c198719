//! The Swarm: one node, which is this machine. What `up` did to it is written on the node itself, and so outlives every folder.

use std::collections::BTreeMap;
use std::io::{IsTerminal as _, stdin};

use promises::contract::{SEOUL, TAIWAN, TOKYO};
use serde::Deserialize;
use testbed::exit::Exit;
use testbed::setup::SetUp;

use super::docker::Docker;
use super::{Halt, OURS};

/// Every zone of the plan: one node stands for all.
pub const ZONES: [&str; 3] = [SEOUL, TOKYO, TAIWAN];
/// On the node: `up` began the Swarm.
const BEGUN: &str = "why-servers-die.swarm";
/// On the node: the zones that `up` wrote on it, joined by dots.
const WRITTEN: &str = "why-servers-die.zones";
/// On the node: there was no network of this name before.
const BRIDGE_MADE: &str = "why-servers-die.gwbridge";
/// The bridge by which containers of a Swarm's network leave their node. It outlives the Swarm.
const BRIDGE: &str = "docker_gwbridge";
/// The Swarm speaks with itself alone.
const INIT: [&str; 6] = ["swarm", "init", "--advertise-addr", "127.0.0.1", "--listen-addr", "127.0.0.1:2377"];

/// What this engine is to a Swarm.
pub enum Swarm {
    /// In none.
    None,
    /// The one node of its own.
    Node(Node),
}

/// The one node.
pub struct Node {
    id: String,
    labels: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Info {
    #[serde(rename = "NodeID")]
    node_id: String,
    local_node_state: String,
    control_available: bool,
    #[serde(default)]
    nodes: Option<u32>,
}

impl Swarm {
    /// Looks at it.
    ///
    /// # Errors
    /// The engine is in a Swarm in which this command has no business: of several nodes, of another manager, locked.
    pub async fn look(docker: &Docker) -> Result<Swarm, SetUp> {
        let asked = docker.ask(&["info", "--format", "{{json .Swarm}}"]).await?;
        let unread = |error| SetUp::from_cause("read what `docker info` says of the Swarm", error);
        let info: Info = serde_json::from_str(&asked).map_err(unread)?;
        let stranger = |cause: String| {
            let mend = "use an engine of its own for the labs, or leave that Swarm if nobody needs it: docker swarm leave --force";
            SetUp::new("use this engine's Swarm", cause, mend)
        };
        match (info.local_node_state.as_str(), info.control_available, info.nodes) {
            ("inactive" | "", ..) => Ok(Swarm::None),
            ("active", true, None | Some(1)) => {
                let asked = ["node", "inspect", &info.node_id, "--format", "{{json .Spec.Labels}}"];
                let labels: Option<_> = serde_json::from_str(&docker.ask(&asked).await?).map_err(unread)?;
                Ok(Swarm::Node(Node { id: info.node_id, labels: labels.unwrap_or_default() }))
            }
            ("active", true, Some(nodes)) => Err(stranger(format!(
                "it has {nodes} nodes, and an image that is built here is on one of them only"
            ))),
            ("active", ..) => Err(stranger("this engine is a worker in it, and takes no commands".into())),
            (state, ..) => Err(stranger(format!("its state is `{state}`"))),
        }
    }
}

/// Asks whether a Swarm may be begun. Without a terminal only `yes` answers.
pub fn consent(yes: bool, lab: &str) -> Result<(), Halt> {
    if yes {
        return Ok(());
    }
    anstream::eprintln!(
        "This engine is in no Swarm. A Swarm of one node would begin on it, which speaks on 127.0.0.1 (ports 2377 and 7946). While a\n\
         stack is up, the kernel also takes packets of Swarm networks on port 4789/udp of every address: say no where no firewall is in front.\n\
         `cargo lab stack down {lab}` ends it again."
    );
    if !stdin().is_terminal() {
        anstream::eprintln!(
            "\nNobody is here to ask. If that is right, say so: cargo lab stack up {lab} --yes"
        );
        return Err(Halt::Ends(Exit::Usage));
    }
    anstream::eprint!("\nBegin it? [y/N] ");
    let mut answer = String::new();
    let heard = stdin().read_line(&mut answer).is_ok();
    if heard && ["y", "yes"].contains(&answer.trim().to_lowercase().as_str()) {
        return Ok(());
    }
    anstream::eprintln!("Nothing was begun.");
    Err(Halt::Ends(Exit::Usage))
}

/// Begins a Swarm where there is none, and has its node stand for every zone.
///
/// From the first command to the last no Ctrl-C is heeded: `down` must find written what was done.
pub async fn ready(docker: &Docker, swarm: Swarm) -> Result<(), SetUp> {
    let (node, mut written) = match swarm {
        Swarm::Node(node) => (node, Vec::new()),
        Swarm::None => {
            let mut written = vec![format!("{BEGUN}=begun")];
            if !has_bridge(docker).await? {
                written.push(format!("{BRIDGE_MADE}=made"));
            }
            docker.tell(&INIT).await?;
            match Swarm::look(docker).await? {
                Swarm::Node(node) => (node, written),
                Swarm::None => {
                    let mend = "look at `docker info`, then run the command again";
                    return Err(SetUp::new("begin a Swarm", "the engine says that it is in none", mend));
                }
            }
        }
    };
    let is_set = |zone: &&str| node.labels.get(*zone).is_some_and(|value| value == "true");
    let missing: Vec<&str> = ZONES.into_iter().filter(|zone| !is_set(zone)).collect();
    if !missing.is_empty() {
        written.extend(missing.iter().map(|zone| format!("{zone}=true")));
        // What an earlier `up` wrote is ours still.
        let before = node.labels.get(WRITTEN).into_iter().flat_map(|zones| zones.split('.'));
        let ours: Vec<&str> = before.chain(missing.iter().copied()).collect();
        written.push(format!("{WRITTEN}={}", ours.join(".")));
        let mut command = vec!["node", "update"];
        command.extend(written.iter().flat_map(|label| ["--label-add", label]));
        command.push(&node.id);
        docker.tell(&command).await?;
    }
    Ok(())
}

/// Leaves the Swarm if `up` began it and nobody else is in it; elsewhere takes the labels away that `up` wrote. What was removed, a line each.
pub async fn done(docker: &Docker, swarm: Swarm) -> Result<Vec<String>, SetUp> {
    let Swarm::Node(node) = swarm else { return Ok(Vec::new()) };
    let services = docker.list(&["service", "ls", "--format", "{{.Name}}"]).await?;
    let is_begun = node.labels.contains_key(BEGUN);
    if services.iter().any(|service| is_begun || service.starts_with(OURS)) {
        return Ok(vec![format!(
            "(the Swarm stays as it is: it has other services, {})",
            services.join(", ")
        )]);
    }
    if !is_begun {
        let Some(zones) = node.labels.get(WRITTEN) else { return Ok(Vec::new()) };
        let mut command = vec!["node", "update"];
        command.extend(zones.split('.').chain([WRITTEN]).flat_map(|label| ["--label-rm", label]));
        command.push(&node.id);
        docker.tell(&command).await?;
        return Ok(vec![
            format!("the node's labels {}", zones.replace('.', ", ")),
            "(the Swarm stays: it was there before)".to_owned(),
        ]);
    }
    docker.tell(&["swarm", "leave", "--force"]).await?;
    let mut removed = vec!["the Swarm, and its node's labels".to_owned()];
    if node.labels.contains_key(BRIDGE_MADE) && has_bridge(docker).await? {
        docker.tell(&["network", "rm", BRIDGE]).await?;
        removed.push(format!("the network {BRIDGE}"));
    }
    Ok(removed)
}

async fn has_bridge(docker: &Docker) -> Result<bool, SetUp> {
    let names = docker.list(&["network", "ls", "--format", "{{.Name}}"]).await?;
    Ok(names.iter().any(|name| name == BRIDGE))
}
