//! A run that this host could not drive says so, and counts what it did to the latency.

use super::crooked::Server;
use super::*;

/// Takes longer to make a request than the schedule leaves for it.
struct Laboured {
    from: usize,
    for_: Duration,
}

impl Traffic for Laboured {
    fn request(&self, n: usize) -> Request<Full<Bytes>> {
        let began = Instant::now();
        while n == self.from && began.elapsed() < self.for_ {
            std::hint::spin_loop();
        }
        Numbered.request(n)
    }
}

#[tokio::test]
async fn a_schedule_that_the_host_could_not_keep_is_void() {
    let server = Server::answering(OK).await;
    let slow = Laboured { from: 5, for_: millis(600) };
    let outcomes = finish(Load::new(server.address, hundred_a_second(80), slow)).await;
    assert_accounted(&outcomes, 80);
    let void = outcomes.void().expect("55 requests left more than 50 ms late");
    assert!(void.starts_with("this host could not keep the schedule: "), "{void}");
}

#[tokio::test]
async fn latency_counts_from_the_intended_start() {
    let server = Server::answering(OK).await;
    let slow = Laboured { from: 5, for_: millis(600) };
    let outcomes = finish(Load::new(server.address, hundred_a_second(60), slow)).await;
    // Those due while the generator stood still waited for it on average half as long; the server was quick.
    let intended = outcomes.latency_from_intended(|_| true).percentile(50.0).unwrap();
    let sent = outcomes.latency_from_send(|_| true).percentile(50.0).unwrap();
    assert!(intended > millis(200), "{intended:?} from the intended start");
    assert!(sent < intended / 2, "{sent:?} from the send, {intended:?} from the intended start");
    assert!(outcomes.send_lag().max().unwrap() > millis(500));
}

#[tokio::test]
async fn a_kept_schedule_is_not_void() {
    let server = Server::answering(OK).await;
    let outcomes = finish(Load::new(server.address, hundred_a_second(50), Numbered)).await;
    assert_eq!(outcomes.void(), None);
    assert_eq!(outcomes.loss(), Some(0.0));
}

#[tokio::test]
async fn a_run_without_a_request_is_void() {
    let server = Server::answering(OK).await;
    let outcomes = finish(Load::new(server.address, hundred_a_second(0), Numbered)).await;
    assert_eq!(
        outcomes.void().unwrap(),
        "no request was sent (constant 100/s for 0 s (0 requests)): nothing was due"
    );
    assert_eq!(outcomes.loss(), None);
    assert_eq!(outcomes.per_second(), []);
}

#[tokio::test]
async fn few_samples_give_no_percentile() {
    let server = Server::answering(OK).await;
    let outcomes = finish(Load::new(server.address, hundred_a_second(30), Numbered)).await;
    let latency = outcomes.latency_from_intended(|sample| sample.outcome == Outcome::Accepted);
    assert!(latency.percentile(50.0).is_some());
    assert_eq!((latency.percentile(90.0), latency.percentile(99.0)), (None, None));
    assert!(latency.to_string().contains("p90 - (100 samples needed, 30 there)"), "{latency}");
}

#[tokio::test]
async fn goodput_counts_what_was_accepted_in_the_window() {
    let server = Server::answering(OK).await;
    let outcomes = finish(Load::new(server.address, hundred_a_second(100), Numbered)).await;
    let counted =
        outcomes.accepted().filter(|sample| sample.ended >= millis(250) && sample.ended < millis(750));
    let expected = counted.count() as f64 / 0.5;
    assert!(expected > 0.0);
    assert_eq!(outcomes.goodput(millis(250)..millis(750)), expected);
}
