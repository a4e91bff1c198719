//! What can befall any service in a container, and what brings it back.

use super::{Container, ready};
use crate::setup::SetUp;

/// A service in a container. Each names its container and the question that it answers when it is ready; the rest is the same for all.
#[allow(
    async_fn_in_trait,
    reason = "only our own services are such, and each future is as `Send` as its parts"
)]
pub trait Contained {
    /// The container, for its address.
    fn container(&self) -> &Container;

    /// Asks the service once.
    ///
    /// # Errors
    /// It does not answer yet.
    async fn ask(&self) -> Result<(), SetUp>;

    /// Waits until the service answers.
    ///
    /// # Errors
    /// Its container ended, or no answer came in time; with the service's last words.
    async fn ready(&self) -> Result<(), SetUp> {
        ready::answers(self.container(), async || self.ask().await).await
    }

    /// SIGKILL, as when the machine loses power.
    ///
    /// # Errors
    /// The engine refuses.
    async fn kill(&self) -> Result<(), SetUp> {
        self.container().kill().await
    }

    /// Starts the killed service again and waits until it answers.
    ///
    /// # Errors
    /// As [`Contained::ready`].
    async fn start_again(&self) -> Result<(), SetUp> {
        self.container().start_again().await?;
        self.ready().await
    }

    /// Freezes the service: connections stay open, nothing answers.
    ///
    /// # Errors
    /// The engine refuses.
    async fn pause(&self) -> Result<(), SetUp> {
        self.container().pause().await
    }

    /// Thaws the service.
    ///
    /// # Errors
    /// The engine refuses.
    async fn unpause(&self) -> Result<(), SetUp> {
        self.container().unpause().await
    }

    /// Ends a kill or a pause, whichever befell the service, and waits until it answers.
    ///
    /// # Errors
    /// As [`Contained::ready`].
    async fn heal(&self) -> Result<(), SetUp> {
        self.container().revive().await?;
        self.ready().await
    }
}
