//! `cargo lab doctor`: looks at the set-up, one thing at a time, and says how to mend what is missing.

use std::process::Command;

use rustix::fs::statvfs;
use rustix::process::{Resource, getrlimit};
use testbed::exit::Exit;
use testbed::images::{Service, present};
use testbed::run::block_on;
use testbed::setup::SetUp;
use testbed::{ports, services};

use crate::workspace::Workspace;

/// A build, three images and their containers need about so much.
const DISK: u64 = 6 << 30;
/// What the later labs ask for at most.
const DESCRIPTORS: u64 = 16_384;

/// What was seen of one part of the set-up.
enum Seen {
    Good(String),
    /// Works, with something to know.
    Note(String),
    Missing {
        seen: String,
        mend: String,
    },
}

/// Looks at everything; exit 3 when something is missing.
pub fn run() -> Result<Exit, SetUp> {
    let parts = [
        ("Rust", rust()),
        ("processors", processors()),
        ("disk", disk(&Workspace::find()?)),
        ("descriptors", descriptors()),
        ("ports", free_port()),
    ];
    let (engine, images) = block_on(engine_and_images())?;
    let mut missing = 0;
    let named = parts.into_iter().chain([("engine", engine)]).chain(images);
    for (name, seen) in named {
        match seen {
            Seen::Good(seen) => println!("  ok    {name:<12} {seen}"),
            Seen::Note(seen) => println!("  note  {name:<12} {seen}"),
            Seen::Missing { seen, mend } => {
                missing += 1;
                println!("  MISS  {name:<12} {seen}\n        {:<12} {mend}", "mend");
            }
        }
    }
    if missing > 0 {
        println!("\n{missing} to mend, then run `cargo lab doctor` again");
        return Ok(Exit::SetUp);
    }
    println!("\nall is well: cargo lab shows the way");
    Ok(Exit::Kept)
}

fn rust() -> Seen {
    let said = Command::new("rustc").arg("--version").output();
    match said {
        // This program was built by it, so it is new enough.
        Ok(output) if output.status.success() => {
            Seen::Good(String::from_utf8_lossy(&output.stdout).trim().to_owned())
        }
        _ => Seen::Missing {
            seen: "rustc does not answer".into(),
            mend: "install Rust: https://rustup.rs".into(),
        },
    }
}

fn processors() -> Seen {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    match cores {
        1 => Seen::Note("1 core: service and load share it, so some runs will be inconclusive".into()),
        cores => Seen::Good(format!("{cores} cores")),
    }
}

fn disk(workspace: &Workspace) -> Seen {
    let Ok(about) = statvfs(&workspace.root) else {
        return Seen::Note("how much is free cannot be seen".into());
    };
    let free = about.f_bavail * about.f_frsize;
    let seen = format!("{:.0} GiB free", free as f64 / f64::from(1 << 30));
    if free < DISK {
        return Seen::Missing {
            seen,
            mend: format!("free {} GiB (cargo clean, docker system prune)", DISK >> 30),
        };
    }
    Seen::Good(seen)
}

fn descriptors() -> Seen {
    let limit = getrlimit(Resource::Nofile);
    let shown = |value: Option<u64>| value.map_or("unlimited".to_owned(), |value| value.to_string());
    let seen = format!("{} open files, {} at most", shown(limit.current), shown(limit.maximum));
    if limit.maximum.is_some_and(|most| most < DESCRIPTORS) {
        return Seen::Note(format!("{seen}; lab 05 asks for {DESCRIPTORS}"));
    }
    Seen::Good(seen)
}

fn free_port() -> Seen {
    match ports::free() {
        Ok(addr) => Seen::Good(format!("127.0.0.1 has free ports ({}, for one)", addr.port())),
        Err(fault) => Seen::Missing { seen: fault.cause, mend: fault.mend },
    }
}

async fn engine_and_images() -> (Seen, Vec<(&'static str, Seen)>) {
    let engine = match services::engine().await {
        Ok(engine) => engine,
        Err(fault) => {
            let unknown = || Seen::Note("cannot be looked at without the engine".to_owned());
            let images = Service::ALL.map(|service| (service.name(), unknown()));
            return (Seen::Missing { seen: fault.cause, mend: fault.mend }, images.into());
        }
    };
    let version = engine.version().await.ok().and_then(|about| about.version);
    let mut images = Vec::new();
    for service in Service::ALL {
        let seen = match present(&engine, service).await {
            Ok(Some(chosen)) => Seen::Good(format!("{} ({})", chosen.image, chosen.why)),
            Ok(None) => Seen::Missing {
                seen: format!("no image `{}`", service.official()),
                mend: "cargo lab images".into(),
            },
            Err(fault) => Seen::Missing { seen: fault.cause, mend: fault.mend },
        };
        images.push((service.name(), seen));
    }
    (Seen::Good(format!("Docker {}", version.unwrap_or_default())), images)
}
