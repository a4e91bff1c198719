//! Serves the bytes of a file as `GET /posts`, through the server and the layers of lab 01, and does nothing else: what a page from
//! memory can be measured beside.
//!
//! `BIND_ADDR=127.0.0.1:8080 BODY=page.json cargo run --release -p experiments --example bare_bytes`
//!
//! It is started as a service is: `GET /health` is 200 when it is ready, and SIGTERM ends it.

use std::env;
use std::error::Error;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::http::header::CONTENT_TYPE;
use axum::routing::get;
use direct_write::budget::Budget;
use direct_write::http::{finish, health_route};
use direct_write::server::{self, Limits};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let terminated = server::terminated()?;
    let body = Bytes::from(std::fs::read(env::var("BODY")?)?);
    let posts = get(move || {
        let body = body.clone();
        async move { ([(CONTENT_TYPE, "application/json")], body) }
    });
    // The contract's deadline: its layer is what every answer of a service goes through.
    let budget = Budget::new(Duration::from_secs(2));
    let app = finish(health_route().merge(Router::new().route("/posts", posts)), budget);
    let limits = Limits::default();
    let listener = server::bind(&env::var("BIND_ADDR")?, limits).await?;
    server::run(listener, app, limits, terminated, budget.drain()).await;
    Ok(())
}
