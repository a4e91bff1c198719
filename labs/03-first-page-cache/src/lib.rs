//! First-page cache: page 1 is read once a second, and served from memory.
//!
//! | room | what it owns |
//! |---|---|
//! | [`page`] | page 1 as it is answered: its bytes, its tag, its age |
//! | [`source`] | where it is read from: a connection, a statement, a deadline |
//! | [`refresher`] | when it is read, and what a read that fails changes |
//! | [`http`] | how a request for it is answered |
//! | [`config`] | what the environment and the flags may say |
//!
//! Posts are lab 02's, and all other reads are lab 01's.

use std::{sync::Arc, time::Duration};

use axum::Router;
use direct_write::{StartError, cannot, http::find_routes, store::Store};
use message_queue::accepting::http::{Intake, post_route};
use tokio::{net::TcpListener, sync::watch};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub mod config;
pub mod http;
pub mod page;
pub mod refresher;
pub mod source;

pub use config::Config;
pub use message_queue::{Command, replay};

use crate::{
    http::{FirstPage, list_route},
    page::Page,
    refresher::Refresher,
    source::Table,
};

/// Runs the service until SIGTERM or Ctrl-C, and then until what it has begun has ended.
///
/// # Errors
/// Fails when the service cannot start: no database, no broker, no page 1, or an address that cannot
/// be bound.
pub async fn run(config: Config) -> Result<(), StartError> {
    run_with(config, post_route, message_queue::serve).await
}

/// As [`run`], with other routes for what accepts posts, and another way to accept connections.
///
/// # Errors
/// As there.
pub async fn run_with(
    config: Config,
    writes: impl FnOnce(Intake) -> Router,
    serve: impl AsyncFnOnce(TcpListener, Router, CancellationToken, Duration),
) -> Result<(), StartError> {
    let (service, reads) = (config.message_queue.clone(), config.reads());
    let open = async |store, stop, background: &_| reads_of(&config, store, stop, background).await;
    message_queue::run_with(service, reads, open, writes, serve).await
}

/// The reads, page 1 from memory.
async fn reads_of(
    config: &Config,
    store: Store,
    stop: CancellationToken,
    background: &TaskTracker,
) -> Result<Router, StartError> {
    let table = match config.own() {
        Some(database) => Table::own(&database),
        None => Table::Shared(store.clone()),
    };
    let page = kept_fresh(table, config.refresh, stop, background).await?;
    let first_page = FirstPage { page, refresh: config.refresh, stale: config.stale };
    Ok(list_route(first_page, store.clone()).merge(find_routes(store)))
}

/// Page 1, kept fresh in the background until `stop`. When this returns, there is one: nobody is
/// served before.
// ANCHOR: ready
async fn kept_fresh(
    table: Table,
    every: Duration,
    stop: CancellationToken,
    background: &TaskTracker,
) -> Result<watch::Receiver<Arc<Page>>, StartError> {
    // ANCHOR: hole-ready
    // Read page 1 for the first time, then let the refresher run in the background.
    //
    // When this function returns, the service begins to listen. What would the first thousand readers be
    // answered if it listened first and read then?
    let _ = (table, every, stop, background, Refresher::<Table>::open, Refresher::<Table>::run);
    let _ = cannot::<std::io::Error>;
    todo!("lab 03: read page 1 before the service listens, then keep it fresh")
    // ANCHOR_END: hole-ready
}
// ANCHOR_END: ready
