//! Offers posts to a service, and prints how many a second it accepted and what share of all processors the load took.
//!
//! `cargo run --release -p promises --example offer_posts -- 127.0.0.1:8080 --rate 5000 --seconds 3`
//!
//! A program of its own, since a load that is to leave the processors to the service must be optimised, and the
//! command line tool is not. The first quarter of the run does not count.

use std::error::Error;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use promises::contract::posts;
use rustix::time::{ClockId, clock_gettime};
use testbed::load::{Load, Schedule};

/// Characters of a post.
const CHARACTERS: usize = 64;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [target, rate_flag, rate, seconds_flag, seconds] = arguments.as_slice() else {
        return Err("expected HOST:PORT --rate R --seconds S".into());
    };
    if (rate_flag.as_str(), seconds_flag.as_str()) != ("--rate", "--seconds") {
        return Err("expected --rate and --seconds".into());
    }
    let (target, length): (SocketAddr, _) = (target.parse()?, Duration::from_secs(seconds.parse()?));
    let schedule = Schedule::constant(rate.parse()?, length);
    let contents = posts(format!("offer{}", uuid::Uuid::new_v4().simple()), CHARACTERS);

    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let (began, at_start) = (Instant::now(), processor_time());
    let outcomes = runtime.block_on(Load::new(target, schedule, contents).start().finish());
    let processors = std::thread::available_parallelism()?.get() as f64;
    let share = (processor_time() - at_start).div_duration_f64(began.elapsed()) / processors;
    println!("{:.1} {share:.4}", outcomes.goodput(length / 4..length));
    Ok(())
}

/// What this process has used of the processors.
fn processor_time() -> Duration {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    Duration::try_from(used).expect("a process cannot have used less than nothing")
}
