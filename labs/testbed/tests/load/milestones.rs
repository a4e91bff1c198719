//! What a check does with a running load: wait for a milestone, stop it, drop it.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use testbed::wait;
use tokio::time::sleep;

use super::crooked::Server;
use super::*;

const LONG: Duration = Duration::from_secs(3600);

fn long(server: &Server) -> Running {
    Load::new(server.address, Schedule::constant(200.0, LONG), Numbered).start()
}

#[tokio::test]
async fn a_stopped_load_waits_for_those_in_flight_and_cuts_the_rest() {
    let server = Server::start(|mut visitor| async move {
        loop {
            visitor.request().await?;
            sleep(millis(100)).await;
            visitor.write(OK).await?;
        }
    })
    .await;
    let running = long(&server);
    assert!(running.accepted(20).await);
    let before = running.counts();
    assert!(before.in_flight > 0, "{before:?}");

    let stopped = running.elapsed();
    let outcomes = running.stop().await;
    let counts = outcomes.counts();
    assert_accounted(&outcomes, counts.scheduled as usize);
    assert_eq!(counts.accepted, counts.scheduled);
    assert_eq!(counts.scheduled + counts.cut, 200 * 3600);
    assert!(counts.scheduled >= before.sent());
    let last = outcomes.samples().last().unwrap().intended;
    assert!(last < stopped + millis(500), "stopped after {stopped:?}, and a request of {last:?} was sent");
}

#[tokio::test]
async fn a_milestone_out_of_reach_is_told_at_once() {
    let mut server = Server::answering(OK).await;
    let running = long(&server);
    assert!(running.sent(5).await && running.accepted(5).await);
    assert!(!running.accepted(200 * 3600 + 1).await, "more than are scheduled");
    drop(running);

    server.kill().await;
    let running = Load::new(server.address, hundred_a_second(20), Numbered).start();
    assert!(running.sent(20).await);
    assert!(!running.accepted(1).await, "nobody listens");
    let outcomes = running.finish().await;
    assert_eq!(outcomes.counts().connection_refused, 20);
}

#[tokio::test]
async fn a_milestone_that_was_reached_stays_reached() {
    let server = Server::answering(OK).await;
    let running = Load::new(server.address, hundred_a_second(5), Numbered).start();
    assert!(running.accepted(5).await);
    assert!(running.accepted(5).await && !running.accepted(6).await);
    assert_eq!(running.counts().accepted, 5);
}

#[tokio::test]
async fn a_dropped_load_is_gone() {
    let left = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let leaves = left.clone();
    let server = Server::start(move |mut visitor| {
        let leaves = leaves.clone();
        async move {
            while visitor.request().await.is_some() {}
            leaves.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            None
        }
    })
    .await;
    let running = long(&server);
    assert!(running.sent(10).await);
    // Nothing answers, so whoever waited for an answer would wait for the whole patience of 10 s.
    let dropped = Instant::now();
    drop(running);
    assert!(dropped.elapsed() < Duration::from_secs(5), "it waited {:?}", dropped.elapsed());
    let seen = server.seen().len();
    let all_left = wait::until(Duration::from_secs(10), async || {
        (left.load(std::sync::atomic::Ordering::SeqCst) >= server.seen().len()).then_some(())
    });
    assert!(all_left.await.is_some(), "connections stayed open");
    assert!(server.seen().len() <= seen + 10, "it went on sending");
}

#[tokio::test]
async fn a_panic_in_the_traffic_reaches_the_check() {
    struct Faulty;
    impl Traffic for Faulty {
        fn request(&self, n: usize) -> Request<Full<Bytes>> {
            assert!(n < 3, "no request {n}");
            Numbered.request(n)
        }
    }
    let server = Server::answering(OK).await;
    let running = Load::new(server.address, hundred_a_second(10), Faulty).start();
    assert!(!running.accepted(10).await);
    let end = timeout(Duration::from_secs(10), AssertUnwindSafe(running.finish()).catch_unwind()).await;
    let panic = end.expect("the load hung").expect_err("the panic was swallowed");
    assert_eq!(panic.downcast_ref::<String>().unwrap(), "no request 3");
}
