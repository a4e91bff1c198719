//! The one writer of page 1. It reads the table again and again, and what it reads replaces what was
//! there; a read that fails replaces nothing.

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use direct_write::store::StoreError;
use futures_util::FutureExt as _;
use thiserror::Error;
use tokio::{
    sync::watch,
    time::{Instant, MissedTickBehavior, interval_at},
};
use tokio_util::sync::CancellationToken;

use crate::{
    page::{NoPage, Page},
    source::Source,
};

/// Reads page 1 again and again.
#[derive(Debug)]
pub struct Refresher<S> {
    source: S,
    every: Duration,
    page: watch::Sender<Arc<Page>>,
}

/// Why page 1 was not read.
#[derive(Debug, Error)]
pub enum RefreshError {
    /// The table could not be asked.
    #[error(transparent)]
    Table(#[from] StoreError),
    /// Its posts could not be made a page.
    #[error(transparent)]
    Page(#[from] NoPage),
    /// The read panicked. The panic itself has been printed by the panic hook.
    #[error("the read panicked")]
    Panic,
}

impl<S: Source> Refresher<S> {
    /// Reads page 1 for the first time: who has the receiver has a page, and there is no state without
    /// one.
    ///
    /// # Errors
    /// It cannot be read.
    pub async fn open(
        mut source: S,
        every: Duration,
    ) -> Result<(Self, watch::Receiver<Arc<Page>>), RefreshError> {
        let first = read(&mut source).await?;
        let (page, receiver) = watch::channel(Arc::new(first));
        Ok((Self { source, every, page }, receiver))
    }

    /// Keeps page 1 fresh until `stop`, then says goodbye to the database.
    pub async fn run(mut self, stop: CancellationToken) {
        self.refresh(&stop).await;
        self.source.close().await;
    }

    /// Reads it once in each interval. Nothing ends this but `stop`, which waits for no read.
    // ANCHOR: refresh
    async fn refresh(&mut self, stop: &CancellationToken) {
        // ANCHOR: hole-refresh
        let mut ticks = interval_at(Instant::now() + self.every, self.every);
        // After a slow read the next one is not made up for: it would be one more than agreed.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let refreshing = async {
            loop {
                ticks.tick().await;
                match read(&mut self.source).await {
                    Ok(page) => drop(self.page.send_replace(Arc::new(page))),
                    Err(error) => {
                        let age = self.page.borrow().age();
                        tracing::warn!(?age, "page 1 stays as it is: {error}");
                    }
                }
            }
        };
        stop.run_until_cancelled(refreshing).await;
        // ANCHOR_END: hole-refresh
    }
    // ANCHOR_END: refresh
}

/// One read, whose panic is an error as any other. The age counts from before the statement: what was
/// committed after that may not be in it.
// ANCHOR: once
async fn read(source: &mut impl Source) -> Result<Page, RefreshError> {
    let asked = Instant::now();
    let posts = AssertUnwindSafe(source.read()).catch_unwind().await.map_err(|_| RefreshError::Panic)??;
    Ok(Page::of(&posts, asked)?)
}
// ANCHOR_END: once

#[cfg(test)]
mod tests {
    use direct_write::post::Post;
    use time::OffsetDateTime;
    use tokio::{sync::mpsc, time::timeout};
    use uuid::Uuid;

    use super::*;

    /// What the next read does.
    enum Step {
        Gives(&'static str),
        Fails,
        Panics,
        Hangs,
    }

    /// A source that does what it is told, read by read.
    struct Script(mpsc::UnboundedReceiver<Step>);

    impl Source for Script {
        async fn read(&mut self) -> Result<Vec<Post>, StoreError> {
            match self.0.recv().await {
                Some(Step::Gives(content)) => Ok(vec![Post {
                    id: Uuid::nil(),
                    content: content.to_owned(),
                    created_at: OffsetDateTime::UNIX_EPOCH,
                }]),
                Some(Step::Fails) => Err(StoreError::NoConnection(sqlx::Error::PoolTimedOut)),
                Some(Step::Panics) => panic!("planted"),
                Some(Step::Hangs) | None => std::future::pending().await,
            }
        }

        async fn close(self) {}
    }

    async fn opened(
        steps: impl IntoIterator<Item = Step>,
    ) -> (Refresher<Script>, watch::Receiver<Arc<Page>>, mpsc::UnboundedSender<Step>) {
        let (tell, script) = mpsc::unbounded_channel();
        for step in steps {
            tell.send(step).expect("the script is there");
        }
        let (refresher, page) =
            Refresher::open(Script(script), Duration::from_millis(10)).await.expect("a first page");
        (refresher, page, tell)
    }

    #[tokio::test]
    async fn neither_an_error_nor_a_panic_ends_the_refreshing() {
        use Step::{Fails, Gives, Panics};
        let (refresher, mut page, _) = opened([Gives("old"), Fails, Panics, Gives("new")]).await;
        let old = page.borrow_and_update().tag();
        let stop = CancellationToken::new();
        let running = tokio::spawn(refresher.run(stop.clone()));

        let changed = timeout(Duration::from_secs(10), page.changed()).await;
        changed.expect("it goes on").expect("the writer is there");
        assert_ne!(page.borrow().tag(), old);

        stop.cancel();
        timeout(Duration::from_secs(10), running).await.expect("it ends").expect("no panic");
    }

    #[tokio::test]
    async fn a_stop_does_not_wait_for_a_read_that_hangs() {
        let (refresher, _page, _tell) = opened([Step::Gives("old"), Step::Hangs]).await;
        let stop = CancellationToken::new();
        let running = tokio::spawn(refresher.run(stop.clone()));
        stop.cancel();
        timeout(Duration::from_secs(10), running).await.expect("it ends").expect("no panic");
    }

    #[tokio::test]
    async fn without_a_first_page_nothing_opens() {
        let (tell, script) = mpsc::unbounded_channel();
        tell.send(Step::Panics).expect("the script is there");
        let opened = Refresher::open(Script(script), Duration::from_millis(10)).await;
        assert!(matches!(opened, Err(RefreshError::Panic)));
    }
}
