//! Replay: what the audit log has and the table has not is published again.
//!
//! For the day on which somebody purges the queue by mistake. What is still in the queue is
//! published a second time, and stored once.

use std::{collections::HashSet, io, path::Path, time::Duration};

use direct_write::{
    post::Post,
    store::{Store, StoreError, failed_to},
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use uuid::Uuid;

use crate::accepting::{
    audit::Reader,
    clock::PostBudget,
    publisher::{PublishError, Publisher},
};

/// How many posts are looked up with one statement.
const CHUNK: usize = 1_000;

/// How many publishes are under way at once.
const WINDOW: usize = 100;

/// How long one publish may take. Nobody waits for an answer, but a broker that is away shall be
/// said so.
const BUDGET: PostBudget = PostBudget { lane: Duration::from_secs(20), known: Duration::from_secs(30) };

/// What a replay has done.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Replayed {
    /// Posts in the file.
    pub read: usize,
    /// Posts that were published: the others are in the table, or were in the file twice.
    pub published: usize,
}

/// Publishes every post that is in the file and not in the table, each once.
///
/// # Errors
/// The file cannot be read, the table cannot be asked, or a post was not confirmed. To begin anew
/// is safe.
// ANCHOR: replay
pub async fn replay(path: &Path, store: &Store, publisher: &Publisher) -> Result<Replayed, ReplayError> {
    // ANCHOR: hole-replay
    let mut file = Reader::open(path).await.map_err(ReplayError::File)?;
    let mut published = HashSet::new();
    let mut replayed = Replayed::default();
    loop {
        let mut chunk = next_chunk(&mut file).await.map_err(ReplayError::File)?;
        if chunk.is_empty() {
            return Ok(replayed);
        }
        let stored = which_are_stored(store, &chunk).await.map_err(ReplayError::Table)?;
        replayed.read += chunk.len();
        chunk.retain(|post| !stored.contains(&post.id) && published.insert(post.id));
        publish_all(publisher, &chunk).await.map_err(ReplayError::Broker)?;
        replayed.published += chunk.len();
    }
    // ANCHOR_END: hole-replay
}
// ANCHOR_END: replay

/// Up to [`CHUNK`] posts; none at the end of the file.
async fn next_chunk(file: &mut Reader) -> io::Result<Vec<Post>> {
    let mut chunk = Vec::new();
    while chunk.len() < CHUNK {
        match file.next().await? {
            Some(post) => chunk.push(post),
            None => break,
        }
    }
    Ok(chunk)
}

async fn which_are_stored(store: &Store, posts: &[Post]) -> Result<HashSet<Uuid>, StoreError> {
    let ids: Vec<Uuid> = posts.iter().map(|post| post.id).collect();
    let (_place, mut connection) = store.connection().await?;
    let stored = sqlx::query_scalar("SELECT id FROM post WHERE id = ANY($1)")
        .bind(ids)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed_to("look up the posts"))?;
    connection.give_back();
    Ok(stored.into_iter().collect())
}

/// Publishes posts, [`WINDOW`] at a time. When this returns `Ok`, all are confirmed.
async fn publish_all(publisher: &Publisher, posts: &[Post]) -> Result<(), PublishError> {
    let each = |post| publisher.publish(post, BUDGET.begin());
    stream::iter(posts).map(Ok).try_for_each_concurrent(WINDOW, each).await
}

/// Why a replay is not complete.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// The audit log cannot be read.
    #[error("failed to read the audit log: {0}")]
    File(#[source] io::Error),
    /// The table cannot be asked.
    #[error(transparent)]
    Table(StoreError),
    /// A post was not confirmed.
    #[error(transparent)]
    Broker(PublishError),
}
