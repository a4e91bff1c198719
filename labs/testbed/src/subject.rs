//! The process under test: an executable that keeps a contract, in whatever language.

mod ended;
mod idle;
mod launch;
mod memory;
mod process;
mod stderr;
mod tool;

use std::net::SocketAddr;
use std::process::ExitStatus;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Signal, kill_process};

pub use ended::Ended;
pub use idle::IdleClients;
pub use launch::Launch;
pub use memory::Memory;
pub use stderr::Stderr;
pub use tool::Told;

use crate::descriptors::{self, Open};
use crate::endpoint::Endpoint;
use crate::fact::Fact;
use crate::ports;
use crate::setup::{Kind, SetUp};
use crate::verdict::{Stop, promise};
use crate::wait;
use crate::watch::Watch;
use launch::LIMITS_REFUSED;
use process::Process;

/// How long a subject may take from SIGTERM to its exit, by the contract.
pub const GRACE: Duration = Duration::from_secs(10);

/// How often a subject is given another port, when somebody takes the first one before it does.
const TRIES: usize = 3;

/// How long a subject is waited for.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// From its start to its first 200 on `GET /health`. Thirty seconds unless set: a virtual machine starts slowly.
    pub ready: Duration,
    /// From SIGTERM to its exit. [`GRACE`] unless set.
    pub grace: Duration,
}

impl Default for Patience {
    fn default() -> Patience {
        Patience { ready: Duration::from_secs(30), grace: GRACE }
    }
}

/// A running subject. Dropping it kills the process and its children.
pub struct Subject {
    launch: Launch,
    patience: Patience,
    addr: SocketAddr,
    process: Mutex<Option<Process>>,
    stderr: Stderr,
}

impl Subject {
    /// Starts the subject on a free port and waits until it is ready.
    ///
    /// # Errors
    /// A subject that ends or stays silent breaks the contract. A file that cannot be run is a fault of the set-up.
    pub async fn start(launch: Launch, stderr: Stderr) -> Result<Subject, Stop> {
        Subject::start_within(Patience::default(), launch, stderr).await
    }

    /// As [`Subject::start`], with a patience of one's own.
    ///
    /// # Errors
    /// As there.
    pub async fn start_within(patience: Patience, launch: Launch, stderr: Stderr) -> Result<Subject, Stop> {
        let mut tries = 0;
        loop {
            tries += 1;
            let subject = Subject::begin_within(patience, launch.clone(), stderr.clone())?;
            match subject.ready().await {
                Ok(()) => return Ok(subject),
                Err(Stop::SetUp(fault)) if tries < TRIES && fault.kind == Kind::Port => {}
                Err(stop) => return Err(stop),
            }
        }
    }

    /// Starts the subject on a free port and returns at once, with nobody to see whether it becomes ready.
    ///
    /// # Errors
    /// A file that cannot be run is a fault of the set-up.
    pub fn begin(launch: Launch, stderr: Stderr) -> Result<Subject, Stop> {
        Subject::begin_within(Patience::default(), launch, stderr)
    }

    fn begin_within(patience: Patience, launch: Launch, stderr: Stderr) -> Result<Subject, Stop> {
        let addr = ports::free()?;
        let process = Mutex::new(Some(launch.spawn(addr, &stderr)?));
        Ok(Subject { launch, patience, addr, process, stderr })
    }

    /// Starts the subject to do one thing and end, and waits for its end; what outlives `longest` is killed.
    ///
    /// # Errors
    /// A file that cannot be run is a fault of the set-up.
    pub async fn run_to_end(launch: Launch, stderr: Stderr, longest: Duration) -> Result<Ended, Stop> {
        let started = Instant::now();
        // A service that takes no notice of its argument would listen: it must not meet another.
        let mut process = launch.spawn(ports::free()?, &stderr)?;
        let fault = |error| Stop::from(SetUp::from_cause("wait for the service to end", error));
        let waited = tokio::time::timeout(longest, process.child.wait()).await;
        let took = started.elapsed();
        let status = waited.ok().transpose().map_err(fault)?;
        process.kill().await.map_err(fault)?;
        stderr.settle().await;
        Ok(Ended { status, took })
    }

    /// The id of the subject's own process; `None` when it has ended.
    pub fn id(&self) -> Option<u32> {
        match self.has_ended() {
            Some(_) => None,
            None => self.lock().as_ref().and_then(|process| process.child.id()),
        }
    }

    /// What it says on stderr, over all its restarts.
    pub fn stderr(&self) -> &Stderr {
        &self.stderr
    }

    /// What the subject's own process has open now.
    pub fn descriptors(&self) -> Result<Open, Stop> {
        let id = self.id().ok_or_else(|| gone(&self.stderr))?;
        Ok(descriptors::of(id)?)
    }

    /// As [`Subject::descriptors`], and never more than there are, however busy the subject is with opening and closing.
    pub fn descriptors_surely(&self) -> Result<Open, Stop> {
        let id = self.id().ok_or_else(|| gone(&self.stderr))?;
        Ok(descriptors::surely(id)?)
    }

    /// How the subject ended, if it ended by itself.
    pub fn has_ended(&self) -> Option<ExitStatus> {
        self.lock().as_mut().and_then(|process| process.child.try_wait().ok().flatten())
    }

    /// SIGKILL to the subject and its children, in the middle of whatever they do. Returns when they are gone.
    pub async fn kill(&self) -> Result<(), Stop> {
        let Some(mut process) = self.take() else { return Err(gone(&self.stderr)) };
        process.kill().await.map_err(|error| SetUp::from_cause("wait for the killed service", error).into())
    }

    /// SIGTERM, then waits for the end; a subject that outlives its grace is killed.
    pub async fn terminate(&self) -> Result<Ended, Stop> {
        let Some(mut process) = self.take() else { return Err(gone(&self.stderr)) };
        let started = Instant::now();
        if let Some(pid) = process.child.id().and(process.group) {
            // The process may have ended by itself this very moment; `wait` tells.
            let _ = kill_process(pid, Signal::TERM);
        }
        let fault = |error| Stop::from(SetUp::from_cause("wait for the service to end", error));
        let waited = tokio::time::timeout(self.patience.grace, process.child.wait()).await;
        let took = started.elapsed();
        let status = waited.ok().transpose().map_err(fault)?;
        process.kill().await.map_err(fault)?;
        Ok(Ended { status, took })
    }

    /// SIGSTOP to the subject: it does nothing any more, and the system still takes connections for it. SIGKILL ends it all the same.
    pub fn pause(&self) -> Result<(), Stop> {
        self.signal(Signal::STOP)
    }

    /// SIGCONT to the subject: it goes on where it was.
    pub fn resume(&self) -> Result<(), Stop> {
        self.signal(Signal::CONT)
    }

    fn signal(&self, signal: Signal) -> Result<(), Stop> {
        match &*self.lock() {
            Some(process) => {
                process.signal_group(signal);
                Ok(())
            }
            None => Err(gone(&self.stderr)),
        }
    }

    /// Starts the subject again, at the same address and with the same settings.
    pub async fn restart(&self) -> Result<(), Stop> {
        if let Some(mut old) = self.take() {
            old.kill().await.map_err(|error| SetUp::from_cause("wait for the killed service", error))?;
        }
        self.run().await
    }

    /// Opens connections that carry no whole request, as real clients leave them open; the one with half a body is a `POST path`.
    ///
    /// # Errors
    /// A service that is ready and takes no connection, or leaves one without an answer, breaks the contract.
    pub async fn idle_clients(&self, path: &str) -> Result<IdleClients, Stop> {
        IdleClients::of(self.addr, path).await.map_err(|error| {
            promise("a service that is ready takes connections, and answers on them")
                .observed(Fact::named("four connections", error.to_string()))
                .observed(self.stderr.tail(3))
                .is_broken()
        })
    }

    /// Begins to watch the resident memory of the subject and its children, in bytes.
    pub fn watch_memory(&self) -> Result<Watch<u64>, Stop> {
        let id = self.id().ok_or_else(|| gone(&self.stderr))?;
        let unseen = || {
            SetUp::new(
                "read the memory of a process",
                "this system does not tell",
                "run the check on Linux or macOS",
            )
        };
        let mut memory = Memory::of(id).ok_or_else(unseen)?;
        let first = memory.bytes().ok_or_else(|| gone(&self.stderr))?;
        Ok(Watch::start(first, memory))
    }

    async fn run(&self) -> Result<(), Stop> {
        let process = self.launch.spawn(self.addr, &self.stderr)?;
        self.lock().replace(process);
        self.ready().await
    }

    /// Waits until the subject is ready, after [`begin`](Self::begin).
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub async fn ready(&self) -> Result<(), Stop> {
        let client = crate::client::client()?;
        let health = format!("http://{}/health", self.addr);
        let started = Instant::now();
        let mut last = String::from("no answer");
        let ended = wait::until(self.patience.ready, async || {
            if let Some(status) = self.has_ended() {
                return Some(Some(status));
            }
            match client.get(&health).timeout(Duration::from_secs(2)).send().await {
                Ok(answer) if answer.status().as_u16() == 200 => return Some(None),
                Ok(answer) => last = format!("answered {}", answer.status().as_u16()),
                Err(error) if error.is_connect() => last = "nothing listens at BIND_ADDR".to_owned(),
                Err(_) => last = "no answer within 2 s".to_owned(),
            }
            None
        });
        let ended = ended.await;
        let ended_with = |code| ended.flatten().and_then(|status| status.code()) == Some(code);
        let what = match ended {
            Some(None) => return Ok(()),
            Some(Some(status)) => format!("it ended with {status}"),
            None => format!("after {} s: {last}", self.patience.ready.as_secs_f64()),
        };
        if let Some(mut process) = self.take() {
            process.kill().await.map_err(|error| SetUp::from_cause("wait for the killed service", error))?;
        }
        // The pipe may still hold the reason for the end.
        self.stderr.settle().await;
        if let Some((soft, hard)) =
            self.launch.nofile.filter(|_| ended_with(LIMITS_REFUSED) && self.stderr.contains("ulimit"))
        {
            let what = format!("limit the service to {soft} open descriptors, at most {hard}");
            let said = self.stderr.lines(1).concat();
            return Err(SetUp::new(
                what,
                said,
                "raise the hard limit of your shell (`ulimit -H -n`), then run the check again",
            )
            .into());
        }
        // All that the subject started is gone: whoever listens there now is somebody else. (What is left of its own
        // connections can still hold the address, for a successor that does not ask for it with SO_REUSEADDR.)
        if tokio::net::TcpStream::connect(self.addr).await.is_ok() {
            let what = format!("start the service `{}` on {}", self.launch.binary.display(), self.addr);
            return Err(SetUp::of_kind(Kind::Port, what, "address already in use by another program").into());
        }
        let in_use = self.stderr.contains("in use");
        Err(promise("the service starts, and answers GET /health with 200 when it can serve")
            .observed(what)
            .observed(Fact::duration("waited", started.elapsed()))
            .observed(self.stderr.tail(3))
            .likely(
                in_use,
                "the address was not given back yet: the listener does not set SO_REUSEADDR",
                "set SO_REUSEADDR before you bind, so that a restart can take its address again",
            )
            .likely(
                self.stderr.is_empty(),
                "the service says nothing on stderr",
                "start it by hand with the variables of the contract, and look",
            )
            .is_broken())
    }

    fn take(&self) -> Option<Process> {
        self.lock().take()
    }

    fn lock(&self) -> MutexGuard<'_, Option<Process>> {
        self.process.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Endpoint for Subject {
    fn addr(&self) -> SocketAddr {
        self.addr
    }
}

/// The subject ended before the check told it to.
fn gone(stderr: &Stderr) -> Stop {
    promise("the service runs until it is told to stop")
        .observed(stderr.tail(3))
        .likely(true, "the process ended by itself", "look at its last words on stderr")
        .is_broken()
}
