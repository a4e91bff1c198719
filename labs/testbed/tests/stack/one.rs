//! One service alone is the plan of one, and what it reaches is reached over a path.

use std::net::SocketAddr;
use std::time::Duration;

use testbed::endpoint::Endpoint as _;
use testbed::stack::{Instance, Plan, Server, Stack, Zones};
use testbed::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::requests::{client, get};
use super::{FAR, start, submission};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_service_alone() {
    let stack = start(&Plan::of_one(Instance::new("api", "here", [("TINY_NAME", "alone")]))).await;
    let answer = get(&client(), stack.entry().unwrap().addr(), "/").await;
    assert!(answer.is_from("alone"), "{answer:?}");
    assert_eq!(stack.path("clients", "api").unwrap().counts().turn_arounds, 1);
    assert!(stack.proxy().is_err() && stack.instance("db").is_err() && stack.path("api", "db").is_err());

    stack.instance("api").unwrap().terminate().await.unwrap();
    stack.bring_back("api").await.unwrap();
    assert!(get(&client(), stack.entry().unwrap().addr(), "/").await.is_from("alone"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_instance_reaches_is_as_far_as_its_zone() {
    let server = |addr| Server { name: "clock".to_owned(), zone: "taiwan".to_owned(), addr };
    let plan = Plan {
        servers: vec![server(echo().await)],
        zones: Zones::default().between("seoul", "taiwan", FAR),
        ..Plan::of_one(Instance::new("api", "seoul", [("TINY_ASKS", "${clock}"), ("TINY_NAME", "asks")]))
    };
    let stack = start(&plan).await;
    let entry = stack.entry().unwrap().addr();
    let path = stack.path("api", "clock").unwrap();
    path.reset_counts();
    let answer = get(&client(), entry, "/").await;
    assert!(answer.is_from("asks"), "{answer:?}");
    // A new connection, and one question on it.
    assert!(answer.took + Duration::from_millis(2) >= 2 * FAR, "{answer:?}");
    assert_eq!((path.counts().connections, path.counts().turn_arounds), (1, 1));

    // A silent instance is not heard by whom it asks, either.
    stack.silence("api").unwrap();
    path.reset_counts();
    let direct = stack.instance("api").unwrap().addr();
    let asked = tokio::spawn(async move { get(&client(), direct, "/").await });
    let heard = wait::until(Duration::from_millis(400), async || {
        (path.counts().connections > 0 || asked.is_finished()).then_some(())
    });
    assert!(heard.await.is_none(), "a question got through");
    stack.bring_back("api").await.unwrap();
    // The kernel repeats the lost handshake.
    let answer = asked.await.unwrap();
    assert!(answer.is_from("asks"), "{answer:?}");
}

#[tokio::test]
async fn a_plan_that_does_not_say_how_far_is_a_fault() {
    let plan = Plan { clients: "moon".to_owned(), ..Plan::of_one(Instance::new("api", "here", [])) };
    let Err(testbed::stack::Fault::Stop(testbed::verdict::Stop::SetUp(fault))) =
        Stack::start(&plan, &submission()).await
    else {
        panic!("it guessed")
    };
    assert!(fault.cause.contains("how far"), "{fault}");
}

/// Sends back what it gets.
pub async fn echo() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                while let Ok(byte) = stream.read_u8().await {
                    let _ = stream.write_u8(byte).await;
                }
            });
        }
    });
    addr
}
