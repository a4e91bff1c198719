//! Offers looks at page 1 to a service, and prints how many a second it answered and what share of all processors the load took.
//!
//! `cargo run --release -p promises --example offer_looks -- 127.0.0.1:8080 --rate 20000 --seconds 3 [--each]`
//!
//! With `--each`, a line follows for each look that was answered: when it was due, and how long its answer took from then, in
//! microseconds; the first counts from 1970, so that it can be held against what others saw. The first quarter of the run does
//! not count, and has no lines.

use std::error::Error;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use rustix::time::{ClockId, clock_gettime};
use testbed::load::{Load, Schedule, gets};

/// More than are ever busy below capacity, and few enough that a service above it is not measured by its sockets.
const CONNECTIONS: usize = 128;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments: Vec<_> = std::env::args().skip(1).collect();
    let each = arguments.pop_if(|last| last == "--each").is_some();
    let [target, rate_flag, rate, seconds_flag, seconds] = arguments.as_slice() else {
        return Err("expected HOST:PORT --rate R --seconds S [--each]".into());
    };
    if (rate_flag.as_str(), seconds_flag.as_str()) != ("--rate", "--seconds") {
        return Err("expected --rate and --seconds".into());
    }
    let (target, length): (SocketAddr, _) = (target.parse()?, Duration::from_secs(seconds.parse()?));
    let schedule = Schedule::constant(rate.parse()?, length);

    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (began, at_start) = (Instant::now(), processor_time());
    let load = Load::new(target, schedule, gets("/posts")).max_connections(CONNECTIONS);
    let outcomes = runtime.block_on(load.start().finish());
    let processors = std::thread::available_parallelism()?.get() as f64;
    let share = (processor_time() - at_start).div_duration_f64(began.elapsed()) / processors;
    let counted = length / 4..length;
    println!("{:.1} {share:.4}", outcomes.goodput(counted.clone()));
    if each {
        let since_1970 = outcomes.started_at().duration_since(SystemTime::UNIX_EPOCH)?;
        let mut lines = String::new();
        for sample in outcomes.accepted().filter(|sample| counted.contains(&sample.intended)) {
            let (due, took) = (since_1970 + sample.intended, sample.latency_from_intended());
            writeln!(lines, "{} {}", due.as_micros(), took.as_micros())?;
        }
        print!("{lines}");
    }
    Ok(())
}

/// What this process has used of the processors.
fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(used).expect("a process cannot have used less than nothing")
}
