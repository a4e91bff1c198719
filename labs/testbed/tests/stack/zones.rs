//! Each request pays the round trips of its way, and no more; and each is counted.

use std::time::Duration;

use testbed::endpoint::Endpoint as _;

use super::requests::{client, get};
use super::{FAR, NEAR, plan, start};

/// Requests one after another on one connection.
const REQUESTS: u64 = 10;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_pays_the_round_trips_of_its_zone() {
    let stack = start(&plan()).await;
    let entry = stack.entry().unwrap().addr();
    let client = client();
    let mut count = 0;
    for (path, name, way) in [("/first", "api-1", 2 * NEAR), ("/second", "api-2", NEAR + FAR)] {
        let mut times = Vec::new();
        for _ in 0..REQUESTS {
            let answer = get(&client, entry, path).await;
            assert!(answer.is_from(name), "{answer:?}");
            times.push(answer.took);
        }
        // A busy host only ever adds.
        let (first, best) = (times[0], *times.iter().min().unwrap());
        println!("{name}: first {first:?}, best {best:?}, by its way {way:?}");
        assert!(best + Duration::from_millis(2) >= way, "{name} is nearer than its zone: {times:?}");
        assert!(best < way + Duration::from_millis(20), "{name} is farther than its zone: {times:?}");
        // The first one opens the connection to the instance: one more round trip.
        let handshake = way - NEAR;
        assert!(
            first + Duration::from_millis(2) >= way + handshake,
            "{name}'s handshake was free: {times:?}"
        );

        count += REQUESTS;
        let behind = stack.path("proxy", name).unwrap().counts();
        assert_eq!((behind.connections, behind.turn_arounds), (1, REQUESTS), "{name}");
        let before = stack.path("clients", "proxy").unwrap().counts();
        assert_eq!((before.connections, before.turn_arounds), (1, count));
    }
    let log = stack.proxy().unwrap().logs().await.unwrap().stdout;
    for name in ["api-1", "api-2"] {
        let line = format!("200 {}", stack.path("proxy", name).unwrap().addr());
        let seen = log.lines().filter(|logged| *logged == line).count() as u64;
        assert_eq!(seen, REQUESTS, "`{line}` in {log}");
    }
    // An instance is also reached past its paths.
    let answer = get(&client, stack.instance("api-2").unwrap().addr(), "/").await;
    assert!(answer.is_from("api-2"), "{answer:?}");
    stack.stop().await.unwrap();
}
