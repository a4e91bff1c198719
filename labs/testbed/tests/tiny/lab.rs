//! A lab in a few lines: each check ends in another way, with a service started and a folder made.

use std::env;
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use testbed::prelude::*;
use testbed::run::RunId;
use testbed::services::{self, Cluster};
use testbed::stack::{Instance, Plan, Proxy, Stack};
use testbed::submission::Submission;
use testbed::suite::OwnBinary;

fn main() -> ExitCode {
    // What a package's own `verify` knows when it is compiled.
    let told = |name| env::var(name).unwrap_or_default().leak();
    let own =
        OwnBinary { package: "tiny", path: told("TINY_SERVICE"), folder: told("TINY_FOLDER"), deploy: "" };
    let needs: &[Service] = match env::var("TINY_NEEDS").as_deref() {
        Ok("database") => &[Service::Postgres],
        Ok("broker") => &[Service::RabbitMq],
        Ok("proxy") => &[Service::Nginx],
        _ => &[],
    };
    let longest = env::var("TINY_LONGEST_MS").ok().and_then(|ms| ms.parse().ok()).unwrap_or(60_000);
    Suite::new(own, "00", "Tiny", "00-tiny")
        .needs(needs)
        .longest(Duration::from_millis(longest))
        .checks([
            Check::new("keeps", "it keeps what it promises", "Keeps", keeps),
            Check::new("breaks", "it breaks what it promises", "Breaks", breaks),
            Check::new("falls", "it falls into a hole", "Falls", falls),
            Check::new("hangs", "the check hangs under load", "Hangs", hangs),
            Check::new("panics", "the check itself panics", "Panics", panics),
            Check::new("restarts", "the check starts services without end", "Restarts", restarts).alone(),
            Check::new("falls-ill", "the broker falls ill in the check", "Falls ill", falls_ill).alone(),
            Check::new("stacks", "two services stand behind a proxy", "Stacks", stacks),
            Check::new("clusters", "three brokers are one cluster", "Clusters", clusters),
        ])
        .run()
}

async fn begin(bed: &Bed) -> Result<Subject, Stop> {
    let folder = RunId::current().folder();
    std::fs::create_dir_all(&folder).map_err(|error| SetUp::from_cause("make the run's folder", error))?;
    bed.start().await
}

async fn keeps(bed: Bed) -> Verdict {
    let service = begin(&bed).await?;
    let outcome = bed
        .gets(&service, "/", Schedule::constant(50.0, Duration::from_millis(200)))
        .start()
        .finish()
        .await?;
    promise("ten requests are accepted").observed(outcome.counts()).kept_if(outcome.counts().accepted == 10)
}

async fn breaks(bed: Bed) -> Verdict {
    let service = begin(&bed).await?;
    promise("pigs fly").observed(service.addr().to_string()).kept_if(false)
}

/// A service that falls into a hole, in a check that would wait for ever.
async fn falls(bed: Bed) -> Verdict {
    let service = bed.service().set("TINY", "hole").start().await?;
    let _ = service.ask("POST".parse().unwrap_or_default(), "/").send().await;
    std::future::pending().await
}

async fn panics(bed: Bed) -> Verdict {
    let _service = begin(&bed).await?;
    panic!("the check's own fault")
}

async fn hangs(bed: Bed) -> Verdict {
    let service = begin(&bed).await?;
    let _load = bed.gets(&service, "/", Schedule::constant(50.0, Duration::from_secs(600))).start();
    std::future::pending().await
}

/// Starts a service again and again, with the database frozen: whoever cleans up must keep it from starting more.
async fn restarts(bed: Bed) -> Verdict {
    let service = begin(&bed).await?;
    bed.postgres().pause().await?;
    loop {
        // One that was killed from outside is no reason to end.
        let _ = service.restart().await;
    }
}

/// Takes from the broker the part that hands on dead letters. What is said of a service on it is said of the broker.
async fn falls_ill(bed: Bed) -> Verdict {
    let stop = ["rabbitmqctl", "eval", "supervisor:terminate_child(rabbit_sup, rabbit_fifo_dlx_sup)."];
    bed.rabbitmq().container().exec(&stop).await?;
    promise("queues are kept").kept_if(false)
}

/// Two services behind a proxy; then the check ends as `TINY_END` says.
async fn stacks(bed: Bed) -> Verdict {
    let milliseconds = |name: &str| (name.to_owned(), "300ms".to_owned());
    let instance = |(name, value): (&str, &str)| (name.to_owned(), value.to_owned());
    let instances = [("API_1", "${api-1}"), ("API_2", "${api-2}")].map(instance);
    let timeouts = ["CONNECT_TIMEOUT", "READ_TIMEOUT"].map(milliseconds);
    let environment = timeouts.into_iter().chain(instances).collect();
    let plan = Plan {
        instances: vec![Instance::new("api-1", "", []), Instance::new("api-2", "", [])],
        proxy: Some(Proxy { environment, ..Proxy::default() }),
        ..Plan::default()
    };
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stack/deploy");
    let binary = bed.submission().binary.clone();
    let stack = Stack::start(&plan, &Submission { binary, deploy: Some(deploy) }).await?;
    eprintln!("the stack stands");
    match env::var("TINY_END").as_deref() {
        Ok("keeps") => promise("it stands").kept_if(stack.entry().is_ok()),
        Ok("panics") => panic!("the check's own fault"),
        _ => std::future::pending().await,
    }
}

async fn clusters(_bed: Bed) -> Verdict {
    let _cluster = Cluster::start(&services::engine().await?).await?;
    std::future::pending().await
}
