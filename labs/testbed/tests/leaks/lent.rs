//! A run that works on services which an outer run lends: it removes what is its own, and nothing of the lender's.

use rustix::process::Signal;
use testbed::images::Service;
use testbed::leftovers;
use testbed::services::{self, LENT, Services};

use super::NEEDS;
use super::common::{Run, docker, until, volumes, volumes_left};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_lent_stays_with_the_lender() {
    let services = Services::start(&[Service::Postgres]).await.unwrap();
    let lent = services.lend();
    let container = lent.split_once('=').unwrap().1.split_once('@').unwrap().0.to_owned();
    let volumes = volumes(&container);
    let runs = |only| Run::start(only, &[NEEDS, (LENT, &lent)]);
    let is_well = || assert_eq!(docker(&["inspect", "--format", "{{.State.Status}}", &container]), "running");

    runs("keeps").end().with(0);
    is_well();
    assert_eq!(databases(&services).await, [""; 0], "a check's database goes with the check");

    let mut interrupted = runs("hangs");
    until("the service runs", || (interrupted.left().len() == 2).then_some(()));
    interrupted.signal(Signal::INT);
    interrupted.end().with(130);
    assert_eq!(interrupted.left(), [""; 0]);
    is_well();

    let mut killed = runs("hangs");
    until("the service runs", || (killed.left().len() == 2).then_some(()));
    killed.signal(Signal::KILL);
    killed.end();
    let engine = services::engine().await.unwrap();
    leftovers::sweep(Some(&engine)).await.unwrap();
    assert_eq!(killed.left(), [""; 0]);
    is_well();

    services.stop().await.unwrap();
    let all = docker(&["ps", "--all", "--quiet", "--no-trunc"]);
    assert!(!all.contains(&container), "the lender removes what it started");
    assert_eq!(volumes_left(&volumes), [""; 0]);
}

/// The databases of checks that are there.
async fn databases(services: &Services) -> Vec<String> {
    let postgres = services.postgres.as_ref().unwrap();
    let mine = postgres.fresh_database().await.unwrap();
    let query =
        "SELECT datname FROM pg_database WHERE datname LIKE 'check\\_%' AND datname <> current_database()";
    let names: Vec<String> = sqlx::query_scalar(query).fetch_all(mine.pool()).await.unwrap();
    postgres.drop_database(mine).await.unwrap();
    names
}
