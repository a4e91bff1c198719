//! The contract of `labs/openapi.yaml`, `labs/amqp.md` and the pages beside them in words that a check can use: what is sent, how it is answered, what
//! is stored. No promise is judged here.

mod access_log;
mod agreement;
mod answers;
mod drain;
mod ledger;
mod load;
mod posting;
mod queue;
mod reads;
mod server_timing;
mod settings;
mod stack;
mod table;

pub use access_log::{Attempt, Logged};
pub use agreement::Agreement;
pub use answers::{AsAgreed, is_in_shape};
pub use drain::{Drain, Drained, StoredWatch};
pub use ledger::Reckoned;
pub use load::{LoadOfPosts, Posts, PostsLoad, origin, posts};
pub use posting::{AskPost, Posting};
pub use queue::{DEAD, QUEUE, instant, message};
pub use reads::ReadsOfPosts;
pub use server_timing::broker_time;
pub use settings::Settings;
pub use stack::{
    BROKER, DATABASE, DEADLINE, Deployed, INSIDE, Leg, PLACES, RATE, SEOUL, TAIWAN, TOKYO,
    WORKER_CONNECTIONS, layout, places, without,
};
pub use table::{InsertHold, PostTable, TABLE};

/// What the content of a post begins with that a check sends by hand beside a load.
pub const BY_HAND: &str = "by hand";

/// What a check of a lab with posts imports.
pub mod prelude {
    pub use super::{
        Agreement, AsAgreed as _, AskPost as _, BY_HAND, Drain, Drained as _, LoadOfPosts as _,
        PostTable as _, Posting, PostsLoad as _, ReadsOfPosts as _, Reckoned as _, Settings as _,
    };
    pub use testbed::prelude::*;
}
