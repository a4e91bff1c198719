//! One check's virtual host: a subject's way in, and the test-bed's own.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lapin::message::Delivery;
use lapin::options::{
    BasicGetOptions, BasicPublishOptions, BasicRejectOptions, ConfirmSelectOptions, QueueDeclareOptions,
};
use lapin::types::{FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Connection, ConnectionProperties};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::declared::Declared;
use super::management::Management;
use super::rabbitmq::{COUNTED_WITHIN, PASSWORD, USER};
use crate::fact::Fact;
use crate::setup::SetUp;
use crate::verdict::{Stop, promise};
use crate::wait;

/// How long the broker may take over one question of the test-bed.
const PATIENCE: Duration = Duration::from_secs(10);

/// A virtual host of its own for one check.
pub struct VirtualHost {
    name: String,
    server: SocketAddr,
    management: Management,
    /// Kept between two questions; opened again when the broker was away.
    connection: Mutex<Option<Connection>>,
}

/// A message that the test-bed took out of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// Its body.
    pub body: Vec<u8>,
    /// The names of its headers.
    pub headers: Vec<String>,
    /// Why the broker first made it a dead letter, if it did: `rejected`, `delivery_limit`.
    pub first_death: Option<String>,
    /// `message_id`.
    pub message_id: Option<String>,
    /// `delivery_mode` 2: a durable queue keeps it across a restart of the broker.
    pub persistent: bool,
    /// How often it came back, as a quorum queue counts it.
    pub returned: u64,
}

impl From<Delivery> for Taken {
    fn from(Delivery { properties, data, .. }: Delivery) -> Taken {
        let headers = properties.headers().iter().flat_map(|table| table.inner());
        let first_death = headers.clone().find(|(name, _)| name.as_str() == "x-first-death-reason");
        let returned = headers.clone().find(|(name, _)| name.as_str() == "x-delivery-count");
        Taken {
            first_death: first_death.and_then(|(_, reason)| Some(reason.as_long_string()?.to_string())),
            headers: headers.map(|(name, _)| name.to_string()).collect(),
            message_id: properties.message_id().as_ref().map(ToString::to_string),
            persistent: *properties.delivery_mode() == Some(2),
            returned: returned
                .and_then(|(_, count)| count.as_long_long_int())
                .and_then(|count| u64::try_from(count).ok())
                .unwrap_or(0),
            body: data,
        }
    }
}

impl VirtualHost {
    pub(super) fn new(name: String, server: SocketAddr, management: Management) -> VirtualHost {
        VirtualHost { name, server, management, connection: Mutex::new(None) }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The broker's address.
    pub fn server(&self) -> SocketAddr {
        self.server
    }

    /// The `AMQP_URL` for a subject, reaching the broker directly or over a link at `via`.
    pub fn url(&self, via: Option<SocketAddr>) -> String {
        self.url_at(&via.unwrap_or(self.server).to_string())
    }

    /// The same with any text in the place of the address.
    pub fn url_at(&self, address: &str) -> String {
        format!("amqp://{USER}:{PASSWORD}@{address}/{}", self.name)
    }

    /// How many messages in `queue` are ready, that is neither delivered nor acknowledged; `None` when there is no such queue.
    ///
    /// Asked over AMQP, which is exact at once: the management API looks a few times a second.
    pub async fn ready(&self, queue: &str) -> Result<Option<u32>, SetUp> {
        let channel = self.channel().await?;
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        match self.within(channel.queue_declare(queue.into(), passive, FieldTable::default())).await? {
            Ok(queue) => Ok(Some(queue.message_count())),
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(fault("count the messages of a queue", error)),
        }
    }

    /// Publishes bodies by hand, each confirmed by the broker when this returns.
    ///
    /// # Errors
    /// That nobody has declared the queue is the subject's fault.
    pub async fn publish(&self, queue: &str, bodies: impl IntoIterator<Item = Vec<u8>>) -> Result<(), Stop> {
        let what = "publish a message by hand";
        let channel = self.confirming(what).await?;
        let mut confirms = Vec::new();
        for body in bodies {
            let properties = BasicProperties::default().with_delivery_mode(2);
            let sent = channel.basic_publish(
                ShortString::default(),
                queue.into(),
                BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() },
                &body,
                properties,
            );
            confirms.push(self.within(sent).await?.map_err(|error| fault(what, error))?);
        }
        for confirm in confirms {
            let confirmed = self.within(confirm).await?.map_err(|error| fault(what, error))?;
            if !confirmed.is_ack() || confirmed.take_message().is_some() {
                return Err(promise(format!("the service declares the queue `{queue}`"))
                    .observed(Fact::named("a message published to it", "came back: there is no such queue"))
                    .likely(
                        true,
                        "the queue was never declared, or is gone",
                        "declare it at the start (labs/amqp.md)",
                    )
                    .is_broken());
            }
        }
        Ok(())
    }

    /// Takes every ready message out of a queue; none when there is no such queue.
    pub async fn take_all(&self, queue: &str) -> Result<Vec<Taken>, SetUp> {
        self.get_all(&self.channel().await?, queue, BasicGetOptions { no_ack: true }).await
    }

    /// Every ready message of a queue; all of them stay. Each has been delivered once more afterwards.
    pub async fn look_through(&self, queue: &str) -> Result<Vec<Taken>, SetUp> {
        let channel = self.channel().await?;
        let seen = self.get_all(&channel, queue, BasicGetOptions { no_ack: false }).await?;
        // Whatever a channel has not settled goes back when it ends.
        let closed = self.within(channel.close(200, "seen".into())).await?;
        closed.map_err(|error| fault("give back the messages of a queue", error))?;
        wait::try_until(PATIENCE, async || {
            let ready = self.ready(queue).await?.unwrap_or(0) as usize;
            Ok::<_, SetUp>((ready >= seen.len()).then_some(()))
        })
        .await?;
        Ok(seen)
    }

    async fn get_all(
        &self,
        channel: &Channel,
        queue: &str,
        options: BasicGetOptions,
    ) -> Result<Vec<Taken>, SetUp> {
        let mut taken = Vec::new();
        loop {
            match self.within(channel.basic_get(queue.into(), options)).await? {
                Ok(Some(message)) => taken.push(Taken::from(message.delivery)),
                Ok(None) => return Ok(taken),
                Err(error) if is_not_found(&error) => return Ok(taken),
                Err(error) => return Err(fault("take a message out of a queue", error)),
            }
        }
    }

    /// The body of the first ready message, which stays where it is.
    pub async fn peek(&self, queue: &str) -> Result<Option<Vec<u8>>, SetUp> {
        let what = "look at a message";
        let channel = self.channel().await?;
        let got = channel.basic_get(queue.into(), BasicGetOptions::default());
        let Some(message) = self.within(got).await?.map_err(|error| fault(what, error))? else {
            return Ok(None);
        };
        let back = message.reject(BasicRejectOptions { requeue: true });
        self.within(back).await?.map_err(|error| fault(what, error))?;
        Ok(Some(message.delivery.data))
    }

    /// How a queue was declared, and what was done with it; `None` when there is none of that name.
    pub async fn declared(&self, queue: &str) -> Result<Option<Declared>, SetUp> {
        let seen = self.management.queue(&self.name, queue).await?;
        Ok(seen.as_ref().map(Declared::of))
    }

    /// How many messages in `queue` are ready or delivered and not acknowledged. The broker counts these a few times a second: wait for a
    /// value, do not trust a single look, nor a value that may be older than what is looked for ([`COUNTED_WITHIN`]).
    pub async fn all_messages(&self, queue: &str) -> Result<Option<u64>, SetUp> {
        self.management.messages(&self.name, queue).await
    }

    /// Waits until `queue` holds nothing, neither ready nor delivered, by a count that was made after this call: how many messages it
    /// holds then, or after `longest`; `None` when there is no such queue.
    pub async fn emptied(&self, queue: &str, longest: Duration) -> Result<Option<u64>, SetUp> {
        self.emptied_but(0, queue, longest).await
    }

    /// As [`emptied`](Self::emptied), but `few` messages may be left.
    pub async fn emptied_but(&self, few: u64, queue: &str, longest: Duration) -> Result<Option<u64>, SetUp> {
        let asked = Instant::now();
        let mut left = None;
        let empty = wait::try_until(longest, async || {
            left = self.all_messages(queue).await?;
            let is_empty = left.is_some_and(|left| left <= few) && asked.elapsed() >= COUNTED_WITHIN;
            Ok::<_, SetUp>(is_empty.then_some(()))
        });
        empty.await?;
        Ok(left)
    }

    /// How many messages all queues but this one hold, counted as by [`all_messages`](Self::all_messages).
    pub async fn messages_outside(&self, queue: &str) -> Result<u64, SetUp> {
        let queues = self.management.all_messages(&self.name).await?;
        Ok(queues.iter().filter(|(name, _)| name != queue).map(|(_, messages)| messages).sum())
    }

    /// Deletes a queue with all that is in it, as somebody might in the management page.
    pub async fn delete(&self, queue: &str) -> Result<(), SetUp> {
        self.management.delete_queue(&self.name, queue).await
    }

    /// Throws away every ready message of a queue, as somebody might in the management page.
    pub async fn purge(&self, queue: &str) -> Result<(), SetUp> {
        self.management.purge_queue(&self.name, queue).await
    }

    /// Lets a queue hold no more than `most` messages; a publish beyond that is answered with a nack.
    pub async fn bound(&self, queue: &str, most: u32) -> Result<(), SetUp> {
        self.management.bound_queue(&self.name, queue, most).await
    }

    /// Publishes until the broker answers with a nack: the queue is full. A quorum queue that is bounded takes some more than its
    /// bound before it refuses. Whether it refused one of so many `tries`.
    pub async fn fill(&self, queue: &str, tries: u32) -> Result<bool, SetUp> {
        let what = "fill a queue";
        let channel = self.confirming(what).await?;
        for _ in 0..tries {
            let (exchange, options) = (ShortString::default(), BasicPublishOptions::default());
            let sent =
                channel.basic_publish(exchange, queue.into(), options, b"full", BasicProperties::default());
            let confirm = self.within(sent).await?.map_err(|error| fault(what, error))?;
            if self.within(confirm).await?.map_err(|error| fault(what, error))?.is_nack() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Ends [`VirtualHost::bound`].
    pub async fn unbound(&self) -> Result<(), SetUp> {
        self.management.unbound_queue(&self.name).await
    }

    /// A channel on which each publish is confirmed.
    async fn confirming(&self, what: &str) -> Result<Channel, SetUp> {
        let channel = self.channel().await?;
        let confirms = channel.confirm_select(ConfirmSelectOptions::default());
        self.within(confirms).await?.map_err(|error| fault(what, error))?;
        Ok(channel)
    }

    async fn channel(&self) -> Result<Channel, SetUp> {
        let what = "open a channel to RabbitMQ";
        let mut kept = self.connection.lock().await;
        if let Some(connection) = kept.as_ref().filter(|connection| connection.status().connected()) {
            // A connection may be dead without knowing; then a new one is opened below.
            if let Ok(Ok(channel)) = timeout(PATIENCE, connection.create_channel()).await {
                return Ok(channel);
            }
        }
        let url = self.url(None);
        let connecting = Connection::connect(&url, ConnectionProperties::default());
        let connection = self.within(connecting).await?.map_err(|error| fault(what, error))?;
        let channel = self.within(connection.create_channel()).await?.map_err(|error| fault(what, error))?;
        *kept = Some(connection);
        Ok(channel)
    }

    async fn within<T>(&self, asked: impl Future<Output = T>) -> Result<T, SetUp> {
        let late = |_| fault("ask RabbitMQ", format!("no answer within {} s", PATIENCE.as_secs()));
        timeout(PATIENCE, asked).await.map_err(late)
    }
}

fn fault(what: &str, cause: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> SetUp {
    SetUp::from_cause(what, cause)
}

fn is_not_found(error: &lapin::Error) -> bool {
    use lapin::ErrorKind;
    use lapin::protocol::{AMQPErrorKind, AMQPSoftError};
    match error.kind() {
        ErrorKind::ProtocolError(error) => *error.kind() == AMQPErrorKind::Soft(AMQPSoftError::NOTFOUND),
        _ => false,
    }
}
