//! Several instances as one service: processes in zones, a proxy in front, and a path between each pair that talks.
//!
//! A [`Plan`] says what there is and how far it is from each other, a [`Submission`] what is run. The stack knows neither posts nor
//! roles: what an instance is told is its environment, and that is data. One service alone is the plan of one.

mod fault;
mod plan;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use futures_util::future::try_join_all;

pub use fault::Fault;
pub use plan::{Instance, Plan, Proxy, Server, Zones, placeholder};

use crate::descriptors;
use crate::endpoint::Endpoint as _;
use crate::path::Path;
use crate::ports;
use crate::services::{self, Front, Nginx};
use crate::setup::SetUp;
use crate::subject::{Ended, Launch, Stderr, Subject};
use crate::submission::Submission;
use crate::verdict::Stop;
use plan::{filled, means};

/// The near end of the paths of those who ask.
pub const CLIENTS: &str = "clients";
/// The proxy's name, as an end of paths.
pub const PROXY: &str = "proxy";

/// A running stack. Dropping it ends all that it started.
pub struct Stack {
    instances: BTreeMap<String, Running>,
    proxy: Option<Nginx>,
    paths: Paths,
    /// Whom clients reach: the proxy, or the first instance where there is none.
    front: String,
}

struct Running {
    subject: Subject,
    stderr: Stderr,
}

impl Stack {
    /// Starts what the plan names: the instances side by side, each with a stderr of its own, then the proxy. All are ready when this
    /// returns.
    ///
    /// # Errors
    /// A service that does not start breaks its contract; a template that does not hold is a fault of its own kind.
    pub async fn start(plan: &Plan, submission: &Submission) -> Result<Stack, Fault> {
        Stack::heard(plan, submission, |_| Stderr::default()).await
    }

    /// As [`Stack::start`], with a stderr for each instance by its name.
    ///
    /// # Errors
    /// As there.
    pub async fn heard(
        plan: &Plan,
        submission: &Submission,
        stderr: impl Fn(&str) -> Stderr,
    ) -> Result<Stack, Fault> {
        descriptors::raise();
        let front = match (&plan.proxy, plan.instances.first()) {
            (Some(_), _) => PROXY.to_owned(),
            (None, Some(first)) => first.name.clone(),
            (None, None) => return Err(SetUp::new("start a stack", "its plan is empty", REPORT).into()),
        };
        let mut paths = Paths::between_those_who_talk(plan)?;
        let starting = plan.instances.iter().map(|instance| {
            let environment = filled(&instance.environment, |name| paths.named(&instance.name, name));
            start_instance(plan, instance, submission, environment, stderr(&instance.name))
        });
        let instances: BTreeMap<String, Running> = try_join_all(starting).await?.into_iter().collect();
        for (name, running) in &instances {
            let from = if plan.proxy.is_some() { PROXY } else { CLIENTS };
            paths.lay(plan, from, name, running.subject.addr())?;
            paths.to(name).for_each(|path| path.set_upstream(running.subject.addr()));
        }
        let proxy = match &plan.proxy {
            None => None,
            Some(proxy) => {
                let nginx = start_proxy(proxy, submission, &paths).await?;
                paths.lay(plan, CLIENTS, PROXY, nginx.addr())?;
                paths.to(PROXY).for_each(|path| path.set_upstream(nginx.addr()));
                Some(nginx)
            }
        };
        Ok(Stack { instances, proxy, paths, front })
    }

    /// Where clients' requests go in: their path to the proxy, or to the first instance where there is no proxy.
    ///
    /// # Errors
    /// Never for a stack that has started.
    pub fn entry(&self) -> Result<&Path, SetUp> {
        self.path(CLIENTS, &self.front)
    }

    /// An instance itself, past proxy and paths.
    ///
    /// # Errors
    /// The plan has none of that name.
    pub fn instance(&self, name: &str) -> Result<&Subject, SetUp> {
        self.running(name).map(|running| &running.subject)
    }

    /// What an instance says on stderr, over all its restarts.
    ///
    /// # Errors
    /// The plan has none of that name.
    pub fn stderr(&self, name: &str) -> Result<&Stderr, SetUp> {
        self.running(name).map(|running| &running.stderr)
    }

    /// The path between two that talk, by the name of who connects and of who is connected to: `path("proxy", "api-1")`.
    ///
    /// # Errors
    /// These two do not talk.
    pub fn path(&self, from: &str, to: &str) -> Result<&Path, SetUp> {
        self.paths.get(from, to)
    }

    /// All paths by which an instance, a server or the proxy is reached.
    pub fn paths_to<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Path> {
        self.paths.to(name)
    }

    /// The names of the instances.
    pub fn instances(&self) -> impl Iterator<Item = &str> {
        self.instances.keys().map(String::as_str)
    }

    /// The proxy.
    ///
    /// # Errors
    /// The plan has none.
    pub fn proxy(&self) -> Result<&Nginx, SetUp> {
        self.proxy.as_ref().ok_or_else(|| SetUp::new("find the proxy", "the plan has none", REPORT))
    }

    /// SIGKILL to an instance, as when its process dies on a machine that stays: from then on its address refuses.
    ///
    /// # Errors
    /// It had ended before.
    pub async fn kill(&self, name: &str) -> Result<(), Stop> {
        self.instance(name)?.kill().await?;
        self.paths.to(name).for_each(Path::refuse);
        Ok(())
    }

    /// The network of an instance is gone, and the process goes on: what is sent to it and what it sends is lost for good.
    ///
    /// # Errors
    /// The plan has none of that name.
    pub fn silence(&self, name: &str) -> Result<(), SetUp> {
        self.running(name)?;
        self.paths.to(name).chain(self.paths.of(name)).try_for_each(Path::lose)
    }

    /// Brings an instance back, whatever befell it: its paths are healed, and it is started again if it has ended.
    ///
    /// # Errors
    /// It does not start.
    pub async fn bring_back(&self, name: &str) -> Result<(), Stop> {
        let subject = self.instance(name)?;
        // What it needs to become ready comes first.
        self.paths.of(name).try_for_each(Path::heal)?;
        if subject.id().is_none() {
            subject.restart().await?;
        }
        self.paths.to(name).try_for_each(Path::heal)?;
        Ok(())
    }

    /// SIGTERM to an instance, and a start when it has ended; meanwhile its address refuses. How it ended.
    ///
    /// # Errors
    /// It had ended before, or does not start again.
    pub async fn restart(&self, name: &str) -> Result<Ended, Stop> {
        let ended = self.instance(name)?.terminate().await?;
        self.paths.to(name).for_each(Path::refuse);
        self.bring_back(name).await?;
        Ok(ended)
    }

    /// Ends all that the stack started.
    ///
    /// # Errors
    /// The engine refuses to remove the proxy.
    pub async fn stop(self) -> Result<(), SetUp> {
        match self.proxy {
            Some(proxy) => proxy.stop().await,
            None => Ok(()),
        }
    }

    fn running(&self, name: &str) -> Result<&Running, SetUp> {
        self.instances.get(name).ok_or_else(|| {
            let names: Vec<&str> = self.instances.keys().map(String::as_str).collect();
            let cause = format!("the plan has only {}", names.join(", "));
            SetUp::new(format!("find the instance `{name}`"), cause, REPORT)
        })
    }
}

/// What mends a check that asks for what its plan does not have.
const REPORT: &str = "this is a fault of the workbook: please report it with the message";

async fn start_instance(
    plan: &Plan,
    instance: &Instance,
    submission: &Submission,
    environment: BTreeMap<String, String>,
    stderr: Stderr,
) -> Result<(String, Running), Fault> {
    let launch = Launch {
        binary: submission.binary.clone(),
        arguments: Vec::new(),
        environment,
        nofile: instance.nofile,
    };
    let subject = Subject::start_within(plan.patience, launch, stderr.clone()).await?;
    Ok((instance.name.clone(), Running { subject, stderr }))
}

async fn start_proxy(proxy: &Proxy, submission: &Submission, paths: &Paths) -> Result<Nginx, Fault> {
    let folder = submission.deploy_folder()?.to_owned();
    let reached = |name: &str| paths.named(PROXY, name).map(Nginx::reaches);
    let environment = filled(&proxy.environment, reached);
    let front = Front { folder, environment, nofile: proxy.nofile, demands: proxy.demands.clone() };
    Ok(Nginx::start(&services::engine().await?, &front).await?)
}

/// The paths, by who connects and who is connected to.
#[derive(Default)]
struct Paths {
    paths: BTreeMap<(String, String), Path>,
}

impl Paths {
    /// The paths that must be there before anybody starts, since each is told of them by its settings. Those to an instance or to the
    /// proxy lead nowhere until that one listens.
    fn between_those_who_talk(plan: &Plan) -> Result<Paths, SetUp> {
        let mut paths = Paths::default();
        let instances = plan.instances.iter().map(|instance| (instance.name.as_str(), &instance.environment));
        let proxy = plan.proxy.iter().map(|proxy| (PROXY, &proxy.environment));
        for (from, settings) in instances.chain(proxy) {
            for server in plan.servers.iter().filter(|server| means(settings, &server.name)) {
                paths.lay(plan, from, &server.name, server.addr)?;
            }
            // The proxy's to the instances are laid when these listen.
            let started = plan.instances.iter().map(|instance| instance.name.as_str());
            for to in started.chain([PROXY]).filter(|to| from != PROXY && *to != from && means(settings, to))
            {
                paths.lay(plan, from, to, ports::free()?)?;
            }
        }
        Ok(paths)
    }

    fn lay(&mut self, plan: &Plan, from: &str, to: &str, addr: SocketAddr) -> Result<(), SetUp> {
        let path = Path::to(addr, plan.round_trip(from, to)?)?;
        self.paths.insert((from.to_owned(), to.to_owned()), path);
        Ok(())
    }

    fn get(&self, from: &str, to: &str) -> Result<&Path, SetUp> {
        self.paths.get(&(from.to_owned(), to.to_owned())).ok_or_else(|| {
            SetUp::new(format!("find the path from `{from}` to `{to}`"), "these two do not talk", REPORT)
        })
    }

    fn named(&self, from: &str, to: &str) -> Option<SocketAddr> {
        self.get(from, to).ok().map(Path::addr)
    }

    /// Those by which one is reached.
    fn to<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Path> {
        self.paths.iter().filter(move |((_, to), _)| to == name).map(|(_, path)| path)
    }

    /// Those by which one reaches others.
    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Path> {
        self.from(name).map(|(_, path)| path)
    }

    fn from<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (&'a str, &'a Path)> {
        let from = self.paths.iter().filter(move |((from, _), _)| from == name);
        from.map(|((_, to), path)| (to.as_str(), path))
    }
}
