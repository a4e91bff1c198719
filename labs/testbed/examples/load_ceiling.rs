//! The load generator's own limits, on this host: how exactly it keeps 5,000 requests a second, and the highest
//! rate that it holds on one core, beside `oha -q` where `oha` is on the PATH.
//!
//! `cargo run --release -p testbed --example load_ceiling [-- --rounds 3 --seconds 3]`
//!
//! The generator has core 0 and a small hyper server core 1. A rate is *held* when at least 999 of 1,000 scheduled
//! requests were answered and p99 from the intended start is at most 5 ms. Each round climbs both ladders, one
//! after the other, with two tries a rung; the table shows the medians of the rounds. Run it on an idle host.

use std::convert::Infallible;
use std::error::Error;
use std::net::SocketAddr;
use std::process::Command;
use std::thread;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{Empty, Full};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use rustix::thread::{CpuSet, sched_setaffinity};
use testbed::load::{Load, Outcome, Outcomes, Schedule, Traffic};
use tokio::net::TcpListener;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

const GENERATOR_CORE: usize = 0;
const SERVER_CORE: usize = 1;
/// As many as oha is given: a stall then meets the same number of requests on either side.
const CONNECTIONS: usize = 128;
const BOUND: Duration = Duration::from_millis(5);
const FIRST_RUNG: u32 = 10_000;
const RUNG: u32 = 5_000;
/// A ladder ends after this many rungs in a row that were not held.
const FALLS: u32 = 3;

fn main() -> Result<()> {
    let (rounds, seconds) = (argument("--rounds", 3)?, argument("--seconds", 3)?);
    if thread::available_parallelism()?.get() < 2 {
        println!("One core only: the server and the generator share it, so the figures say little.");
    }
    let target = start_server()?;
    pin_to(GENERATOR_CORE);

    keep_pace(target, Duration::from_secs(10));

    let oha = Command::new("oha").arg("--version").output().is_ok();
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        ours.push(climb(&format!("round {round}: testbed"), |rate| run_ours(target, rate, seconds))?);
        if oha {
            theirs.push(climb(&format!("round {round}: oha -q"), |rate| run_oha(target, rate, seconds))?);
        }
    }

    println!("\nhighest rate held on one core, median of {rounds} rounds");
    println!("  testbed   {:>7}/s   rounds {ours:?}", median(&ours));
    if oha {
        println!("  oha -q    {:>7}/s   rounds {theirs:?}", median(&theirs));
    } else {
        println!("  oha -q    not on the PATH: cargo install oha --locked");
    }
    match (median(&ours), median(&theirs)) {
        (0, _) => println!("  no rung was held: this host is too busy for a figure"),
        (_, 0) => {}
        (ours, theirs) => println!("  ratio     {:>7.2}", f64::from(ours) / f64::from(theirs)),
    }
    Ok(())
}

/// Sent of scheduled, and the send lag, at 5,000/s.
fn keep_pace(target: SocketAddr, for_: Duration) {
    let outcomes = run(target, Schedule::constant(5000.0, for_));
    let counts = outcomes.counts();
    println!("{}", outcomes.schedule());
    println!(
        "  sent      {} of {} ({:.4})",
        counts.sent(),
        counts.scheduled,
        share(counts.sent(), counts.scheduled)
    );
    println!("  send lag  {}", outcomes.send_lag());
    println!("  latency   {}\n", outcomes.latency_from_intended(|_| true));
}

/// One rung: the share of scheduled requests that were answered, and p99 from the intended start.
struct Rung {
    answered: f64,
    p99: Option<Duration>,
}

impl Rung {
    fn held(&self) -> bool {
        self.answered >= 0.999 && self.p99.is_some_and(|p99| p99 <= BOUND)
    }
}

fn climb(name: &str, run: impl Fn(u32) -> Result<Rung>) -> Result<u32> {
    let (mut best, mut falls) = (0, 0);
    println!("{name}");
    for rate in (FIRST_RUNG..).step_by(RUNG as usize) {
        // A second try, since one stall of a busy host is not the limit of the generator.
        let mut rung = run(rate)?;
        if !rung.held() {
            rung = run(rate)?;
        }
        let held = rung.held();
        let Rung { answered, p99 } = rung;
        let p99 = p99.map_or("-".to_owned(), |p99| format!("{:.2} ms", p99.as_secs_f64() * 1e3));
        println!(
            "  {rate:>7}/s   answered {answered:.4}   p99 {p99:>10}   {}",
            if held { "held" } else { "not held" }
        );
        if held {
            (best, falls) = (rate, 0);
        } else {
            falls += 1;
        }
        if falls == FALLS {
            break;
        }
    }
    Ok(best)
}

fn run_ours(target: SocketAddr, rate: u32, seconds: u32) -> Result<Rung> {
    let outcomes = run(target, Schedule::constant(f64::from(rate), Duration::from_secs(seconds.into())));
    let answered = outcomes.counts().accepted;
    let p99 = outcomes.latency_from_intended(|sample| sample.outcome == Outcome::Accepted).percentile(99.0);
    Ok(Rung { answered: share(answered, outcomes.counts().scheduled), p99 })
}

/// `--latency-correction` makes oha count from the intended start as well. It has no schedule, so what it answered is
/// compared with rate times duration.
fn run_oha(target: SocketAddr, rate: u32, seconds: u32) -> Result<Rung> {
    let output = Command::new("oha")
        .args(["--no-tui", "--output-format", "json", "--latency-correction", "--worker-threads", "1", "-w"])
        .args(["-c", &CONNECTIONS.to_string(), "-q", &rate.to_string(), "-z", &format!("{seconds}s")])
        .arg(format!("http://{target}/"))
        .output()?;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("failed to read the report of oha: {error}"))?;
    let answered = report["statusCodeDistribution"]["200"].as_u64().unwrap_or(0);
    let p99 = report["latencyPercentiles"]["p99"].as_f64().map(Duration::from_secs_f64);
    Ok(Rung { answered: share(answered, u64::from(rate) * u64::from(seconds)), p99 })
}

fn run(target: SocketAddr, schedule: Schedule) -> Outcomes {
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("failed to make a runtime");
    runtime.block_on(Load::new(target, schedule, Plain).max_connections(CONNECTIONS).start().finish())
}

struct Plain;

impl Traffic for Plain {
    fn request(&self, _n: usize) -> Request<Full<Bytes>> {
        Request::new(Full::default())
    }
}

fn start_server() -> Result<SocketAddr> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        pin_to(SERVER_CORE);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("failed to make the server's runtime").block_on(serve(listener));
    });
    Ok(address)
}

async fn serve(listener: std::net::TcpListener) {
    let listener = TcpListener::from_std(listener).expect("failed to listen");
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // Without it the figures would be those of delayed acknowledgements.
        let _ = stream.set_nodelay(true);
        let answer = service_fn(async |_request| Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())));
        tokio::spawn(
            hyper::server::conn::http1::Builder::new().serve_connection(TokioIo::new(stream), answer),
        );
    }
}

fn pin_to(core: usize) {
    let mut cores = CpuSet::new();
    cores.set(core);
    if let Err(error) = sched_setaffinity(None, &cores) {
        println!("failed to pin a thread to core {core}: {error}; the figures are those of all cores");
    }
}

fn share(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

fn median(figures: &[u32]) -> u32 {
    let mut sorted = figures.to_vec();
    sorted.sort_unstable();
    sorted.get(sorted.len() / 2).copied().unwrap_or(0)
}

fn argument(name: &str, otherwise: u32) -> Result<u32> {
    let mut arguments = std::env::args().skip_while(|argument| argument != name);
    match arguments.nth(1) {
        Some(value) => value.parse().map_err(|error| format!("{name} {value}: {error}").into()),
        None => Ok(otherwise),
    }
}
