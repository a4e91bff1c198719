//! Takes messages from a queue and acknowledges them in batches, does nothing else with them, and prints how many a second
//! came: what a consumer that also stores them can be measured beside.
//!
//! `cargo run --release -p testbed --example bare_deliveries -- amqp://user:password@127.0.0.1:5672/%2f QUEUE 200 60000`
//!
//! The two numbers are the prefetch and how many messages to take. The clock starts at the first of them.

use std::error::Error;
use std::time::Instant;

use futures_util::StreamExt as _;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicQosOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [url, queue, prefetch, count] = arguments.as_slice() else {
        return Err("expected URL QUEUE PREFETCH COUNT".into());
    };
    let (prefetch, count): (u16, u64) = (prefetch.parse()?, count.parse()?);
    let connection = Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    channel.basic_qos(prefetch, BasicQosOptions::default()).await?;
    let options = BasicConsumeOptions::default();
    let mut deliveries =
        channel.basic_consume(queue.as_str().into(), "".into(), options, FieldTable::default()).await?;

    let (mut started, mut taken) = (Instant::now(), 0);
    while taken < count {
        let delivery = deliveries.next().await.ok_or("the queue is gone")??;
        if taken == 0 {
            started = Instant::now();
        }
        taken += 1;
        // Half of what may be under way at once: the broker sends the other half meanwhile.
        if taken % u64::from(prefetch / 2) == 0 || taken == count {
            channel.basic_ack(delivery.delivery_tag, BasicAckOptions { multiple: true }).await?;
        }
    }
    println!("{:.1}", taken as f64 / started.elapsed().as_secs_f64());
    connection.close(200, "done".into()).await?;
    Ok(())
}
