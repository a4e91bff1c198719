//! What the tasks of a stack do, service by service, and whether all of them run.
//!
//! A task whose service has a health check passes for `Running` only when it is healthy.

use std::collections::HashMap;
use std::time::Duration;

use serde::Deserialize;
use testbed::exit::Exit;
use testbed::setup::SetUp;

use super::docker::Docker;
use super::{Halt, Names, entry};

/// How long a stack may take until everything runs. On a slow machine a broker alone takes half a minute.
const STARTING: Duration = Duration::from_secs(240);
/// What the Swarm says of a task that no node may run. It says so for ever.
const NOWHERE: &str = "no suitable node";

/// A service of the stack.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    /// As the file calls it.
    pub name: String,
    /// How many of its tasks run, and how many are to.
    pub running: (usize, usize),
    /// What the task that is wanted does: `Running 5 seconds ago`.
    pub state: String,
    /// What the engine says of its container's health, where it has one.
    pub health: String,
    /// Why its last task ended, or why it cannot begin.
    pub fault: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Counted {
    name: String,
    replicas: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Task {
    #[serde(rename = "ID")]
    id: String,
    name: String,
    current_state: String,
    desired_state: String,
    error: String,
}

impl Service {
    /// Whether it is as it is meant to be.
    pub fn is_well(&self) -> bool {
        let (running, wanted) = self.running;
        running == wanted && ["", "healthy"].contains(&&*self.health)
    }

    fn cannot_begin(&self) -> bool {
        self.state.starts_with("Pending") && self.fault.as_ref().is_some_and(|fault| fault.contains(NOWHERE))
    }

    fn line(&self) -> String {
        let mut line = format!("  {:<10} {}", self.name, self.state);
        if !self.health.is_empty() {
            line = format!("{line} · {}", self.health);
        }
        if !self.is_well() {
            let (running, wanted) = self.running;
            line = format!("{line} · {running} of {wanted}");
            line = self.fault.iter().fold(line, |line, fault| format!("{line} · {fault}"));
        }
        line
    }
}

/// Looks at all services of the stack, by name; none when there is no such stack.
pub async fn look(docker: &Docker, names: &Names) -> Result<Vec<Service>, SetUp> {
    let filter = names.made();
    let counted: Vec<Counted> = docker.rows(&["service", "ls", "--filter", &filter]).await?;
    if counted.is_empty() {
        return Ok(Vec::new());
    }
    let tasks: Vec<Task> = docker.rows(&["stack", "ps", "--no-trunc", &names.stack]).await?;
    let format = "{{.Label \"com.docker.swarm.task.id\"}} {{.Status}}";
    let containers = docker.list(&["ps", "--filter", &filter, "--format", format]).await?;
    let healths = containers.iter().filter_map(|line| line.split_once(' '));
    let healths: HashMap<&str, &str> = healths.map(|(id, status)| (id, health(status))).collect();
    let mut services: Vec<Service> =
        counted.iter().map(|service| service_of(service, &tasks, &healths, names)).collect();
    services.sort_by(|one, other| one.name.cmp(&other.name));
    Ok(services)
}

fn service_of(counted: &Counted, tasks: &[Task], healths: &HashMap<&str, &str>, names: &Names) -> Service {
    let own: Vec<&Task> = tasks
        .iter()
        .filter(|task| task.name.rsplit_once('.').is_some_and(|(service, _)| service == counted.name))
        .collect();
    // The newest come first.
    let is_wanted = |task: &&&Task| ["Running", "Ready", "Accepted"].contains(&&*task.desired_state);
    let wanted = own.iter().find(is_wanted).copied();
    let count = |text: Option<&str>| text.and_then(|text| text.split(' ').next()?.parse().ok()).unwrap_or(0);
    let mut replicas = counted.replicas.split('/');
    let said = |task: &&Task| (!task.error.is_empty()).then(|| task.error.trim_matches('"').to_owned());
    let before = || own.iter().find_map(said).map(|why| format!("before: {why}"));
    let running = (count(replicas.next()), count(replicas.next()));
    let none = || if running.1 == 0 { "none is wanted" } else { "no task" }.to_owned();
    Service {
        name: names.short(&counted.name).to_owned(),
        running,
        state: wanted.map_or_else(none, |task| task.current_state.clone()),
        health: wanted.and_then(|task| healths.get(&*task.id)).copied().unwrap_or_default().to_owned(),
        fault: wanted.as_ref().and_then(said).or_else(before),
    }
}

/// `Up 5 seconds (healthy)`: what stands in the brackets.
fn health(status: &str) -> &str {
    let inside = status.rsplit_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    inside.map_or("", |health| health.strip_prefix("health: ").unwrap_or(health))
}

/// Waits until everything runs. A stack that does not come up is the submission's affair, and is told.
pub async fn all_run(docker: &Docker, names: &Names) -> Result<(), Halt> {
    let mut last = Vec::new();
    // Twice in a row: what was just deployed is counted as it was for a moment.
    let mut well = 0;
    let up = docker.until(STARTING, async |says| {
        last = look(docker, names).await?;
        let waiting: Vec<&Service> = last.iter().filter(|service| !service.is_well()).collect();
        well = if waiting.is_empty() && !last.is_empty() { well + 1 } else { 0 };
        *says = format!("{} of {} services run", last.len() - waiting.len(), last.len());
        if let Some(service) = waiting.first() {
            *says = format!("{says}; {}: {}", service.name, service.state.to_lowercase());
        }
        Ok(if waiting.iter().any(|service| service.cannot_begin()) {
            Some(false)
        } else {
            (well == 2).then_some(true)
        })
    });
    if up.await? == Some(true) {
        return Ok(());
    }
    anstream::eprintln!("the stack is there, and not everything of it runs:");
    last.iter().for_each(|service| anstream::eprintln!("{}", service.line()));
    let nowhere: Vec<&str> =
        last.iter().filter(|service| service.cannot_begin()).map(|service| &*service.name).collect();
    match nowhere.is_empty() {
        true => anstream::eprintln!("what one of them says: docker service logs {}_SERVICE", names.stack),
        false => anstream::eprintln!(
            "no node may run {}: mend its `constraints` in deploy/stack.yml, then: cargo lab stack up {}",
            nowhere.join(", "),
            names.lab
        ),
    }
    anstream::eprintln!("take it away: cargo lab stack down {}", names.lab);
    Err(Halt::Ends(Exit::Broken))
}

/// Prints a line for each service, and one for the entry. Kept when everything runs.
pub async fn status(docker: &Docker, names: &Names) -> Result<Exit, Halt> {
    let services = match super::swarm::Swarm::look(docker).await? {
        super::swarm::Swarm::None => Vec::new(),
        super::swarm::Swarm::Node(_) => look(docker, names).await?,
    };
    if services.is_empty() {
        anstream::println!("the stack {0} is not up: cargo lab stack up {1}", names.stack, names.lab);
        return Ok(Exit::Broken);
    }
    services.iter().for_each(|service| anstream::println!("{}", service.line()));
    let address = entry::address(docker, names).await?;
    let shown = address.as_deref().unwrap_or("closed: cargo lab stack up opens it");
    anstream::println!("  {:<10} {shown}", "entry");
    let all = address.is_some() && services.iter().all(Service::is_well);
    Ok(if all { Exit::Kept } else { Exit::Broken })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_health_is_what_stands_in_the_brackets() {
        assert_eq!(health("Up 5 seconds (healthy)"), "healthy");
        assert_eq!(health("Up Less than a second (health: starting)"), "starting");
        assert_eq!(health("Up 3 hours"), "");
    }

    #[test]
    fn a_service_is_told_by_its_wanted_task_and_its_last_fault() {
        let names = Names { lab: "04".into(), stack: "posts-04".into(), entry: "e".into() };
        let counted = Counted { name: "posts-04_api-1".into(), replicas: "0/1".into() };
        let task = |id: &str, state: &str, desired: &str, error: &str| Task {
            id: id.into(),
            name: "posts-04_api-1.1".into(),
            current_state: state.into(),
            desired_state: desired.into(),
            error: error.into(),
        };
        let tasks = [
            task("b", "Starting 1 second ago", "Running", ""),
            task("a", "Failed 5 seconds ago", "Shutdown", "\"task: non-zero exit (1)\""),
        ];
        let service = service_of(&counted, &tasks, &HashMap::from([("b", "starting")]), &names);
        assert!(!service.is_well());
        assert_eq!(
            service.line(),
            "  api-1      Starting 1 second ago · starting · 0 of 1 · before: task: non-zero exit (1)"
        );
        let nowhere = "\"no suitable node (scheduling constraints not satisfied on 1 node)\"";
        let tasks = [task("c", "Pending 2 seconds ago", "Running", nowhere)];
        assert!(service_of(&counted, &tasks, &HashMap::new(), &names).cannot_begin());
    }
}
