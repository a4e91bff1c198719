//! Every scheduled request ends in exactly one outcome, whatever the server does.

use bytes::Bytes;
use http::{Request, response};
use http_body_util::Full;
use testbed::load::Traffic;
use tokio::io::AsyncWriteExt;
use tokio::time::sleep;

use super::crooked::{Server, Visitor};
use super::*;

const COUNT: usize = 30;

async fn run(server: &Server) -> Outcomes {
    finish(load(server).timeout(millis(300))).await
}

fn load(server: &Server) -> Load {
    Load::new(server.address, hundred_a_second(COUNT as u64), Numbered)
}

/// All ended so, and the server saw each request at most once: a generator never sends again.
#[track_caller]
fn assert_all(outcomes: &Outcomes, server: &Server, outcome: Outcome) {
    assert_accounted(outcomes, COUNT);
    assert_eq!(outcomes.counts().of(outcome), COUNT as u64, "{:?}", outcomes.counts());
    let mut seen = server.seen();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), server.seen().len(), "a request came twice: {:?}", server.seen());
}

#[tokio::test]
async fn each_status_has_its_outcome() {
    let server = Server::start(|mut visitor| async move {
        loop {
            let n = visitor.request().await?;
            visitor.write(STATUSES[n % STATUSES.len()].0).await?;
        }
    })
    .await;
    let outcomes = run(&server).await;
    assert_accounted(&outcomes, COUNT);
    for sample in outcomes.samples() {
        let (answer, outcome, retry_after, problem) = STATUSES[sample.n % STATUSES.len()];
        assert_eq!(
            (sample.outcome, sample.retry_after, sample.problem),
            (outcome, retry_after, problem),
            "{answer}"
        );
        assert_eq!(sample.status.unwrap().to_string(), answer[9..12], "{answer}");
    }
}

#[rustfmt::skip]
const STATUSES: [(&str, Outcome, bool, bool); 6] = [
    ("HTTP/1.1 201 Created\r\ncontent-length: 0\r\n\r\n", Outcome::Accepted, false, false),
    ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", Outcome::Accepted, false, false),
    ("HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\ncontent-type: application/problem+json\r\ncontent-length: 2\r\n\r\n{}", Outcome::Refused, true, true),
    ("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n", Outcome::Refused, false, false),
    ("HTTP/1.1 500 Internal Server Error\r\ncontent-type: Application/Problem+JSON; charset=utf-8\r\ncontent-length: 2\r\n\r\n{}", Outcome::OtherStatus, false, true),
    ("HTTP/1.1 302 Found\r\ncontent-length: 0\r\n\r\n", Outcome::OtherStatus, false, false),
];

/// Requests whose answers acknowledge something by its id.
struct Receipted;

impl Traffic for Receipted {
    fn request(&self, n: usize) -> Request<Full<Bytes>> {
        Numbered.request(n)
    }

    fn receipt(&self, _: usize, _: &response::Parts, body: &Bytes) -> Option<uuid::Uuid> {
        let told: serde_json::Value = serde_json::from_slice(body).ok()?;
        told["id"].as_str()?.parse().ok()
    }
}

#[tokio::test]
async fn an_accepted_request_gives_its_receipt() {
    let server = Server::answering(
        "HTTP/1.1 201 Created\r\ncontent-length: 45\r\n\r\n{\"id\":\"0193d5c4-0000-7000-8000-00000000002a\"}",
    )
    .await;
    let outcomes = finish(Load::new(server.address, hundred_a_second(3), Receipted)).await;
    assert_accounted(&outcomes, 3);
    let receipts: Vec<_> = outcomes.accepted().filter_map(|sample| sample.receipt).collect();
    assert_eq!(receipts, [uuid::uuid!("0193d5c4-0000-7000-8000-00000000002a"); 3]);
}

#[tokio::test]
async fn no_answer_is_timed_out() {
    let server = Server::start(|mut visitor| async move {
        loop {
            visitor.request().await?;
        }
    })
    .await;
    let outcomes = run(&server).await;
    assert_all(&outcomes, &server, Outcome::TimedOut);
    let shortest = outcomes.latency_from_send(|_| true).min().unwrap();
    assert!(shortest >= millis(300), "patience ended after {shortest:?}");
}

#[tokio::test]
async fn half_an_answer_is_reset() {
    for half in [
        "",
        "HTTP/1.1 200 OK\r\ncontent-",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nhalf\r\n",
        "this is no HTTP\r\n\r\n",
    ] {
        let server = Server::start(move |mut visitor| async move {
            visitor.request().await?;
            visitor.write(half).await
        })
        .await;
        assert_all(&run(&server).await, &server, Outcome::Reset);
    }
}

#[tokio::test]
async fn a_drip_of_bytes_is_timed_out() {
    let server = Server::start(|mut visitor| async move {
        visitor.request().await?;
        visitor.write("HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n").await?;
        loop {
            visitor.write(".").await?;
            sleep(millis(20)).await;
        }
    })
    .await;
    assert_all(&run(&server).await, &server, Outcome::TimedOut);
}

#[tokio::test]
async fn a_reset_connection_is_reset() {
    let server = Server::start(|mut visitor| async move {
        visitor.request().await?;
        visitor.stream.set_zero_linger().unwrap();
        None
    })
    .await;
    assert_all(&run(&server).await, &server, Outcome::Reset);
}

#[tokio::test]
async fn a_server_that_hangs_up_at_once_is_reset() {
    let server = Server::start(|visitor: Visitor| async move {
        visitor.stream.set_zero_linger().unwrap();
        None
    })
    .await;
    assert_all(&run(&server).await, &server, Outcome::Reset);
}

#[tokio::test]
async fn nobody_listening_is_connection_refused() {
    let mut server = Server::answering(OK).await;
    server.kill().await;
    assert_all(&run(&server).await, &server, Outcome::ConnectionRefused);
}

#[tokio::test]
async fn a_server_that_dies_in_the_middle_loses_no_count() {
    let mut server = Server::start(|mut visitor| async move {
        loop {
            visitor.request().await?;
            sleep(millis(25)).await;
            visitor.write(OK).await?;
        }
    })
    .await;
    let running = load(&server).start();
    assert!(running.accepted(10).await);
    server.kill().await;
    let outcomes = running.finish().await;

    assert_accounted(&outcomes, COUNT);
    let counts = outcomes.counts();
    assert!(counts.accepted >= 10 && counts.reset > 0 && counts.connection_refused > 0, "{counts:?}");
    assert_eq!(counts.accepted + counts.reset + counts.connection_refused, COUNT as u64, "{counts:?}");
}

#[tokio::test]
async fn a_connection_closed_while_idle_costs_no_request() {
    let server = Server::start(|mut visitor| async move {
        visitor.request().await?;
        visitor.write(OK).await?;
        visitor.stream.shutdown().await.ok()
    })
    .await;
    // The server has a tenth of a second to close before the next request is due.
    let outcomes = finish(Load::new(server.address, Schedule::constant(10.0, millis(1500)), Numbered)).await;
    assert_accounted(&outcomes, 15);
    assert_eq!(outcomes.counts().accepted, 15, "{:?}", outcomes.counts());
    assert_eq!(outcomes.connections(), 15);
}

#[tokio::test]
async fn an_answer_that_closes_is_an_answer() {
    for answer in [
        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok",
        "HTTP/1.1 200 OK\r\n\r\nuntil the end",
        "HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok",
    ] {
        let server = Server::start(move |mut visitor| async move {
            visitor.request().await?;
            visitor.write(answer).await
        })
        .await;
        assert_all(&run(&server).await, &server, Outcome::Accepted);
    }
}

#[tokio::test]
async fn open_connections_are_used_again() {
    let server = Server::answering(OK).await;
    let outcomes = run(&server).await;
    assert_all(&outcomes, &server, Outcome::Accepted);
    assert!(outcomes.connections() < COUNT as u64 / 2, "{} connections", outcomes.connections());
}

#[tokio::test]
async fn without_a_free_connection_a_request_is_unsent() {
    let server = Server::start(|mut visitor| async move {
        loop {
            visitor.request().await?;
        }
    })
    .await;
    let outcomes = finish(load(&server).max_connections(4).timeout(millis(2000))).await;
    assert_accounted(&outcomes, COUNT);
    let counts = outcomes.counts();
    assert_eq!((counts.timed_out, counts.unsent), (4, COUNT as u64 - 4));
    assert_eq!(server.seen(), [0, 1, 2, 3]);
    assert_eq!(outcomes.void().unwrap(), "26 of 30 requests were never sent: all 4 connections were taken");
}

#[tokio::test]
async fn a_short_wait_for_a_connection_is_a_late_send() {
    let server = Server::start(|mut visitor| async move {
        loop {
            visitor.request().await?;
            sleep(millis(5)).await;
            visitor.write(OK).await?;
        }
    })
    .await;
    // Two at once, and one connection: the second waits for it.
    let two = Schedule::constant(100_000.0, Duration::from_micros(20));
    let outcomes = finish(Load::new(server.address, two, Numbered).max_connections(1)).await;
    assert_accounted(&outcomes, 2);
    assert_eq!(outcomes.counts().accepted, 2);
    let lag = outcomes.samples()[1].send_lag().unwrap();
    assert!(lag >= millis(5), "{lag:?}");
}
