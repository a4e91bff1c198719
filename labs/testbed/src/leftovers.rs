//! Finding and removing what a run started: containers and networks by label, processes by environment, folders by name.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::fs;
use std::io::ErrorKind;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use sysinfo::{ProcessRefreshKind, ProcessesToUpdate, System, UpdateKind};
use testcontainers::bollard::Docker;
use testcontainers::bollard::query_parameters::{
    ListContainersOptionsBuilder, ListNetworksOptionsBuilder, RemoveContainerOptionsBuilder,
};

use crate::run::{FOLDER, LABEL, RunId, VARIABLE};
use crate::setup::SetUp;
use crate::wait;

/// How long what was told to go may take until it is gone. Generous: the engine of a busy laptop removes a volume slowly.
const GOING: Duration = Duration::from_secs(60);

/// How much was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Removed {
    /// Containers, with their anonymous volumes.
    pub containers: usize,
    /// Networks.
    pub networks: usize,
    /// Processes.
    pub processes: usize,
    /// Temporary folders.
    pub folders: usize,
}

impl Removed {
    /// Whether there was nothing to remove.
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for Removed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Removed { containers, networks, processes, folders } = self;
        write!(f, "{containers} containers, ")?;
        // Few runs have one.
        if *networks > 0 {
            write!(f, "{networks} networks, ")?;
        }
        write!(f, "{processes} processes, {folders} folders")
    }
}

/// Removes what runs left behind whose own process is gone. A run that is still alive keeps all that is its own.
pub async fn sweep(engine: Option<&Docker>) -> Result<Removed, SetUp> {
    remove_where(engine, |run| !run.is_alive()).await
}

/// Removes all that one run started, alive or not.
pub async fn remove(engine: Option<&Docker>, run: &RunId) -> Result<Removed, SetUp> {
    remove_where(engine, |owner| owner == run).await
}

async fn remove_where(engine: Option<&Docker>, chosen: impl Fn(&RunId) -> bool) -> Result<Removed, SetUp> {
    let processes = end_processes(&chosen).await?;
    // A folder that cannot be removed keeps no container alive.
    let folders = remove_folders(&chosen);
    let (containers, networks) = match engine {
        // A network goes only when nobody is in it any more.
        Some(engine) => (remove_containers(engine, &chosen).await?, remove_networks(engine, &chosen).await?),
        None => (0, 0),
    };
    Ok(Removed { containers, networks, processes, folders: folders? })
}

/// Removes the chosen networks and returns when a look finds none of them any more. A container that was just removed may hold one
/// for a moment.
async fn remove_networks(engine: &Docker, chosen: impl Fn(&RunId) -> bool) -> Result<usize, SetUp> {
    let mut removed = 0;
    let mut last = None;
    let gone = wait::until(GOING, async || {
        let found = match networks(engine, &chosen).await {
            Ok(found) => found,
            Err(fault) => return Some(Err(fault)),
        };
        for id in &found {
            match engine.remove_network(id).await {
                Ok(()) => removed += 1,
                Err(error) => last = Some(error),
            }
        }
        found.is_empty().then_some(Ok(()))
    });
    let gone = gone.await;
    let still_there = || {
        let cause = format!("some are still there after {} s: {last:?}", GOING.as_secs());
        let mend = "look at `docker network ls`, then run `cargo lab clean`";
        SetUp::new("remove the workbook's networks", cause, mend)
    };
    gone.ok_or_else(still_there)?.map(|()| removed)
}

async fn networks(engine: &Docker, chosen: impl Fn(&RunId) -> bool) -> Result<Vec<String>, SetUp> {
    let ours = HashMap::from([("label", vec![LABEL])]);
    let list = ListNetworksOptionsBuilder::default().filters(&ours).build();
    let fault = |error| SetUp::from_cause("list the workbook's networks", error);
    let found = engine.list_networks(Some(list)).await.map_err(fault)?;
    let chosen = found.into_iter().filter_map(|network| {
        let owner = RunId::named(network.labels?.get(LABEL)?)?;
        network.id.filter(|_| chosen(&owner))
    });
    Ok(chosen.collect())
}

/// Removes the chosen containers and returns when a look finds none of them any more.
async fn remove_containers(engine: &Docker, chosen: impl Fn(&RunId) -> bool) -> Result<usize, SetUp> {
    let mut removed = 0;
    let gone = wait::until(GOING, async || {
        let found = match containers(engine, &chosen).await {
            Ok(found) => found,
            Err(fault) => return Some(Err(fault)),
        };
        if found.is_empty() {
            return Some(Ok(()));
        }
        for id in found {
            let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
            match engine.remove_container(&id, Some(options)).await {
                Ok(()) => removed += 1,
                // Gone or going already: another clean-up was first. The next look tells when it is over.
                Err(error) if matches!(status(&error), Some(404 | 409)) => {}
                Err(error) => {
                    return Some(Err(SetUp::from_cause(format!("remove the container {id:.12}"), error)));
                }
            }
        }
        None
    });
    let still_there = || {
        let cause = format!("some are still there after {} s", GOING.as_secs());
        SetUp::new(
            "remove the workbook's containers",
            cause,
            "look at `docker ps -a`, then run `cargo lab clean`",
        )
    };
    gone.await.ok_or_else(still_there)?.map(|()| removed)
}

async fn containers(engine: &Docker, chosen: impl Fn(&RunId) -> bool) -> Result<Vec<String>, SetUp> {
    let ours = HashMap::from([("label", vec![LABEL])]);
    let list = ListContainersOptionsBuilder::default().all(true).filters(&ours).build();
    let fault = |error| SetUp::from_cause("list the workbook's containers", error);
    let found = engine.list_containers(Some(list)).await.map_err(fault)?;
    let chosen = found.into_iter().filter_map(|container| {
        let owner = RunId::named(container.labels?.get(LABEL)?)?;
        container.id.filter(|_| chosen(&owner))
    });
    Ok(chosen.collect())
}

/// The HTTP status with which the engine refused, if it answered at all.
pub(crate) fn status(error: &testcontainers::bollard::errors::Error) -> Option<u16> {
    match error {
        testcontainers::bollard::errors::Error::DockerResponseServerError { status_code, .. } => {
            Some(*status_code)
        }
        _ => None,
    }
}

/// Kills the chosen processes and returns when a look finds none of them any more: a child born beside the first look
/// is found by the next.
async fn end_processes(chosen: impl Fn(&RunId) -> bool) -> Result<usize, SetUp> {
    let mut ended = HashSet::new();
    let gone = wait::until(GOING, async || {
        let found = processes(&chosen);
        for pid in &found {
            // Only what may be killed counts: another user's processes are not ours, whatever they say.
            if kill_process(*pid, Signal::KILL).is_ok() {
                ended.insert(*pid);
            }
        }
        found.is_empty().then_some(())
    });
    let still_there = || {
        let cause = format!("some are still there after {} s", GOING.as_secs());
        SetUp::new(
            "end the workbook's processes",
            cause,
            format!("look for {VARIABLE} in `ps axe`, and end what carries it"),
        )
    };
    gone.await.ok_or_else(still_there).map(|()| ended.len())
}

fn processes(chosen: impl Fn(&RunId) -> bool) -> Vec<Pid> {
    // A new one for each look: it keeps the environment of a process that has become a zombie.
    let Ok(mut system) = System::new() else { return Vec::new() };
    let environment = ProcessRefreshKind::nothing().with_environ(UpdateKind::Always).without_tasks();
    system.refresh_processes_specifics(ProcessesToUpdate::All, true, environment);
    let mine = std::process::id();
    let found = system.processes().iter().filter_map(|(pid, process)| {
        let mut marked = process
            .environ()
            .iter()
            .filter_map(|entry| entry.to_str()?.strip_prefix(VARIABLE)?.strip_prefix('='));
        let owned =
            pid.as_u32() != mine && marked.any(|run| RunId::named(run).is_some_and(|run| chosen(&run)));
        i32::try_from(pid.as_u32()).ok().filter(|_| owned).and_then(Pid::from_raw)
    });
    found.collect()
}

fn remove_folders(chosen: impl Fn(&RunId) -> bool) -> Result<usize, SetUp> {
    let temporary = std::env::temp_dir();
    let fault = |error| SetUp::from_cause(format!("clean up in `{}`", temporary.display()), error);
    let mut removed = 0;
    for entry in fs::read_dir(&temporary).map_err(fault)? {
        let entry = entry.map_err(fault)?;
        let name = entry.file_name();
        let Some(run) = name.to_str().and_then(|name| RunId::named(name.strip_prefix(FOLDER)?)) else {
            continue;
        };
        if !chosen(&run) {
            continue;
        }
        match fs::remove_dir_all(entry.path()) {
            Ok(()) => removed += 1,
            // Another clean-up was first, or the folder belongs to another user of this machine.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {}
            Err(error) => return Err(fault(error)),
        }
    }
    Ok(removed)
}
