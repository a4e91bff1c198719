//! The five faults, each made and measured.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use testbed::bed::Bed;
use testbed::endpoint::Endpoint as _;
use testbed::path::Path;
use testbed::ports;
use testbed::setup::SetUp;
use testbed::verdict::Stop;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{sleep, timeout};

use crate::client::{Probe, exchange};
use crate::subject::server;

/// Longer than any of the five.
const PATIENCE: Duration = Duration::from_secs(8);
/// So long `/health` is waited for beside a fault.
const BESIDE: Duration = Duration::from_millis(500);
/// After this a connection attempt has met the full backlog.
const MET: Duration = Duration::from_millis(300);

/// What was measured of one fault.
pub struct Seen {
    /// What it is.
    pub what: &'static str,
    /// One request that met it.
    pub probe: Met,
    /// How long `/health` took on a new connection at the same time; `None` when it was not answered.
    pub beside: Option<Duration>,
    /// The same, asked on the server's own host. Where there is no way between, it is `beside`.
    pub there: Option<Duration>,
    /// In which steps the rest of those who waited were let in.
    pub steps: Vec<Duration>,
}

/// One request that met a fault.
#[derive(Clone, Copy)]
pub struct Met {
    /// Until the connection was open.
    pub connect: Duration,
    /// From then to the first byte of the answer.
    pub first_byte: Duration,
    /// The answer's status; `None` where nobody answers.
    pub status: Option<u16>,
}

impl Met {
    /// What a user waits.
    pub fn whole(self) -> Duration {
        self.connect + self.first_byte
    }
}

impl From<Probe> for Met {
    fn from(probe: Probe) -> Met {
        Met { connect: probe.connect, first_byte: probe.first_byte, status: Some(probe.status) }
    }
}

impl Seen {
    /// The raw data.
    pub fn data(&self) -> Value {
        let Met { connect, first_byte, status } = self.probe;
        json!({
            "what": self.what, "connect": connect, "first_byte": first_byte, "status": status,
            "beside": self.beside, "there": self.there, "steps": self.steps,
        })
    }
}

fn fault(error: io::Error) -> Stop {
    SetUp::from_cause("talk to the server", error).into()
}

/// Whether, and after how long, `/health` answers on a new connection.
async fn health(server: SocketAddr) -> Option<Duration> {
    let asked = timeout(BESIDE, Probe::get(server, "/health")).await;
    asked.ok()?.ok().map(Probe::whole)
}

/// A request that is sent now, and what it met.
fn ask(server: SocketAddr, path: &'static str) -> JoinHandle<io::Result<Probe>> {
    tokio::spawn(Probe::get(server, path))
}

async fn answer(asked: JoinHandle<io::Result<Probe>>) -> Result<Met, Stop> {
    let asked = timeout(PATIENCE, asked).await.map_err(|_| fault(io::ErrorKind::TimedOut.into()))?;
    Ok(asked.map_err(|error| fault(io::Error::other(error)))?.map_err(fault)?.into())
}

/// The only worker is busy: the request waits in the line until its wait is over.
pub async fn pool(bed: &Bed) -> Result<Seen, Stop> {
    let server = server(bed).set("WORKERS", 1).set("QUEUE", 10).set("TIMEOUT_MS", 1500).start().await?;
    let busy = ask(server.addr(), "/io/4000");
    // The server tells nobody when a worker has begun: this long after it was sent, one has.
    sleep(MET).await;
    let waits = ask(server.addr(), "/io/0");
    let beside = health(server.addr()).await;
    let probe = answer(waits).await?;
    busy.abort();
    Ok(Seen { what: "waits for a worker", probe, beside, there: beside, steps: Vec::new() })
}

/// The handler itself takes its time; workers are free.
pub async fn slow(bed: &Bed) -> Result<Seen, Stop> {
    let server = server(bed).set("WORKERS", 8).set("QUEUE", 10).start().await?;
    let slow = ask(server.addr(), "/io/1500");
    let beside = health(server.addr()).await;
    Ok(Seen { what: "slow handler", probe: answer(slow).await?, beside, there: beside, steps: Vec::new() })
}

/// A listener whose accept queue is full: the kernel drops the SYN, and the client's kernel sends it again later. A place becomes
/// free soon; the connection opens only with the next SYN.
pub async fn backlog(bed: &Bed) -> Result<Seen, Stop> {
    bed.says("filling the accept queue of a listener that accepts nobody");
    let addr = ports::free()?;
    let socket = TcpSocket::new_v4().map_err(fault)?;
    socket.bind(addr).map_err(fault)?;
    let listener = socket.listen(1).map_err(fault)?;
    let mut full = Vec::new();
    // How many places a backlog of 1 has is the kernel's own matter: until one attempt finds none.
    while let Ok(opened) = timeout(MET, TcpStream::connect(addr)).await {
        full.push(opened.map_err(fault)?);
    }
    let waits = tokio::spawn(async move {
        let started = Instant::now();
        TcpStream::connect(addr).await.map(|stream| (started.elapsed(), stream))
    });
    let beside = health(addr).await;
    free_places(&listener, full.len()).await?;
    let opened = timeout(PATIENCE, waits).await.map_err(|_| fault(io::ErrorKind::TimedOut.into()))?;
    let (connect, _open) = opened.map_err(|error| fault(io::Error::other(error)))?.map_err(fault)?;
    // Nobody answers on this listener: what is measured is the connect alone.
    let probe = Met { connect, first_byte: Duration::ZERO, status: None };
    Ok(Seen { what: "full accept backlog", probe, beside, there: beside, steps: Vec::new() })
}

async fn free_places(listener: &TcpListener, count: usize) -> Result<(), Stop> {
    for _ in 0..count {
        timeout(PATIENCE, listener.accept())
            .await
            .map_err(|_| fault(io::ErrorKind::TimedOut.into()))?
            .map_err(fault)?;
    }
    Ok(())
}

/// A server without a free descriptor: the kernel opens connections for it, and it cannot take them.
pub async fn descriptors(bed: &Bed) -> Result<Seen, Stop> {
    /// Enough to start, and for some connections.
    const NOFILE: u64 = 32;
    /// More than these descriptors can hold.
    const CLIENTS: usize = 40;
    const ROUNDS: usize = 3;
    /// A step is over when the next answer takes longer than this.
    const PAUSE: Duration = Duration::from_millis(200);
    let server = server(bed).set("WORKERS", 8).nofile(NOFILE, NOFILE).start().await?;
    bed.says(format!("{CLIENTS} connections to a server with {NOFILE} descriptors"));
    let addr = server.addr();
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..CLIENTS {
        clients.spawn(async move {
            let mut stream = TcpStream::connect(addr).await?;
            let connect = started.elapsed();
            let (first_byte, status) = exchange(&mut stream, "/health").await?;
            Ok::<_, io::Error>((Probe { connect, first_byte, status }, stream))
        });
    }
    let mut held = Vec::new();
    while let Ok(Some(answered)) = timeout(PAUSE, clients.join_next()).await {
        held.push(answered.map_err(|error| fault(io::Error::other(error)))?.map_err(fault)?);
    }
    let beside = health(addr).await;
    let (mut steps, mut met) = (Vec::new(), None);
    // The first step is counted from here, and so from somewhere between two tries.
    let mut last = Instant::now();
    for _ in 0..ROUNDS {
        // Two go: two descriptors are free at once, and two of those who wait are taken at the next try.
        held.truncate(held.len().saturating_sub(2));
        let Ok(Some(next)) = timeout(PATIENCE, clients.join_next()).await else { break };
        let next = next.map_err(|error| fault(io::Error::other(error)))?.map_err(fault)?;
        steps.push(last.elapsed());
        last = Instant::now();
        met.get_or_insert(next.0);
        held.push(next);
        while let Ok(Some(more)) = timeout(PAUSE, clients.join_next()).await {
            held.push(more.map_err(|error| fault(io::Error::other(error)))?.map_err(fault)?);
        }
    }
    let nobody = || Stop::Inconclusive("no connection had to wait for a descriptor".to_owned());
    Ok(Seen {
        what: "no descriptor left",
        probe: met.ok_or_else(nobody)?.into(),
        beside,
        there: beside,
        steps,
    })
}

/// A way on which packets are lost for a while: what was sent is under way until the sender's kernel has sent it again.
pub async fn network(bed: &Bed) -> Result<Seen, Stop> {
    /// Longer than a user waits.
    const LOST: Duration = Duration::from_millis(1500);
    let server = server(bed).set("WORKERS", 8).set("QUEUE", 10).start().await?;
    let way = Path::to(server.addr(), Duration::ZERO)?;
    let started = Instant::now();
    let mut stream = TcpStream::connect(way.addr()).await.map_err(fault)?;
    let connect = started.elapsed();
    bed.says("the way to the server loses whatever is sent");
    way.black_hole()?;
    let lost = Instant::now();
    let waits = tokio::spawn(async move { exchange(&mut stream, "/io/0").await });
    let beside = health(way.addr()).await;
    let there = health(server.addr()).await;
    sleep(LOST.saturating_sub(lost.elapsed())).await;
    way.heal()?;
    let answered = timeout(PATIENCE, waits).await.map_err(|_| fault(io::ErrorKind::TimedOut.into()))?;
    let (first_byte, status) = answered.map_err(|error| fault(io::Error::other(error)))?.map_err(fault)?;
    let probe = Met { connect, first_byte, status: Some(status) };
    Ok(Seen { what: "packets are lost", probe, beside, there, steps: Vec::new() })
}
