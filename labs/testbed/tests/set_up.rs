//! A fault of the set-up ends with exit 3 and one message with cause and mend, and never reads as a broken promise; no more
//! does a service that falls ill under a check.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

mod common;

use std::net::TcpListener;

use common::{Run, docker, request};
use testbed::images::{self, Service};
use testbed::services::{self, Container, Shape};
use testbed::setup::SetUp;
use testbed::suite::REQUEST;

const NEEDS: (&str, &str) = ("TINY_NEEDS", "database");

/// Runs the tiny lab's one check that keeps: nothing but the set-up can be at fault.
#[track_caller]
fn faults(settings: &[(&str, &str)], words: &[&str]) {
    let mut run = Run::start("keeps", settings);
    let ended = run.end().with(3).says(words);
    assert!(!ended.stdout.contains("broken") && !ended.stderr.contains("broken"), "{ended:#?}");
    assert_eq!(run.left(), [""; 0]);
}

#[test]
fn no_engine() {
    let absent = ("DOCKER_HOST", "unix:///nonexistent.sock");
    faults(
        &[NEEDS, absent],
        &["failed to reach the Docker engine", "cause  ", "mend   start the Docker engine"],
    );
}

#[test]
fn an_image_that_cannot_be_had() {
    let absent = ("LAB_POSTGRES_IMAGE", "absent/image:1");
    faults(
        &[NEEDS, absent],
        &[
            "failed to find the image `absent/image:1`",
            "cause  the engine does not have it",
            "mend   unset LAB_POSTGRES_IMAGE",
        ],
    );
}

#[test]
fn every_port_taken() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let held = TcpListener::bind(("127.0.0.1", taken)).unwrap();
    let range = format!("{taken}-{taken}");
    let words = ["find a free port", "each port taken", "stop some of the programs", "LAB_PORTS"];
    faults(&[NEEDS, ("LAB_PORTS", &range)], &words);
    // Without a container it is the service that finds no port.
    faults(&[("LAB_PORTS", &range)], &words);
    drop(held);
    faults(&[("LAB_PORTS", "many")], &["read LAB_PORTS", "`many` is no range"]);
}

#[test]
fn a_service_that_cannot_be_executed() {
    for (binary, cause) in [("/nonexistent/service", "No such file"), ("/etc/passwd", "ermission denied")] {
        faults(
            &[(REQUEST, &request("keeps", binary))],
            &["start the service", binary, cause, "name a file that this machine can execute"],
        );
    }
}

#[test]
fn a_request_that_cannot_be_read() {
    let words = ["failed to read the variable LAB_REQUEST", "unset it"];
    faults(&[(REQUEST, "{\"wish\":1}")], &words);
}

/// Each try makes the broker ill anew: after the first, a check can only begin on one that was mended.
#[test]
fn a_broker_that_falls_ill_says_nothing_of_the_service() {
    let mut run = Run::start("falls-ill", &[("TINY_NEEDS", "broker")]);
    let ended = run.end().with(4).says(&["inconclusive", "RabbitMQ itself can keep no queue"]);
    assert!(!ended.stdout.contains("broken "), "{ended:#?}");
    assert_eq!(run.left(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_somebody_takes_at_the_last_moment() {
    let engine = services::engine().await.unwrap();
    let Some(chosen) = images::present(&engine, Service::Postgres).await.unwrap() else {
        eprintln!("skipped: no image of PostgreSQL is present");
        return;
    };
    let held = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = held.local_addr().unwrap();
    // The free one: given back just before the engine takes it.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let before = ours();

    let shape = Shape { ports: vec![5432], ..Shape::default() };
    let ports = || Ok::<_, SetUp>(taken);
    let started = Container::start_on(&engine, Service::Postgres, chosen.clone(), &shape, ports).await;
    let fault = started.err().expect("a port cannot be had twice");
    assert!(fault.mend.contains("another program holds the port"), "{fault}");
    assert_eq!(ours(), before, "a failed start leaves its container");

    let mut ports = [taken, taken, free].into_iter();
    let next = || Ok(ports.next().unwrap());
    let container = Container::start_on(&engine, Service::Postgres, chosen, &shape, next).await.unwrap();
    assert_eq!(container.addr(), free, "the first port that nobody holds");
    assert_eq!(ours().len(), before.len() + 1, "the failed tries leave nothing");
    drop(container);
    assert_eq!(ours(), before);
}

/// The containers of this process.
fn ours() -> Vec<String> {
    let run = testbed::run::RunId::current().as_str();
    let all =
        docker(&["ps", "--all", "--quiet", "--filter", &format!("label={}={run}", testbed::run::LABEL)]);
    all.lines().map(str::to_owned).collect()
}
