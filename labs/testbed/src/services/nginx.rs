//! nginx: the proxy of one check, from a template that belongs to the submission.

mod demands;
mod directives;

use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::TcpStream;

pub use demands::{Demands, LogFormat};

use super::{Contained, Container, Engine, Network, Said, Shape, Spoken};
use crate::endpoint::Endpoint;
use crate::images::Service;
use crate::ports;
use crate::setup::{Kind, SetUp};
use crate::wait;

/// The file that is the whole configuration, with `${LISTEN}` and other variables in it.
pub const TEMPLATE: &str = "nginx.conf.template";
/// Where both image families look for templates.
const TEMPLATES: &str = "/etc/nginx/templates";
/// The program by which both image families fill them.
const FILL: &str = "/docker-entrypoint.d/20-envsubst-on-templates.sh";
/// How long nginx may take to read a configuration, and to replace its workers.
const PATIENCE: Duration = Duration::from_secs(60);
/// How often another port is tried, when somebody takes the first one.
const TRIES: usize = 3;

/// What stands in front: a template and what fills it.
#[derive(Clone, Debug, Default)]
pub struct Front {
    /// The folder with `nginx.conf.template`, which is the whole `nginx.conf`.
    pub folder: PathBuf,
    /// What fills the template. `LISTEN` is set by the test-bed.
    pub environment: BTreeMap<String, String>,
    /// Soft and hard limit of open descriptors.
    pub nofile: Option<(u64, u64)>,
    /// What the filled template must say.
    pub demands: Demands,
}

/// Why there is no proxy.
#[derive(Clone, Debug)]
pub enum Refused {
    /// The template does not hold: nginx's own line, or what it says otherwise than is demanded.
    Template(String),
    /// The set-up is at fault, not the template.
    SetUp(SetUp),
}

impl From<SetUp> for Refused {
    fn from(fault: SetUp) -> Refused {
        Refused::SetUp(fault)
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Refused::Template(line) => write!(f, "the template does not hold: {line}"),
            Refused::SetUp(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Refused {}

/// A proxy in a container, listening on a port of 127.0.0.1 that stays the same across restarts. Dropping it removes the container.
///
/// On Linux it is in the host's network, so that it reaches what listens on 127.0.0.1, and nothing is open to others. Elsewhere it is in
/// the engine's network, and [`Nginx::reaches`] says by which name it finds this machine.
pub struct Nginx {
    container: Container,
    addr: SocketAddr,
}

impl Nginx {
    /// Starts nginx and waits until it listens.
    ///
    /// # Errors
    /// A template that nginx does not take, or that says otherwise than is demanded: that it listens anywhere but on `${LISTEN}`, say.
    /// Nothing was open then.
    pub async fn start(engine: &Engine, front: &Front) -> Result<Nginx, Refused> {
        let mut tries = 0;
        loop {
            tries += 1;
            let addr = ports::free()?;
            let listen = listen(addr);
            let configuration = configuration(engine, front, &listen).await?;
            if let Some(line) = front.demands.unmet(&configuration, &listen) {
                return Err(Refused::Template(line));
            }
            match Nginx::start_at(engine, front, addr).await {
                Err(Refused::SetUp(fault)) if tries < TRIES && fault.kind == Kind::Port => {}
                started => return started,
            }
        }
    }

    async fn start_at(engine: &Engine, front: &Front, addr: SocketAddr) -> Result<Nginx, Refused> {
        let mut shape = shape(front, &listen(addr));
        let container = if cfg!(target_os = "linux") {
            shape.network = Network::Host;
            Container::start_own(engine, Service::Nginx, &shape).await?
        } else {
            shape.ports = vec![addr.port()];
            let chosen = crate::images::choose(engine, Service::Nginx).await?;
            Container::start_on(engine, Service::Nginx, chosen, &shape, || Ok(addr)).await?
        };
        let nginx = Nginx { container, addr };
        match nginx.ready().await {
            Ok(()) => Ok(nginx),
            Err(fault) => Err(match complaint(&nginx.logs().await?.stderr) {
                // bind() failed (98: …): nginx tells the kernel's own number.
                Some(line) if line.contains("(98:") => {
                    SetUp::of_kind(Kind::Port, format!("let nginx listen on {addr}"), line).into()
                }
                Some(line) => Refused::Template(line),
                None => fault.into(),
            }),
        }
    }

    /// By which address the proxy reaches what listens on `addr` of this machine.
    pub fn reaches(addr: SocketAddr) -> String {
        if cfg!(target_os = "linux") {
            addr.to_string()
        } else {
            format!("host.docker.internal:{}", addr.port())
        }
    }

    /// Whether a configuration sends anything to what listens on `addr` of this machine: a directive names it, and no comment, and not
    /// as `down`.
    pub fn sends_to(configuration: &str, addr: SocketAddr) -> bool {
        directives::Directives::of(configuration).name(addr)
    }

    /// Whether a text has the address by which the proxy reaches what listens on `addr` of this machine, and not one that only begins or
    /// ends so.
    pub fn is_named_in(text: &str, addr: SocketAddr) -> bool {
        let address = Nginx::reaches(addr);
        let is_digit = |character: char| character.is_ascii_digit();
        text.match_indices(&address).any(|(at, _)| {
            !text[..at].ends_with(is_digit) && !text[at + address.len()..].starts_with(is_digit)
        })
    }

    /// The configuration as nginx has it now, with all that it includes (`nginx -T`).
    ///
    /// # Errors
    /// The file that is there now does not hold.
    pub async fn configuration(&self) -> Result<String, Refused> {
        let Spoken { code, said } = self.container.run(&["nginx", "-T"]).await?;
        match code {
            Some(0) => Ok(said),
            _ => Err(refusal(&said)),
        }
    }

    /// Fills the template anew, and has nginx take it without closing what it is in the middle of (`nginx -s reload`). Returns when
    /// only new workers take clients; old ones may still finish what they have begun.
    ///
    /// # Errors
    /// The template as it is now does not hold: then nginx goes on with the old one.
    pub async fn reload(&self) -> Result<(), Refused> {
        self.container.exec(&[FILL]).await?;
        let before = self.workers().await?;
        let Spoken { code, said } = self.container.run(&["nginx", "-s", "reload"]).await?;
        if code != Some(0) {
            return Err(refusal(&said));
        }
        let replaced = wait::try_until(PATIENCE, async || {
            let now = self.workers().await?;
            let all_new = now.iter().all(|worker| !before.contains(worker));
            Ok::<_, SetUp>((all_new && !now.is_empty()).then_some(()))
        });
        replaced.await?.ok_or_else(|| {
            let cause = format!("old workers still take clients after {} s", PATIENCE.as_secs());
            Refused::SetUp(SetUp::from_cause("reload nginx", cause))
        })
    }

    /// The pids, on this machine, of the workers that take clients.
    pub async fn workers(&self) -> Result<Vec<u32>, SetUp> {
        let works = |command: &str| command.contains("worker process") && !command.contains("shutting down");
        let processes = self.container.processes().await?.into_iter();
        Ok(processes.filter(|(_, command)| works(command)).map(|(pid, _)| pid).collect())
    }

    /// What nginx has logged: accesses on stdout, errors on stderr, if the template leaves both where they are.
    pub async fn logs(&self) -> Result<Said, SetUp> {
        self.container.said().await
    }

    /// Removes the container.
    pub async fn stop(self) -> Result<(), SetUp> {
        self.container.remove().await
    }
}

impl Endpoint for Nginx {
    fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Contained for Nginx {
    fn container(&self) -> &Container {
        &self.container
    }

    /// Whether it listens: a request would leave its trace in the log, and reach who stands behind.
    async fn ask(&self) -> Result<(), SetUp> {
        let connected = TcpStream::connect(self.addr).await;
        connected
            .map(drop)
            .map_err(|error| SetUp::from_cause(format!("connect to nginx on {}", self.addr), error))
    }
}

/// The filled template as nginx reads it, in a container that reaches nobody.
async fn configuration(engine: &Engine, front: &Front, listen: &str) -> Result<String, Refused> {
    let template = front.folder.join(TEMPLATE);
    if let Err(error) = std::fs::File::open(&template) {
        return Err(Refused::Template(format!("`{}`: {error}", template.display())));
    }
    let command = ["nginx", "-T"].map(str::to_owned).to_vec();
    let shape = Shape { command, network: Network::None, ..shape(front, listen) };
    let container = Container::start_own(engine, Service::Nginx, &shape).await?;
    let code = container.ended(PATIENCE).await?;
    let said = container.said().await?;
    container.remove().await?;
    match code {
        0 => Ok(said.stdout),
        _ => Err(refusal(&said.stderr)),
    }
}

fn shape(front: &Front, listen: &str) -> Shape {
    let mut environment = front.environment.clone();
    environment.insert("LISTEN".to_owned(), listen.to_owned());
    // The template is the whole file, and not a part of it.
    environment.insert("NGINX_ENVSUBST_OUTPUT_DIR".to_owned(), "/etc/nginx".to_owned());
    // A folder and not a file: an editor replaces the file, and a mount would keep the old one.
    let folder = front.folder.canonicalize().unwrap_or_else(|_| front.folder.clone());
    Shape { environment, folders: vec![(folder, TEMPLATES)], nofile: front.nofile, ..Shape::default() }
}

/// Where nginx listens, as it sees it.
fn listen(addr: SocketAddr) -> String {
    if cfg!(target_os = "linux") { addr.to_string() } else { format!("0.0.0.0:{}", addr.port()) }
}

/// The line by which nginx says why it does not take a configuration.
fn complaint(said: &str) -> Option<String> {
    said.lines().find(|line| line.contains("[emerg]")).map(|line| line.trim().to_owned())
}

fn refusal(said: &str) -> Refused {
    let last = || said.lines().last().unwrap_or("nginx ended without a word").to_owned();
    Refused::Template(complaint(said).unwrap_or_else(last))
}
