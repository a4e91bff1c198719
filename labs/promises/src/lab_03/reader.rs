//! A reader who comes before page 1 is there.

use std::net::SocketAddr;
use std::time::Duration;

use testbed::answer::shorten;
use testbed::client::{Client, is_retry_after};
use testbed::wait;

use crate::contract::is_in_shape;

use super::first_page::PAGE;

/// How long a service may take to be ready. A virtual machine starts slowly.
pub(super) const READY: Duration = Duration::from_secs(30);

/// What a reader saw until the first 200.
pub(super) struct Seen {
    /// Whether there was one.
    pub(super) served: bool,
    /// Answers that the contract does not allow.
    pub(super) wrong: Vec<String>,
}

/// Asks until it is answered 200.
pub(super) async fn first_answer(client: &Client, addr: SocketAddr, path: &'static str) -> Seen {
    let mut wrong = Vec::new();
    let served = wait::until(READY, async || match once(client, addr, path).await {
        Asked::Served => Some(()),
        Asked::SentAway => None,
        Asked::Unanswered => {
            wrong.push(format!("{path} ended without an answer"));
            None
        }
        Asked::Wrongly { answer, is_200 } => {
            wrong.push(answer);
            is_200.then_some(())
        }
    });
    let served = served.await.is_some();
    Seen { served, wrong }
}

/// What became of one question.
pub(super) enum Asked {
    /// 200, with what belongs there.
    Served,
    /// Nothing listens yet, or 503 in the usual shape.
    SentAway,
    /// It ended without an answer.
    Unanswered,
    /// What the contract does not allow.
    Wrongly {
        /// The answer.
        answer: String,
        /// Whether it calls itself a success.
        is_200: bool,
    },
}

/// Asks once.
pub(super) async fn once(client: &Client, addr: SocketAddr, path: &'static str) -> Asked {
    let answer = match client.get(format!("http://{addr}{path}")).send().await {
        Ok(answer) => answer,
        Err(error) if error.is_connect() => return Asked::SentAway,
        Err(_) => return Asked::Unanswered,
    };
    let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
    let body = answer.bytes().await.unwrap_or_default();
    let told = |header| headers.get(header).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_list = || {
        let list = serde_json::from_slice::<Vec<serde_json::Value>>(&body);
        list.is_ok_and(|list| list.len() == PAGE)
    };
    match status {
        200 if path != "/posts" || is_list() => Asked::Served,
        503 if is_retry_after(told("retry-after")) && is_in_shape(status, told("content-type"), &body) => {
            Asked::SentAway
        }
        _ => {
            let body = shorten(&String::from_utf8_lossy(&body), 60);
            Asked::Wrongly { answer: format!("{path} answered {status}: {body}"), is_200: status == 200 }
        }
    }
}
