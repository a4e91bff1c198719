//! Publishes small persistent messages to a queue, and prints how many a second the broker confirmed: what a service that
//! publishes can be measured beside.
//!
//! `cargo run --release -p testbed --example bare_confirms -- amqp://user:password@127.0.0.1:5672/%2f QUEUE 200 3`
//!
//! The two numbers are the window (publishes under way at once) and the seconds. Each confirm is awaited by itself.

use std::error::Error;
use std::time::{Duration, Instant};

use futures_util::stream::{FuturesUnordered, StreamExt as _};
use lapin::options::{BasicPublishOptions, ConfirmSelectOptions};
use lapin::{BasicProperties, Connection, ConnectionProperties};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, queue, window, seconds] = arguments.as_slice() else {
        return Err("expected URL QUEUE WINDOW SECONDS".into());
    };
    let (window, length): (usize, _) = (window.parse()?, Duration::from_secs(seconds.parse()?));
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.confirm_select(ConfirmSelectOptions::default()).await?;

    let body = format!(r#"{{"content":"{}"}}"#, "x".repeat(64));
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let mut under_way = FuturesUnordered::new();
    let (started, mut confirmed) = (Instant::now(), 0_u64);
    while started.elapsed() < length {
        while under_way.len() < window {
            let properties = BasicProperties::default().with_delivery_mode(2);
            let published =
                channel.basic_publish("".into(), queue.as_str().into(), options, body.as_bytes(), properties);
            under_way.push(published.await?);
        }
        let confirm = under_way.next().await.ok_or("nothing is under way")??;
        if !confirm.is_ack() || confirm.take_message().is_some() {
            return Err("the broker did not take a message".into());
        }
        confirmed += 1;
    }
    println!("{:.1}", confirmed as f64 / started.elapsed().as_secs_f64());
    Ok(())
}
