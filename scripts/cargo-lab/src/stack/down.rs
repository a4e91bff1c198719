//! `cargo lab stack down`: all that `up` made is taken away, and what was there before stays.

use std::time::Duration;

use testbed::exit::Exit;
use testbed::setup::SetUp;

use super::docker::Docker;
use super::swarm::{self, Swarm};
use super::{Halt, Names, entry};

/// How long the tasks may take to end: each has its own time to finish what it began.
const GOING: Duration = Duration::from_secs(120);

/// Takes it away, and tells what. Safe to repeat: each time it looks for what is there.
pub async fn run(docker: &Docker, names: &Names) -> Result<Exit, Halt> {
    let ended = take_away(docker, names).await;
    match &ended {
        Ok(removed) if removed.is_empty() => anstream::println!("nothing of {} is there", names.stack),
        Ok(removed) => {
            anstream::println!("\nremoved");
            removed.iter().for_each(|what| anstream::println!("  {what}"));
        }
        Err(Halt::Ends(Exit::Interrupted)) => {
            anstream::eprintln!(
                "interrupted: not everything is gone; cargo lab stack down {} goes on",
                names.lab
            );
        }
        Err(_) => {}
    }
    ended.map(|_| Exit::Kept)
}

async fn take_away(docker: &Docker, names: &Names) -> Result<Vec<String>, Halt> {
    let mut removed = Vec::new();
    if entry::remove(docker, names).await? {
        removed.push(format!("the entry {}", names.entry));
    }
    docker.go_on()?;
    let swarm = Swarm::look(docker).await?;
    if let Swarm::Node(_) = swarm {
        removed.extend(remove_stack(docker, names).await?);
    }
    docker.go_on()?;
    let volumes = docker.list(&["volume", "ls", "--quiet", "--filter", &names.made()]).await?;
    if !volumes.is_empty() {
        let mut command = vec!["volume", "rm"];
        command.extend(volumes.iter().map(String::as_str));
        docker.tell(&command).await?;
        removed.extend(volumes.iter().map(|name| format!("the volume {name}")));
    }
    let format = "{{.ID}} {{.Repository}}:{{.Tag}}";
    let images = docker.list(&["image", "ls", "--filter", &names.beside(), "--format", format]).await?;
    for (id, name) in images.iter().filter_map(|image| image.split_once(' ')) {
        // One that was followed by another has no name any more.
        let (by, told) = if name.contains("<none>") { (id, id) } else { (name, name) };
        docker.tell(&["image", "rm", by]).await?;
        removed.push(format!("the image {told}"));
    }
    docker.go_on()?;
    removed.extend(swarm::done(docker, swarm).await?);
    Ok(removed)
}

/// Removes the stack, and waits until nothing of it is left: `docker stack rm` is a wish, and its containers hold the volumes.
async fn remove_stack(docker: &Docker, names: &Names) -> Result<Vec<String>, Halt> {
    let filter = names.made();
    let made = async |what: &str| {
        let format = if what == "network" { "{{.Name}}" } else { "{{.ID}}" };
        let mut ask = if what == "container" { vec!["ps", "--all"] } else { vec![what, "ls"] };
        ask.extend(["--filter", &filter, "--format", format]);
        docker.list(&ask).await
    };
    let before: [Vec<String>; 4] =
        [made("service").await?, made("container").await?, made("network").await?, made("config").await?];
    if before.iter().all(Vec::is_empty) {
        return Ok(Vec::new());
    }
    docker.tell(&["stack", "rm", &names.stack]).await?;
    let mut left = Vec::new();
    let gone = docker.until(GOING, async |says| {
        let (containers, networks, configs) =
            (made("container").await?, made("network").await?, made("config").await?);
        *says = format!("{} containers and {} networks are left", containers.len(), networks.len());
        left = [containers, networks, configs].concat();
        Ok(left.is_empty().then_some(()))
    });
    if gone.await?.is_none() {
        let cause = format!("after {} s there is still {}", GOING.as_secs(), left.join(", "));
        let mend = format!(
            "a service or a container of yours may be in the network {0}_default (docker network inspect {0}_default): remove it, then: \
             cargo lab stack down {1}",
            names.stack, names.lab
        );
        return Err(SetUp::new(format!("remove the stack {}", names.stack), cause, mend).into());
    }
    let [services, containers, networks, configs] = before.map(|found| found.len());
    Ok(vec![format!(
        "the stack {}: {services} services, {containers} containers, {configs} configs, {networks} networks",
        names.stack
    )])
}
