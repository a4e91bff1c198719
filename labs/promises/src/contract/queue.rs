//! The queues by their names, and a message as the contract has it.

use serde_json::json;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use uuid::Uuid;

/// The queue of accepted posts.
pub const QUEUE: &str = "CREATE_POST_QUEUE";
/// The queue of messages that can never be stored.
pub const DEAD: &str = "CREATE_POST_QUEUE.dead";

/// When the messages of the checks were written, as they say it.
const WRITTEN: &str = "2026-11-23T09:30:00.123456Z";

/// The body of a message that a check publishes itself.
pub fn message(id: Uuid, content: &str) -> Vec<u8> {
    json!({"id": id, "content": content, "created_at": WRITTEN}).to_string().into_bytes()
}

/// The instant in every such message.
pub fn instant() -> OffsetDateTime {
    OffsetDateTime::parse(WRITTEN, &Rfc3339).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}
