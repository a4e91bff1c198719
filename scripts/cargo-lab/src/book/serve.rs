//! `cargo lab book serve`: the book on 127.0.0.1, built again whenever a page has changed.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use testbed::exit::Exit;
use testbed::run::block_on;
use testbed::setup::SetUp;
use tower_http::services::ServeDir;

use crate::workspace::Workspace;

/// The clone, and when the newest source of the last build was written.
type Built = Arc<(Workspace, Mutex<Option<SystemTime>>)>;

/// Builds and serves until Ctrl-C.
pub fn run(workspace: Workspace, port: u16) -> Result<Exit, SetUp> {
    super::build(&workspace)?;
    let files = ServeDir::new(workspace.book());
    let newest = newest(&sources(&workspace.root));
    let built: Built = Arc::new((workspace, Mutex::new(newest)));
    let app = Router::new().fallback_service(files).layer(from_fn_with_state(built, build_when_changed));
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    block_on(async {
        let taken = |error| {
            let mend = format!("choose another port: cargo lab book serve --port {}", port.wrapping_add(1));
            SetUp::new(format!("listen on {addr}"), error, mend)
        };
        let listener = tokio::net::TcpListener::bind(addr).await.map_err(taken)?;
        println!("http://{addr}   (Ctrl-C ends it)");
        let ended = axum::serve(listener, app).with_graceful_shutdown(async {
            // Without a signal to listen for, the server runs until it is killed.
            let _ = tokio::signal::ctrl_c().await;
        });
        ended.await.map_err(|error| SetUp::from_cause("serve the book", error))
    })??;
    Ok(Exit::Kept)
}

async fn build_when_changed(State(built): State<Built>, request: Request, next: Next) -> Response {
    let (workspace, built) = &*built;
    let newest = newest(&sources(&workspace.root));
    if *built.lock().unwrap_or_else(PoisonError::into_inner) != newest {
        match super::build(workspace) {
            Ok(()) => println!("built again"),
            Err(fault) => println!("{fault}"),
        }
        *built.lock().unwrap_or_else(PoisonError::into_inner) = newest;
    }
    next.run(request).await
}

/// The folders from whose files the book is made.
fn sources(root: &Path) -> Vec<PathBuf> {
    ["book", "labs", "solutions"].map(|folder| root.join(folder)).into()
}

fn newest(folders: &[PathBuf]) -> Option<SystemTime> {
    let mut folders = folders.to_vec();
    let mut newest = None;
    while let Some(folder) = folders.pop() {
        // What cannot be read now is looked at with the next request.
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.metadata() {
                Ok(about) if about.is_dir() => folders.push(entry.path()),
                Ok(about) => newest = newest.max(about.modified().ok()),
                Err(_) => {}
            }
        }
    }
    newest
}
