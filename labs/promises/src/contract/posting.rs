//! How a lab answers a good post, and from when on the post can be read.

use std::time::Duration;

use serde_json::Value;
use testbed::answer::Ask;
use testbed::prelude::*;

use super::AsAgreed as _;

/// How long a post that was accepted may take to be stored when nothing else is going on. Hundreds of times what it takes.
const SOON: Duration = Duration::from_secs(10);

/// When a good post is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Posting {
    /// When it is stored: 201, with the Post.
    Stored,
    /// When it is safe in a queue: 202, with its id. It is stored soon after.
    Queued,
}

impl Posting {
    /// The status of the answer to a good post.
    pub fn status(self) -> u16 {
        match self {
            Posting::Stored => 201,
            Posting::Queued => 202,
        }
    }

    /// Sends a good post: the answer, and the Post as it can be read.
    pub async fn post(self, service: &impl Endpoint, body: &Value) -> Result<(Answer, Value), Stop> {
        let answer = service.post(body).send().await?;
        answer.has_status(self.status())?;
        let post = self.post_of(service, &answer, body).await?;
        Ok((answer, post))
    }

    /// The Post that was made of `body`, as it can be read, from the answer to it.
    pub async fn post_of(
        self,
        service: &impl Endpoint,
        answer: &Answer,
        body: &Value,
    ) -> Result<Value, Stop> {
        let told = answer.json()?;
        match self {
            Posting::Stored => Ok(told),
            Posting::Queued => soon(service, &told, &body["content"]).await,
        }
    }
}

/// Posts, to any endpoint.
pub trait AskPost: Endpoint {
    /// `POST /post` with this JSON.
    fn post(&self, body: &Value) -> Ask
    where
        Self: Sized,
    {
        self.post_raw(Some("application/json"), body.to_string())
    }

    /// `POST /post` with these bytes under this media type, or under none.
    fn post_raw(&self, media_type: Option<&'static str>, body: impl Into<Vec<u8>>) -> Ask
    where
        Self: Sized,
    {
        self.ask(http::Method::POST, "/post").body(media_type, body)
    }
}

impl<E: Endpoint> AskPost for E {}

/// The Post with the id that was `told`, as soon as it can be read.
async fn soon(service: &impl Endpoint, told: &Value, content: &Value) -> Result<Value, Stop> {
    let path = format!("/post/{}", told["id"].as_str().unwrap_or_default());
    let mut last = None;
    let read = testbed::wait::until(SOON, async || match service.get(&path).send().await {
        Ok(answer) if answer.status == 200 => Some(Ok(answer)),
        Ok(answer) => {
            last = Some(answer);
            None
        }
        Err(stop) => Some(Err(stop)),
    });
    match read.await {
        Some(answer) => answer?.json(),
        None => {
            let list = service.get("/posts").send().await?.json()?;
            let elsewhere =
                list.as_array().is_some_and(|posts| posts.iter().any(|post| post["content"] == *content));
            Err(promise(format!("a post that was answered 202 can be read within {} s", SOON.as_secs()))
                .observed(last.as_ref())
                .likely(
                    elsewhere,
                    "its content is stored, under another id than the answer told",
                    "the row has the id of the message, and the message the id of the answer",
                )
                .likely(
                    true,
                    "the message was never stored: nobody consumes the queue, or the insert fails",
                    "read what the service says on stderr (the report has it: `report.html`)",
                )
                .is_broken())
        }
    }
}
