//! Those who ask: one request, and a stream of them that is told of every answer.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use reqwest::Client;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;

/// What came of one request: the status and the body, or why there was none; and how long it took.
#[derive(Clone, Debug)]
pub struct Answer {
    pub said: Result<(u16, String), String>,
    pub took: Duration,
}

impl Answer {
    /// Answered 200 by the instance of this name.
    pub fn is_from(&self, name: &str) -> bool {
        self.said == Ok((200, name.to_owned()))
    }

    pub fn status(&self) -> Option<u16> {
        self.said.as_ref().ok().map(|(status, _)| *status)
    }
}

/// A client that keeps its connections.
pub fn client() -> Client {
    Client::builder().no_proxy().timeout(Duration::from_secs(20)).build().unwrap()
}

/// A client with a new connection for each request.
pub fn new_each_time() -> Client {
    let builder = Client::builder().no_proxy().timeout(Duration::from_secs(20));
    builder.pool_max_idle_per_host(0).build().unwrap()
}

pub async fn get(client: &Client, addr: SocketAddr, path: &str) -> Answer {
    let begun = Instant::now();
    let said = async {
        let answer = client.get(format!("http://{addr}{path}")).send().await?;
        let status = answer.status().as_u16();
        Ok((status, answer.text().await?))
    };
    let said = said.await.map_err(|error: reqwest::Error| format!("{error:?}"));
    Answer { said, took: begun.elapsed() }
}

/// One connection, opened once. A client with a pool may open a second one while the first is on its way back to the pool.
pub struct Kept(SendRequest<Empty<Bytes>>);

impl Kept {
    pub async fn open(addr: SocketAddr) -> Kept {
        let stream = TcpStream::connect(addr).await.unwrap();
        let (sender, link) = http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(link);
        Kept(sender)
    }

    pub async fn get(&mut self, path: &str) -> Answer {
        let begun = Instant::now();
        let request = Request::get(path).header("host", "stack").body(Empty::new()).unwrap();
        let said = async {
            self.0.ready().await?;
            let answer = self.0.send_request(request).await?;
            let status = answer.status().as_u16();
            let body = answer.into_body().collect().await?.to_bytes();
            Ok((status, String::from_utf8_lossy(&body).into_owned()))
        };
        let said = said.await.map_err(|error: hyper::Error| format!("{error:?}"));
        Answer { said, took: begun.elapsed() }
    }
}

/// Requests one after another, from some clients at once, until they are stopped.
pub struct Stream {
    over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Vec<Answer>>>,
}

impl Stream {
    pub fn start(clients: usize, client: fn() -> Client, addr: SocketAddr, path: &'static str) -> Stream {
        let over = Arc::new(AtomicBool::new(false));
        let one = |_| {
            let (over, client) = (over.clone(), client());
            tokio::spawn(async move {
                let mut answers = Vec::new();
                while !over.load(Ordering::SeqCst) {
                    answers.push(get(&client, addr, path).await);
                }
                answers
            })
        };
        let clients = (0..clients).map(one).collect();
        Stream { over, clients }
    }

    pub async fn stop(self) -> Vec<Answer> {
        self.over.store(true, Ordering::SeqCst);
        let mut all = Vec::new();
        for client in self.clients {
            all.extend(client.await.unwrap());
        }
        all
    }
}

/// Waits until a request is answered by the instance of this name.
pub async fn until_from(name: &str, addr: SocketAddr, path: &str) {
    let client = new_each_time();
    let seen = testbed::wait::until(Duration::from_secs(30), async || {
        get(&client, addr, path).await.is_from(name).then_some(())
    });
    seen.await.unwrap_or_else(|| panic!("{name} never answered"));
}
