//! Each request pays the round trips of its way, and no more; and each is counted.

use std::time::Duration;

use testbed::endpoint::Endpoint as _;

use super::requests::{Kept, client, get};
use super::{FAR, NEAR, plan, start};

/// Requests one after another on one connection, so many at the least and at the most: a busy host only ever adds, so one of them is
/// as quick as its way.
const REQUESTS: u64 = 10;
const MOST: u64 = 100;
/// What a request may take beyond its way.
const BEYOND: Duration = Duration::from_millis(20);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_request_pays_the_round_trips_of_its_zone() {
    let stack = start(&plan()).await;
    let entry = stack.entry().unwrap().addr();
    let mut kept = Kept::open(entry).await;
    let (mut count, mut lines) = (0, Vec::new());
    for (path, name, way) in [("/first", "api-1", 2 * NEAR), ("/second", "api-2", NEAR + FAR)] {
        let (mut times, mut best) = (Vec::new(), Duration::MAX);
        while (times.len() as u64) < REQUESTS || best >= way + BEYOND && (times.len() as u64) < MOST {
            let answer = kept.get(path).await;
            assert!(answer.is_from(name), "{answer:?}");
            times.push(answer.took);
            best = best.min(answer.took);
        }
        let (first, asked) = (times[0], times.len() as u64);
        println!("{name}: first {first:?}, best {best:?}, by its way {way:?}");
        assert!(best + Duration::from_millis(2) >= way, "{name} is nearer than its zone: {times:?}");
        assert!(best < way + BEYOND, "{name} is farther than its zone: {times:?}");
        // The first one opens the connection to the instance: one more round trip.
        let handshake = way - NEAR;
        assert!(
            first + Duration::from_millis(2) >= way + handshake,
            "{name}'s handshake was free: {times:?}"
        );

        count += asked;
        lines.push((name, asked));
        let behind = stack.path("proxy", name).unwrap().counts();
        assert_eq!((behind.connections, behind.turn_arounds), (1, asked), "{name}");
        let before = stack.path("clients", "proxy").unwrap().counts();
        assert_eq!((before.connections, before.turn_arounds), (1, count));
    }
    let log = stack.proxy().unwrap().logs().await.unwrap().stdout;
    for (name, asked) in lines {
        let line = format!("200 {}", stack.path("proxy", name).unwrap().addr());
        let seen = log.lines().filter(|logged| *logged == line).count() as u64;
        assert_eq!(seen, asked, "`{line}` in {log}");
    }
    // An instance is also reached past its paths.
    let answer = get(&client(), stack.instance("api-2").unwrap().addr(), "/").await;
    assert!(answer.is_from("api-2"), "{answer:?}");
    stack.stop().await.unwrap();
}
