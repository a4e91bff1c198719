//! RabbitMQ's management API: what cannot be asked over AMQP.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::{Client, Method, StatusCode};
use serde_json::{Value, json};

use super::rabbitmq::{PASSWORD, USER};
use crate::setup::SetUp;

/// How long one question may take. A paused broker never answers.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a removal may take. That of a queue can take five seconds on a broker that has just come back from a kill.
const PATIENCE_TO_REMOVE: Duration = Duration::from_secs(30);

/// A way to ask the management API of one broker.
#[derive(Clone, Debug)]
pub(super) struct Management {
    base: String,
    client: Client,
}

impl Management {
    pub(super) fn at(addr: SocketAddr) -> Result<Management, SetUp> {
        Ok(Management { base: format!("http://{addr}/api"), client: crate::client::client()? })
    }

    /// Where a browser finds the page.
    pub(super) fn page(&self) -> String {
        self.base.trim_end_matches("api").to_owned()
    }

    /// The broker's listeners are open, its database of users and queues is loaded.
    pub(super) async fn is_serving(&self) -> Result<(), SetUp> {
        self.ask(Method::GET, "/health/checks/port-listener/5672", None).await.map(|_| ())
    }

    /// The members of the broker's cluster, itself included.
    pub(super) async fn nodes(&self) -> Result<Value, SetUp> {
        self.ask(Method::GET, "/nodes", None).await
    }

    /// Declares a quorum queue that hands on its dead letters at least once: it needs more of the broker than any other kind. It
    /// goes with its virtual host.
    pub(super) async fn declare_queue(&self, host: &str, queue: &str) -> Result<(), SetUp> {
        let arguments = json!({
            "x-queue-type": "quorum",
            "x-dead-letter-exchange": "",
            "x-dead-letter-routing-key": queue,
            "x-dead-letter-strategy": "at-least-once",
            "x-overflow": "reject-publish",
        });
        let quorum = json!({"durable": true, "arguments": arguments});
        self.ask(Method::PUT, &format!("/queues/{host}/{queue}"), Some(quorum)).await.map(|_| ())
    }

    /// Whether the broker has a memory or a disk alarm. It answers 503 while it has one.
    pub(super) async fn has_alarm(&self) -> Result<bool, SetUp> {
        let (status, _) = self.send(Method::GET, "/health/checks/local-alarms", None).await?;
        Ok(status == StatusCode::SERVICE_UNAVAILABLE)
    }

    pub(super) async fn make_host(&self, name: &str, user: &str) -> Result<(), SetUp> {
        self.ask(Method::PUT, &format!("/vhosts/{name}"), Some(json!({}))).await?;
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        self.ask(Method::PUT, &format!("/permissions/{name}/{user}"), Some(all)).await.map(|_| ())
    }

    pub(super) async fn drop_host(&self, name: &str) -> Result<(), SetUp> {
        self.ask(Method::DELETE, &format!("/vhosts/{name}"), None).await.map(|_| ())
    }

    /// What the broker knows of a queue; `None` when there is none of that name.
    pub(super) async fn queue(&self, host: &str, queue: &str) -> Result<Option<Value>, SetUp> {
        let path = format!("/queues/{host}/{queue}");
        let (status, body) = self.send(Method::GET, &path, None).await?;
        match status {
            StatusCode::NOT_FOUND => Ok(None),
            status if status.is_success() => Ok(Some(body)),
            status => Err(Management::refused(&Method::GET, &path, status, &body)),
        }
    }

    /// How many messages a queue has, as it last counted them itself; `None` when there is none of that name. What
    /// [`Management::queue`] says of it is up to five seconds older (seen with 4.0.5).
    pub(super) async fn messages(&self, host: &str, queue: &str) -> Result<Option<u64>, SetUp> {
        let totals = format!("{queue}?disable_stats=true&enable_queue_totals=true");
        Ok(self.queue(host, &totals).await?.and_then(|seen| seen["messages"].as_u64()))
    }

    /// The same of every queue of a virtual host, by name.
    pub(super) async fn all_messages(&self, host: &str) -> Result<Vec<(String, u64)>, SetUp> {
        let path = format!("/queues/{host}?disable_stats=true&enable_queue_totals=true");
        let seen = self.ask(Method::GET, &path, None).await?;
        let queues = seen.as_array().into_iter().flatten();
        let counted = |queue: &Value| Some((queue["name"].as_str()?.to_owned(), queue["messages"].as_u64()?));
        Ok(queues.filter_map(counted).collect())
    }

    pub(super) async fn delete_queue(&self, host: &str, queue: &str) -> Result<(), SetUp> {
        self.remove(&format!("/queues/{host}/{queue}")).await
    }

    pub(super) async fn purge_queue(&self, host: &str, queue: &str) -> Result<(), SetUp> {
        self.remove(&format!("/queues/{host}/{queue}/contents")).await
    }

    /// What is not there is gone: whether it should be is for a check to say.
    async fn remove(&self, path: &str) -> Result<(), SetUp> {
        let (status, answer) = self.send(Method::DELETE, path, None).await?;
        match status.is_success() || status == StatusCode::NOT_FOUND {
            true => Ok(()),
            false => Err(Management::refused(&Method::DELETE, path, status, &answer)),
        }
    }

    /// Bounds a queue from outside, as an operator does. What does not fit is refused: the broker answers it with a nack.
    pub(super) async fn bound_queue(&self, host: &str, queue: &str, most: u32) -> Result<(), SetUp> {
        let definition = json!({"max-length": most, "overflow": "reject-publish"});
        let policy = json!({"pattern": format!("^{queue}$"), "definition": definition, "apply-to": "queues"});
        self.ask(Method::PUT, &format!("/policies/{host}/bound"), Some(policy)).await.map(|_| ())
    }

    /// Ends [`Management::bound_queue`].
    pub(super) async fn unbound_queue(&self, host: &str) -> Result<(), SetUp> {
        self.ask(Method::DELETE, &format!("/policies/{host}/bound"), None).await.map(|_| ())
    }

    async fn ask(&self, method: Method, path: &str, body: Option<Value>) -> Result<Value, SetUp> {
        let (status, answer) = self.send(method.clone(), path, body).await?;
        match status.is_success() {
            true => Ok(answer),
            false => Err(Management::refused(&method, path, status, &answer)),
        }
    }

    async fn send(
        &self,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Result<(StatusCode, Value), SetUp> {
        let what = format!("ask RabbitMQ's management API: {method} {path}");
        let url = format!("{}{path}", self.base);
        let patience = if method == Method::DELETE { PATIENCE_TO_REMOVE } else { PATIENCE };
        let mut request = self.client.request(method, url).timeout(patience).basic_auth(USER, Some(PASSWORD));
        if let Some(body) = body {
            request = request.json(&body);
        }
        let answer = request.send().await.map_err(|error| SetUp::from_cause(&what, error))?;
        let status = answer.status();
        let body = answer.bytes().await.map_err(|error| SetUp::from_cause(&what, error))?;
        Ok((status, serde_json::from_slice(&body).unwrap_or_default()))
    }

    fn refused(method: &Method, path: &str, status: StatusCode, body: &Value) -> SetUp {
        let what = format!("ask RabbitMQ's management API: {method} {path}");
        SetUp::from_cause(what, format!("answered {status}: {body}"))
    }
}
