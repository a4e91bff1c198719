//! One container of ours: started on fixed ports of 127.0.0.1, and the faults that can befall it.
//!
//! testcontainers starts and drops it; that is known in here alone.

mod engine;
mod inside;
mod network;
mod shape;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use testcontainers::bollard::query_parameters::{
    KillContainerOptionsBuilder, RemoveContainerOptionsBuilder, WaitContainerOptionsBuilder,
};
use testcontainers::runners::AsyncRunner as _;
use testcontainers::{ContainerAsync, ContainerRequest, GenericImage, TestcontainersError};
use tokio::sync::{RwLock, RwLockReadGuard};

pub use engine::{Engine, engine};
pub use inside::{Said, Spoken};
pub(super) use network::OwnNetwork;
pub use shape::{Network, Shape};

use super::LENT;
use crate::images::{self, Chosen, Service};
use crate::leftovers::status;
use crate::ports;
use crate::report::ServiceUsed;
use crate::setup::{Kind, SetUp};
use crate::wait;

/// How many ports are tried before a port that is taken is a fault.
pub const TRIES: usize = 4;

/// A container, our own or lent by an outer run. Dropping it removes our own.
pub struct Container {
    service: Service,
    chosen: Chosen,
    id: String,
    /// One for each port that was asked for, in that order.
    addrs: Vec<SocketAddr>,
    engine: Engine,
    /// `None` when the container is lent: then it is not ours to remove.
    owned: Option<ContainerAsync<GenericImage>>,
}

impl Container {
    /// Starts `service`, or takes it from the outer run that lends it. Its ports stay the same across restarts.
    ///
    /// The container runs when this returns; whether the service answers is for the caller to wait for.
    pub async fn start(engine: &Engine, service: Service, shape: &Shape) -> Result<Container, SetUp> {
        match lent(service) {
            Some((id, addrs)) => {
                let chosen = Chosen { image: service.name().into(), why: "lent by the outer run" };
                Ok(Container { service, chosen, id, addrs, engine: engine.clone(), owned: None })
            }
            None => Container::start_own(engine, service, shape).await,
        }
    }

    /// As [`Container::start`], and never a lent one.
    pub async fn start_own(engine: &Engine, service: Service, shape: &Shape) -> Result<Container, SetUp> {
        let chosen = images::choose(engine, service).await?;
        Container::start_on(engine, service, chosen, shape, ports::free).await
    }

    /// Starts `service` from the image `chosen`, with its ports published on the first addresses from `free` that nobody else holds.
    ///
    /// # Errors
    /// When the engine refuses, or every one of [`TRIES`] addresses is taken. Nothing of a failed try is left.
    pub async fn start_on(
        engine: &Engine,
        service: Service,
        chosen: Chosen,
        shape: &Shape,
        mut free: impl FnMut() -> Result<SocketAddr, SetUp>,
    ) -> Result<Container, SetUp> {
        let what = format!("start {} (`{}`)", service.name(), chosen.image);
        let mut tries = 0;
        loop {
            tries += 1;
            let addrs = shape.ports.iter().map(|_| free()).collect::<Result<Vec<_>, _>>()?;
            let name = shape.name.clone().unwrap_or_else(new_name);
            let error = match create(shape.request(&chosen.image, &name, &addrs)).await {
                Ok(container) => {
                    let id = container.id().to_owned();
                    let engine = engine.clone();
                    return Ok(Container { service, chosen, id, addrs, engine, owned: Some(container) });
                }
                Err(error) => deepest(&error),
            };
            // A container that was made and could not be started is there all the same.
            let options = RemoveContainerOptionsBuilder::default().force(true).v(true).build();
            match engine.remove_container(&name, Some(options)).await {
                Err(error) if status(&error) != Some(404) => {
                    return Err(SetUp::from_cause(format!("remove what is left of {what}"), error));
                }
                _ => {}
            }
            // Somebody took the port between our look and the engine's bind: another port will do.
            let kind = kind_in(&error);
            if tries == TRIES || kind != Kind::Port {
                return Err(SetUp::of_kind(kind, what, error));
            }
        }
    }

    /// Waits for the end of a container that does one thing: its exit code. What outlives `longest` is a fault.
    pub(super) async fn ended(&self, longest: Duration) -> Result<i64, SetUp> {
        use futures_util::StreamExt as _;
        use testcontainers::bollard::errors::Error;
        let what = || format!("wait for the end of {} in its container", self.service.name());
        let options = WaitContainerOptionsBuilder::default().condition("not-running").build();
        let mut ends = std::pin::pin!(self.engine.wait_container(&self.id, Some(options)));
        match tokio::time::timeout(longest, ends.next()).await {
            Ok(Some(Ok(end))) => Ok(end.status_code),
            // Any code but 0 counts as an error here.
            Ok(Some(Err(Error::DockerContainerWaitError { code, .. }))) => Ok(code),
            Ok(Some(Err(error))) => Err(SetUp::from_cause(what(), error)),
            Ok(None) => Err(SetUp::from_cause(what(), "the engine does not tell")),
            Err(late) => Err(SetUp::from_cause(what(), late)),
        }
    }

    /// Which service it runs.
    pub fn service(&self) -> Service {
        self.service
    }

    /// The engine's name for it, as short as `docker ps` shows it.
    pub fn short_id(&self) -> &str {
        self.id.get(..12).unwrap_or(&self.id)
    }

    /// Where the service listens, on 127.0.0.1: the first of its ports.
    pub fn addr(&self) -> SocketAddr {
        self.addrs[0]
    }

    /// Where each of its ports is published, in the order in which they were asked for.
    pub fn addrs(&self) -> &[SocketAddr] {
        &self.addrs
    }

    /// SIGKILL to the container's first process, as a machine that loses power. Data that was synced stays.
    pub async fn kill(&self) -> Result<(), SetUp> {
        let options = KillContainerOptionsBuilder::default().signal("SIGKILL").build();
        self.done("kill", self.engine.kill_container(&self.id, Some(options)).await)
    }

    /// Starts a killed container again, on the same port.
    pub async fn start_again(&self) -> Result<(), SetUp> {
        self.done("start", self.engine.start_container(&self.id, None).await)
    }

    /// Freezes every process in the container: nothing answers, nothing closes.
    pub async fn pause(&self) -> Result<(), SetUp> {
        // The kernel sometimes cannot freeze a process at once, and the engine does not try twice.
        let mut last = Ok(());
        let paused = wait::until(Duration::from_secs(5), async || {
            last = self.done("pause", self.engine.pause_container(&self.id).await);
            last.is_ok().then_some(())
        });
        paused.await.map_or(last, Ok)
    }

    /// Thaws a paused container.
    pub async fn unpause(&self) -> Result<(), SetUp> {
        self.done("unpause", self.engine.unpause_container(&self.id).await)
    }

    /// Ends a kill or a pause, whichever befell the container. Whether the service answers is for the caller to wait for.
    pub(super) async fn revive(&self) -> Result<(), SetUp> {
        match self.state().await?.as_str() {
            "running" => Ok(()),
            "paused" => self.unpause().await,
            _ => self.start_again().await,
        }
    }

    /// Running, paused, exited: the engine's own words for the state.
    pub async fn state(&self) -> Result<String, SetUp> {
        let fault = |error| SetUp::from_cause(format!("look at {}", self.service.name()), error);
        let seen = self.engine.inspect_container(&self.id, None).await.map_err(fault)?;
        Ok(seen.state.and_then(|state| state.status).map(|status| status.to_string()).unwrap_or_default())
    }

    pub(super) fn used(&self) -> ServiceUsed {
        let Chosen { image, why } = self.chosen.clone();
        ServiceUsed { name: self.service.name().into(), image, chosen: why.into() }
    }

    pub(super) fn lend(&self) -> String {
        let addrs: Vec<String> = self.addrs.iter().map(SocketAddr::to_string).collect();
        format!("{}={}@{}", self.service.name(), self.id, addrs.join("+"))
    }

    /// Removes the container with its volumes, unless it is lent.
    pub(super) async fn remove(self) -> Result<(), SetUp> {
        match self.owned {
            Some(container) => container.rm().await.map_err(|error| {
                SetUp::from_cause(format!("remove the container of {}", self.service.name()), deepest(&error))
            }),
            None => Ok(()),
        }
    }

    fn done(
        &self,
        what: &str,
        result: Result<(), testcontainers::bollard::errors::Error>,
    ) -> Result<(), SetUp> {
        match result {
            Err(error) if status(&error) != Some(304) => {
                Err(SetUp::from_cause(format!("{what} the container of {}", self.service.name()), error))
            }
            _ => Ok(()),
        }
    }
}

/// Held while the engine is asked for a container.
static CREATING: RwLock<()> = RwLock::const_new(());

/// Whether this process has ever asked the engine for a container or a network.
static HAS_ASKED: AtomicBool = AtomicBool::new(false);

/// Before the engine is asked for something: held until it has answered.
async fn creating() -> RwLockReadGuard<'static, ()> {
    let creating = CREATING.read().await;
    HAS_ASKED.store(true, Ordering::SeqCst);
    creating
}

/// Whether there may be something of this process's for the engine to remove.
pub(crate) fn has_created() -> bool {
    HAS_ASKED.load(Ordering::SeqCst)
}

/// Asks the engine for a container, to the end: whoever stops waiting does not stop what the engine was told to do, and a
/// container that nobody waits for is dropped, and so removed, as soon as it is there.
async fn create(
    request: ContainerRequest<GenericImage>,
) -> Result<ContainerAsync<GenericImage>, TestcontainersError> {
    let creating = tokio::spawn(async move {
        let _creating = creating().await;
        request.start().await
    });
    creating.await.unwrap_or_else(|error| Err(TestcontainersError::other(error)))
}

/// Waits for the containers that the engine has been asked for, and lets no more be asked for in this process.
pub(crate) async fn create_no_more() {
    std::mem::forget(CREATING.write().await);
}

fn new_name() -> String {
    format!("why-servers-die-{}", uuid::Uuid::new_v4().simple())
}

/// The container that an outer run lends for `service`.
fn lent(service: Service) -> Option<(String, Vec<SocketAddr>)> {
    let lent = std::env::var(LENT).ok()?;
    let entry = lent.split(',').find_map(|entry| entry.strip_prefix(service.name())?.strip_prefix('='))?;
    let (id, addrs) = entry.split_once('@')?;
    Some((id.to_owned(), addrs.split('+').map(str::parse).collect::<Result<_, _>>().ok()?))
}

/// The kind of a fault that the engine met itself: it tells what its own calls were answered in words alone.
fn kind_in(words: &str) -> Kind {
    let words = words.to_lowercase();
    if words.contains("address already in use") || words.contains("port is already allocated") {
        Kind::Port
    } else if words.contains("no space left") {
        Kind::Disk
    } else {
        Kind::Engine
    }
}

/// The innermost cause of an error: the engine's own words.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut error = error;
    while let Some(cause) = error.source() {
        error = cause;
    }
    error.to_string()
}
