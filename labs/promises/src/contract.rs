//! The contract of `labs/openapi.yaml` and `labs/amqp.md` in words that a check can use: what is sent, how it is answered, what
//! is stored. No promise is judged here.

mod agreement;
mod answers;
mod drain;
mod ledger;
mod load;
mod posting;
mod queue;
mod reads;
mod settings;
mod table;

pub use agreement::Agreement;
pub use answers::AsAgreed;
pub use drain::{Drain, Drained, StoredWatch};
pub use ledger::Reckoned;
pub use load::{LoadOfPosts, Posts, PostsLoad, origin, posts};
pub use posting::{AskPost, Posting};
pub use queue::{DEAD, QUEUE, instant, message};
pub use reads::ReadsOfPosts;
pub use settings::Settings;
pub use table::{InsertHold, PostTable};

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
