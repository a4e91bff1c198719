//! A queue as its service declared it, and what was done with it.

use serde_json::Value;

/// What the broker says of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Declared {
    /// Whether the queue outlives a restart of the broker.
    pub durable: bool,
    /// `quorum`, `classic`, `stream`.
    pub kind: String,
    /// Whether it hands on what is rejected or thrown away: it has a dead-letter exchange.
    pub hands_on: bool,
    /// Whether what it hands on comes back into it: by the default exchange, under the name of the queue itself.
    pub hands_back: bool,
    /// Whether it keeps what it hands on until its copy is confirmed, as far as its arguments say.
    pub at_least_once: bool,
    /// How often a message may come back before the broker sets it aside or throws it away; `None` where it may for ever.
    pub delivery_limit: Option<u64>,
    /// How many deliveries were not the first of their message.
    pub redelivered: u64,
    /// How many messages were published to it.
    pub published: u64,
    /// How often somebody asked for a single message, in the management page, say, and got one.
    pub got: u64,
}

impl Declared {
    /// What the management API tells of a queue.
    pub(super) fn of(seen: &Value) -> Declared {
        Declared {
            durable: seen["durable"] == true,
            kind: seen["type"].as_str().unwrap_or_default().to_owned(),
            hands_on: seen["arguments"]["x-dead-letter-exchange"].is_string()
                || seen["effective_policy_definition"]["dead-letter-exchange"].is_string(),
            hands_back: seen["arguments"]["x-dead-letter-exchange"] == ""
                && seen["arguments"]["x-dead-letter-routing-key"]
                    .as_str()
                    .is_none_or(|key| seen["name"] == key),
            at_least_once: seen["arguments"]["x-dead-letter-strategy"] == "at-least-once"
                && seen["arguments"]["x-overflow"] == "reject-publish",
            delivery_limit: delivery_limit(seen),
            redelivered: seen["message_stats"]["redeliver"].as_u64().unwrap_or(0),
            published: seen["message_stats"]["publish"].as_u64().unwrap_or(0),
            got: ["get", "get_no_ack"].iter().filter_map(|how| seen["message_stats"][how].as_u64()).sum(),
        }
    }
}

/// The limit of deliveries that holds for a queue: the lower one of its argument's and a policy's, or the broker's default.
fn delivery_limit(seen: &Value) -> Option<u64> {
    /// Of RabbitMQ 4, for a quorum queue.
    const DEFAULT: u64 = 20;
    if seen["type"] != "quorum" {
        return None;
    }
    let said =
        [&seen["arguments"]["x-delivery-limit"], &seen["effective_policy_definition"]["delivery-limit"]];
    let said = said.into_iter().filter_map(Value::as_i64).min();
    said.map_or(Some(DEFAULT), |said| u64::try_from(said).ok())
}
