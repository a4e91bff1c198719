//! Message queue: `POST /post` publishes to RabbitMQ and answers; a consumer inserts into
//! PostgreSQL.
//!
//! | room | what it owns |
//! |---|---|
//! | [`accepting`] | from a request to the broker's confirm: `POST /post`, the publisher, the audit log |
//! | [`wire`] | what both sides agree on: messages, queues, connections to the broker |
//! | [`storing`] | from a delivery to a committed row: the consumer, its batches, its statement |
//! | [`replay`] | what the record has and the table has not |
//! | [`config`] | what the environment and the flags may say |
//!
//! Reads, the accept loop and the deadline of a request are lab 01's.

use std::{pin::pin, time::Duration};

use axum::Router;
use direct_write::{
    StartError, cannot,
    config::Database,
    http as web,
    server::{self, Limits, terminated},
    store::Store,
};
use futures_util::future::OptionFuture;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub mod accepting;
pub mod config;
pub mod replay;
pub mod storing;
pub mod wire;

pub use config::{Command, Config, Role};

use crate::{
    accepting::{
        audit::Journal,
        clock::PostBudget,
        http::{Intake, post_route},
        publisher::Publisher,
    },
    storing::{consumer::Consumer, inbox::Inbox},
    wire::broker::Broker,
};

/// Runs the service until SIGTERM or Ctrl-C, and then until what it has begun has ended.
///
/// # Errors
/// Fails when the service cannot start: no database, no broker, or an address that cannot be bound.
pub async fn run(config: Config) -> Result<(), StartError> {
    let reads = config.reads();
    run_with(config, reads, async |store, _, _| Ok(web::read_routes(store)), post_route, serve).await
}

/// Serves with lab 01's bounds, until `stop`.
pub async fn serve(listener: TcpListener, app: Router, stop: CancellationToken, drain: Duration) {
    server::run(listener, app, Limits::default(), stop.cancelled_owned(), drain).await;
}

/// As [`run`], with other routes. `reads` is the reads' share of the connections. `open` makes their
/// routes, before anybody can ask; what they do in the background ends with the token, and is waited
/// for. `writes` makes the routes of what accepts posts. `serve` accepts connections until the token
/// ends, and then lets what has begun end in the time that it is given.
///
/// # Errors
/// As there, and those of `open`.
// ANCHOR: run
pub async fn run_with(
    config: Config,
    reads: Database,
    open: impl AsyncFnOnce(Store, CancellationToken, &TaskTracker) -> Result<Router, StartError>,
    writes: impl FnOnce(Intake) -> Router,
    serve: impl AsyncFnOnce(TcpListener, Router, CancellationToken, Duration),
) -> Result<(), StartError> {
    let mut terminated = pin!(terminated().map_err(cannot("listen for SIGTERM"))?);
    let budget = config.direct_write.budget();
    let (stop, background) = (CancellationToken::new(), TaskTracker::new());
    let opened = async {
        let broker = Broker::new(config.amqp_url.clone());
        let store = Store::open(&reads, budget).await.map_err(cannot("prepare the database"))?;
        let consumer =
            if config.role.consumes() { Some(consumer(&config, &broker, &store).await?) } else { None };
        let intake = if config.role.serves() { Some(intake(&config, broker).await?) } else { None };
        let routes = match &intake {
            Some(intake) => {
                let reads = open(store.clone(), stop.clone(), &background).await?;
                reads.merge(writes(intake.clone()))
            }
            None => Router::new(),
        };
        Ok((store, consumer, intake, routes))
    };
    let (store, consumer, intake, routes) = tokio::select! {
        () = &mut terminated => return Ok(()), // Nobody has been served yet.
        opened = opened => opened?,
    };
    let app = web::finish(web::health_route().merge(routes), budget);

    let address = &config.direct_write.bind_addr;
    let listener =
        server::bind(address, Limits::default()).await.map_err(cannot(&format!("listen on `{address}`")))?;
    tracing::info!(%address, role = ?config.role, "ready");

    let consuming = consumer.map(|consumer| tokio::spawn(consume(consumer, stop.clone())));
    let shutdown = async {
        tokio::select! { () = terminated => stop.cancel(), () = stop.cancelled() => {} }
    };
    tokio::join!(serve(listener, app, stop.clone(), budget.drain()), shutdown);
    let consumed = OptionFuture::from(consuming).await.transpose();
    background.close();
    background.wait().await;

    // The publisher's connection outlives the requests that need it.
    OptionFuture::from(intake.as_ref().map(|intake| intake.publisher.close())).await;
    store.close().await;
    if let Some(inbox) = consumed.map_err(cannot("keep the consumer running"))? {
        inbox.close().await;
    }
    Ok(())
}
// ANCHOR_END: run

/// Whatever ends the consumer, a panic too, ends the service: one that stores nothing any more would
/// be taken for healthy.
async fn consume(consumer: Consumer, stop: CancellationToken) -> Inbox {
    let _ended = stop.clone().drop_guard();
    consumer.run(stop).await
}

/// The consumer, and its connection to the database: its own. Where there may be only one, it is
/// that of the reads; and where there are no reads, those that made the schema are closed first.
// ANCHOR: roles
async fn consumer(config: &Config, broker: &Broker, store: &Store) -> Result<Consumer, StartError> {
    if config.role == Role::Consumer {
        store.close().await;
    }
    let inbox = if config.one_for_both() {
        Inbox::over(store.pool().clone())
    } else {
        let inbox = Inbox::open(&config.direct_write.database()).await;
        inbox.map_err(cannot("open the consumer's connection"))?
    };
    let consumer = Consumer::open(broker.clone(), inbox, config.prefetch).await;
    consumer.map_err(cannot("subscribe to the queue"))
}

/// What accepts posts: a publisher, and the audit log if there is one.
async fn intake(config: &Config, broker: Broker) -> Result<Intake, StartError> {
    let journal = config.audit_log.as_deref().map(Journal::open).transpose();
    Ok(Intake {
        journal: journal.map_err(cannot("open the audit log"))?,
        publisher: Publisher::open(broker).await.map_err(cannot("prepare the publisher"))?,
        budget: PostBudget::of(config.direct_write.budget()),
    })
}
// ANCHOR_END: roles

/// Publishes every post that is in the audit log and not in the table.
///
/// # Errors
/// Something that it needs is missing, or the replay is not complete. To run it again is safe.
pub async fn replay(config: Config) -> Result<(), StartError> {
    let path = config.audit_log.as_deref().ok_or("`AUDIT_LOG` is not set").map_err(cannot("replay"))?;
    let budget = config.direct_write.budget();
    let store = Store::open(&config.reads(), budget).await.map_err(cannot("prepare the database"))?;
    let publisher = Publisher::open(Broker::new(config.amqp_url.clone())).await;
    let publisher = publisher.map_err(cannot("prepare the publisher"))?;

    let replayed = replay::replay(path, &store, &publisher).await.map_err(cannot("replay"))?;
    tracing::info!(read = replayed.read, published = replayed.published, "replayed");
    publisher.close().await;
    store.close().await;
    Ok(())
}
