//! An instance is killed, silenced, brought back, and nginx does what its template says.

use std::io::ErrorKind;
use std::time::Duration;

use testbed::services::Contained as _;
use testbed::stack::Stack;
use testbed::wait;
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::requests::{Stream, client, get, new_each_time, until_from};
use super::{CONNECT_TIMEOUT, READ_TIMEOUT, plan_in_one_place, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_is_killed_and_the_proxy_goes_on_with_the_other() {
    let stack = start(&plan_in_one_place()).await;
    let entry = stack.entry().unwrap().addr();
    let load = Stream::start(3, client, entry, "/");
    until_from("api-1", entry, "/").await;
    stack.kill("api-1").await.unwrap();

    let path = stack.path("proxy", "api-1").unwrap();
    let refused = TcpStream::connect(path.addr()).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::ConnectionRefused);
    assert_eq!(get(&client(), entry, "/first").await.status(), Some(502));
    until_in_errors(&stack, "Connection refused) while connecting to upstream").await;
    let alone = Stream::start(1, new_each_time, entry, "/");
    until_from("api-2", entry, "/").await;
    let alone = alone.stop().await;
    assert!(alone.iter().all(|answer| answer.is_from("api-2")), "{alone:?}");

    stack.bring_back("api-1").await.unwrap();
    until_from("api-1", entry, "/first").await;
    until_from("api-1", entry, "/").await;
    let answers = load.stop().await;
    let failed: Vec<_> = answers.iter().filter(|answer| answer.status() != Some(200)).collect();
    assert!(failed.is_empty(), "of {} requests failed {failed:?}", answers.len());
    // Each start said so, on the stderr of its own process.
    let said =
        |name: &str| stack.stderr(name).unwrap().lines(9).iter().filter(|line| *line == "listening").count();
    assert_eq!((said("api-1"), said("api-2")), (2, 1));
    stack.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_falls_silent_and_the_proxys_patience_decides() {
    let stack = start(&plan_in_one_place()).await;
    let entry = stack.entry().unwrap().addr();
    let client = client();
    // Connections that are open when the silence begins.
    for _ in 0..2 {
        assert!(get(&client, entry, "/first").await.is_from("api-1"));
    }
    stack.silence("api-1").unwrap();
    let path = stack.path("proxy", "api-1").unwrap();
    let hangs = timeout(Duration::from_millis(100), TcpStream::connect(path.addr())).await;
    assert!(hangs.is_err(), "a silent instance answered a handshake");

    // On the open connection nothing comes back; a new one is never made.
    let waited = get(&client, entry, "/first").await;
    assert!(waited.status() == Some(504) && waited.took >= READ_TIMEOUT, "{waited:?}");
    let waited = get(&client, entry, "/first").await;
    assert!(waited.status() == Some(504) && waited.took >= CONNECT_TIMEOUT, "{waited:?}");
    assert!(
        waited.took < READ_TIMEOUT,
        "it waited for an answer on a connection that nobody made: {waited:?}"
    );
    until_in_errors(&stack, "timed out) while reading response header from upstream").await;
    until_in_errors(&stack, "timed out) while connecting to upstream").await;
    for _ in 0..4 {
        let answer = get(&client, entry, "/").await;
        assert!(answer.is_from("api-2"), "{answer:?}");
    }

    let process = stack.instance("api-1").unwrap().id();
    stack.bring_back("api-1").await.unwrap();
    assert_eq!(stack.instance("api-1").unwrap().id(), process, "a silent process is the same afterwards");
    until_from("api-1", entry, "/first").await;
    stack.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_proxy_itself_dies_and_comes_back_at_its_place() {
    let stack = start(&plan_in_one_place()).await;
    let entry = stack.entry().unwrap().addr();
    stack.proxy().unwrap().kill().await.unwrap();
    assert!(get(&client(), entry, "/").await.said.is_err());
    stack.proxy().unwrap().start_again().await.unwrap();
    until_from("api-2", entry, "/").await;
    stack.stop().await.unwrap();
}

/// Waits until nginx has logged such an error.
async fn until_in_errors(stack: &Stack, words: &str) {
    let mut log = String::new();
    let seen = wait::until(Duration::from_secs(10), async || {
        log = stack.proxy().unwrap().logs().await.unwrap().stderr;
        log.contains(words).then_some(())
    });
    let seen = seen.await;
    assert!(seen.is_some(), "no `{words}` in {log}");
}
