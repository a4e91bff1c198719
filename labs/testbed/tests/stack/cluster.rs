//! Three brokers in one cluster: a quorum queue on all, one of them killed, and what is confirmed is there.

use std::time::Duration;

use lapin::message::BasicGetMessage;
use lapin::options::{BasicGetOptions, BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::{AMQPValue, FieldTable};
use lapin::{BasicProperties, Channel, Confirmation, Connection, ConnectionProperties};
use testbed::path::Path;
use testbed::services::{self, Cluster};
use testbed::wait;
use tokio::time::timeout;

use super::loopback;

const QUEUE: &str = "kept";
/// A leader is elected within seconds.
const SOON: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_confirmed_message_survives_any_one_broker() {
    let engine = services::engine().await.unwrap();
    let cluster = Cluster::start(&engine).await.unwrap();
    for number in 0..3 {
        assert_eq!(cluster.running(number).await.unwrap(), [0, 1, 2]);
    }
    loopback::published_on_loopback_alone();

    let channel = channel(&cluster, 0).await;
    declare(&channel).await;
    let leader = led_by(&cluster, 0, 3).await;
    confirmed(&channel, "before").await;

    cluster.kill(leader).await.unwrap();
    let (one, other) = ((leader + 1) % 3, (leader + 2) % 3);
    assert_ne!(led_by(&cluster, one, 2).await, leader, "a dead broker leads");
    let channel = self::channel(&cluster, other).await;
    confirmed(&channel, "without the first").await;

    // With two of three gone nothing is confirmed.
    cluster.kill(one).await.unwrap();
    let lonely = timeout(Duration::from_secs(2), publish(&channel, "alone")).await;
    assert!(!matches!(lonely, Ok(Ok(Confirmation::Ack(None)))), "one of three confirmed: {lonely:?}");
    cluster.start_again(one).await.unwrap();
    cluster.start_again(leader).await.unwrap();
    cluster.is_whole().await.unwrap();
    led_by(&cluster, leader, 3).await;

    let channel = self::channel(&cluster, leader).await;
    let mut found = Vec::new();
    while let Some(message) = next(&channel).await {
        found.push(String::from_utf8(message.delivery.data).unwrap());
    }
    // What was ambiguous may be there or not.
    found.retain(|text| text != "alone");
    assert_eq!(found, ["before", "without the first"]);
    cluster.stop().await.unwrap();
    assert_eq!(loopback::networks(), "");
}

/// Waits until the queue has so many members online: the number of its leader.
async fn led_by(cluster: &Cluster, asked: usize, online: usize) -> usize {
    let mut last = None;
    let led = wait::until(SOON, async || {
        last = cluster.led_by(asked, QUEUE).await.ok().flatten();
        last.as_ref()
            .filter(|(leader, members)| members.len() == online && members.contains(leader))
            .map(|led| led.0)
    });
    let led = led.await;
    led.unwrap_or_else(|| panic!("never {online} members online: {last:?}"))
}

/// A channel that confirms, over a path to one broker.
async fn channel(cluster: &Cluster, number: usize) -> Channel {
    // Kept to the end of the process: the connection must not outlive it.
    let path = Box::leak(Box::new(Path::to(cluster.addr(number), Duration::ZERO).unwrap()));
    let connection =
        Connection::connect(&cluster.url_via(path.addr()), ConnectionProperties::default()).await.unwrap();
    let channel = connection.create_channel().await.unwrap();
    Box::leak(Box::new(connection));
    channel.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    channel
}

async fn declare(channel: &Channel) {
    let mut arguments = FieldTable::default();
    arguments.insert("x-queue-type".into(), AMQPValue::LongString("quorum".into()));
    let options = QueueDeclareOptions { durable: true, ..QueueDeclareOptions::default() };
    channel.queue_declare(QUEUE.into(), options, arguments).await.unwrap();
}

async fn publish(channel: &Channel, text: &str) -> lapin::Result<Confirmation> {
    let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
    let sent =
        channel.basic_publish("".into(), QUEUE.into(), options, text.as_bytes(), BasicProperties::default());
    sent.await?.await
}

async fn confirmed(channel: &Channel, text: &str) {
    let confirmation = timeout(SOON, publish(channel, text)).await.unwrap().unwrap();
    assert!(matches!(confirmation, Confirmation::Ack(None)), "{confirmation:?}");
}

async fn next(channel: &Channel) -> Option<BasicGetMessage> {
    channel.basic_get(QUEUE.into(), BasicGetOptions { no_ack: true }).await.unwrap()
}
