//! `cargo lab tour rabbitmq`: the broker by hand, in its own management page. Each step is ticked off when the broker shows it.

use std::time::Duration;

use testbed::exit::Exit;
use testbed::images::Service;
use testbed::run::Run;
use testbed::services::{Declared, RabbitMq, Services, VirtualHost};
use testbed::setup::SetUp;
use tokio::time::interval;

use super::{asked, ticked};

/// The queue of lab 02.
const QUEUE: &str = "CREATE_POST_QUEUE";
/// What the reader publishes.
const BODY: &str = r#"{"content":"my post"}"#;
/// How often the broker is looked at. It counts its messages once a second.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Starts the broker, and looks on while the reader works in its page.
pub fn run() -> Result<Exit, SetUp> {
    println!("starting RabbitMQ with its management page; this takes some seconds");
    Run::hold(true, |run| {
        run.block_on(async {
            let services = Services::start(&[Service::RabbitMq]).await?;
            match &services.rabbitmq {
                Some(broker) => look_on(broker).await,
                None => Ok(()),
            }
        })
    })?;
    println!(
        "\nThe broker is gone, and the queue with it. Next: the same by a program, in book/src/02-message-queue/accept.md"
    );
    Ok(Exit::Kept)
}

async fn look_on(broker: &RabbitMq) -> Result<(), SetUp> {
    let (user, password) = broker.login();
    println!("\n  page      {}", broker.page());
    println!("  user      {user}");
    println!("  password  {password}\n");
    println!(
        "Work in the page; each step is ticked off here when the broker shows it. Ctrl-C ends the tour.\n"
    );
    let host = broker.first_host();

    ask(1, &format!("Queues and Streams > Add a new queue: type Quorum, name {QUEUE}, then \"Add queue\""));
    let queue = until(&host, |queue| Some(queue.clone())).await?;
    done(1, &format!("the queue {QUEUE} is there: {}, {}", queue.kind, durability(&queue)));
    if queue.kind != "quorum" {
        println!("       (lab 02 wants a quorum queue: it is on the disk before the broker confirms)");
    }

    ask(2, &format!("Click on the queue, then \"Publish message\": payload {BODY}"));
    let queue = until(&host, |queue| (queue.published > 0).then(|| queue.clone())).await?;
    let body = host.peek(QUEUE).await?;
    done(2, &format!("a message is in the queue: {}", shown(body.as_deref())));
    // To look at it was one such question.
    let asked = queue.got + u64::from(body.is_some());

    ask(3, "On the same page, \"Get messages\": Ack Mode \"Automatic ack\", then \"Get Message(s)\"");
    until(&host, |queue| (queue.got > asked).then_some(())).await?;
    let left = host.ready(QUEUE).await?.unwrap_or(0);
    let left = match left {
        0 => "it is acknowledged, and so it is gone".to_owned(),
        left => format!("{left} left in the queue: what is not acknowledged stays"),
    };
    done(3, &format!("you got the message; {left}"));
    Ok(())
}

/// Looks at the queue until it shows what is wanted. There is no deadline: the reader takes the time that it takes.
async fn until<T>(host: &VirtualHost, wanted: impl Fn(&Declared) -> Option<T>) -> Result<T, SetUp> {
    let mut looks = interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        if let Some(found) = host.declared(QUEUE).await?.as_ref().and_then(&wanted) {
            return Ok(found);
        }
    }
}

fn ask(step: usize, what: &str) {
    println!("{}", asked(step, what));
}

fn done(step: usize, what: &str) {
    anstream::println!("{}", ticked(step, what));
}

fn durability(queue: &Declared) -> &'static str {
    if queue.durable { "durable" } else { "transient: it ends with the broker" }
}

/// A body on one line, and whether a consumer would take it for a post.
fn shown(body: Option<&[u8]>) -> String {
    let Some(body) = body else { return "somebody took it already".to_owned() };
    let text = String::from_utf8_lossy(body);
    let post = serde_json::from_str::<serde_json::Value>(&text).is_ok_and(|post| post["content"].is_string());
    match post {
        true => text.into_owned(),
        false => format!("{text} (no post: a consumer would put it with the dead letters; try {BODY})"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_post_is_said_to_be_none() {
        assert_eq!(shown(Some(BODY.as_bytes())), BODY);
        for wrong in ["my post", "{}", r#"{"content":5}"#] {
            assert!(shown(Some(wrong.as_bytes())).contains("dead letters"), "{wrong}");
        }
    }
}
