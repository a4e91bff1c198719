//! The tour of RabbitMQ (book/src/02-message-queue/README.md, "By hand first"), walked in the broker's own management page: every label that the text names is
//! pressed, and the broker is asked whether it did what the text says.
//!
//! `INSTA_UPDATE=always cargo test -p book-browser --test tour` takes the pictures of the chapter anew, into book/src/images.
//! Without it, that they are there is checked.

#[path = "../pages/browser.rs"]
mod browser;
#[path = "../pages/devtools.rs"]
mod devtools;
mod management;
mod pictures;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::Duration;

use management::Management;
use testbed::images::Service;
use testbed::services::{RabbitMq, Services, VirtualHost};
use testbed::wait;
use tokio::runtime::Runtime;

const QUEUE: &str = "CREATE_POST_QUEUE";
const BODY: &str = r#"{"content":"my post"}"#;
const NEW: &str = "Add a new queue";
const PUBLISH: &str = "Publish message";
const GET: &str = "Get messages";
/// How often a quorum queue takes a message back, unless it is told otherwise.
const RETURNS: u32 = 20;

#[test]
fn the_page_does_what_the_tour_says() {
    let runtime = Runtime::new().unwrap();
    let services =
        runtime.block_on(Services::start(&[Service::RabbitMq])).unwrap_or_else(|fault| panic!("{fault}"));
    let broker = services.rabbitmq.as_ref().unwrap();
    // Whatever the tour finds, the container goes.
    let toured = catch_unwind(AssertUnwindSafe(|| tour(&runtime, broker)));
    runtime.block_on(services.stop()).unwrap_or_else(|fault| panic!("{fault}"));
    toured.unwrap_or_else(|found| resume_unwind(found));
}

fn tour(runtime: &Runtime, broker: &RabbitMq) {
    let host = broker.first_host();
    let ready = |wanted: Option<u32>| runtime.block_on(becomes_ready(&host, wanted));
    let mut page = Management::open(&broker.page(), broker.login());

    page.follow("Queues and Streams", NEW);
    ready(None);
    page.unfold(NEW);
    page.choose(NEW, "Type", "Quorum");
    // The form is drawn anew for a type; only a classic queue has a choice of durability.
    page.until("hand.has('th', 'Name') && !hand.has('th', 'Durability')");
    page.unfold(NEW);
    page.fill(NEW, "Name", QUEUE);
    pictures::keep("tour-queue", &page.picture(NEW));
    page.press(NEW, "Add queue");
    ready(Some(0));
    let declared = runtime.block_on(host.declared(QUEUE)).unwrap_or_else(|fault| panic!("{fault}"));
    let declared = declared.expect("a queue that can be counted is there");
    assert_eq!((declared.kind.as_str(), declared.durable), ("quorum", true));

    page.follow(QUEUE, PUBLISH);
    page.until("hand.depth() === '0'");
    page.unfold(PUBLISH);
    page.fill(PUBLISH, "Payload", BODY);
    pictures::keep("tour-publish", &page.picture(PUBLISH));
    publish(&mut page);
    ready(Some(1));
    page.until("hand.depth() === '1'");

    page.unfold(GET);
    for (mode, left) in [("Nack message requeue true", 1), ("Reject requeue true", 1), ("Automatic ack", 0)] {
        page.choose(GET, "Ack Mode", mode);
        assert_eq!(page.get()["Payload"], BODY, "{mode}");
        ready(Some(left));
    }
    pictures::keep("tour-get", &page.picture(GET));
    page.press_and_read(GET, "Get Message(s)", "Queue is empty");

    publish(&mut page);
    ready(Some(1));
    page.choose(GET, "Ack Mode", "Reject requeue false");
    assert_eq!(page.get()["Payload"], BODY);
    ready(Some(0));

    publish(&mut page);
    ready(Some(1));
    page.choose(GET, "Ack Mode", "Nack message requeue true");
    for returned in 0..=RETURNS {
        ready(Some(1));
        assert_eq!(page.get()["Redelivered"], if returned == 0 { "○" } else { "●" }, "{returned}");
    }
    ready(Some(0));
}

/// Publishes what the form holds.
fn publish(page: &mut Management) {
    page.press_and_read(PUBLISH, "Publish message", "Message published.");
}

/// Waits until the queue has this many ready messages; `None` is no queue.
async fn becomes_ready(host: &VirtualHost, wanted: Option<u32>) {
    let mut last = None;
    let came = wait::until(Duration::from_secs(20), async || {
        last = host.ready(QUEUE).await.unwrap_or_else(|fault| panic!("{fault}"));
        (last == wanted).then_some(())
    });
    came.await.unwrap_or_else(|| panic!("the queue should have {wanted:?} ready messages, and has {last:?}"));
}
