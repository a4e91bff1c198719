//! `cargo lab clean`: remove what killed runs left behind.

use testbed::exit::Exit;
use testbed::leftovers;
use testbed::run::block_on;
use testbed::services;
use testbed::setup::SetUp;

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
