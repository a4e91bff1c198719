//! `cargo lab clean`: remove what killed runs left behind.

use testbed::leftovers;
use testbed::run::RunId;
use testbed::services;
use testbed::setup::SetUp;
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Exit;

/// Removes leftovers of runs whose process is gone. A run in another terminal keeps what is its own.
pub fn run() -> Result<Exit, SetUp> {
    let removed = block_on(async {
        let engine = services::engine().await;
        if let Err(fault) = &engine {
            anstream::eprintln!("containers cannot be looked at: {}", fault.cause);
        }
        leftovers::sweep(engine.as_ref().ok()).await
    })??;
    match removed.is_nothing() {
        true => println!("nothing was left behind"),
        false => println!("removed {removed}"),
    }
    Ok(Exit::Kept)
}

/// From now on, Ctrl-C or SIGTERM removes what this process started, and ends it.
///
/// For commands that hold services while they run other programs, which get the same Ctrl-C and clean up after themselves.
pub fn when_interrupted() -> Result<(), SetUp> {
    let fault = |error| SetUp::from_cause("listen for Ctrl-C", error);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(fault)?;
    let listen = |kind| {
        let _inside = runtime.enter();
        signal(kind).map_err(fault)
    };
    let (mut interrupt, mut terminate) = (listen(SignalKind::interrupt())?, listen(SignalKind::terminate())?);
    std::thread::spawn(move || {
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            anstream::eprintln!("\ninterrupted: removing what this run started");
            let engine = services::engine().await.ok();
            match leftovers::remove(engine.as_ref(), RunId::current()).await {
                Ok(removed) => anstream::eprintln!("removed {removed}"),
                Err(fault) => anstream::eprintln!("{fault}\n`cargo lab clean` removes the rest"),
            }
            std::process::exit(Exit::Interrupted.code().into());
        });
    });
    Ok(())
}

/// Runs a future of the test-bed to its end.
pub fn block_on<T>(future: impl Future<Output = T>) -> Result<T, SetUp> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    Ok(runtime.map_err(|error| SetUp::from_cause("start the test-bed's runtime", error))?.block_on(future))
}
