//! Servers in plain TCP that answer, or fail to, exactly as told.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};

/// A listening server. Dropped or killed, it takes its port and its connections with it.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<usize>>>,
    task: JoinHandle<()>,
}

/// One accepted connection, and where the requests that came are written down.
pub(crate) struct Visitor {
    pub(crate) stream: TcpStream,
    seen: Arc<Mutex<Vec<usize>>>,
}

impl Server {
    /// Every connection gets its own `behave`.
    pub(crate) async fn start<F>(behave: impl Fn(Visitor) -> F + Send + 'static) -> Self
    where
        F: Future<Output = Option<()>> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::<Mutex<Vec<usize>>>::default();
        let write_down = Arc::clone(&seen);
        let task = tokio::spawn(async move {
            let mut visitors = JoinSet::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                stream.set_nodelay(true).unwrap();
                visitors.spawn(behave(Visitor { stream, seen: Arc::clone(&write_down) }));
            }
        });
        Self { address, seen, task }
    }

    /// Every request gets this answer at once.
    pub(crate) async fn answering(answer: &'static str) -> Self {
        Self::start(move |mut visitor| async move {
            while visitor.request().await.is_some() {
                visitor.write(answer).await?;
            }
            None
        })
        .await
    }

    /// The places of the requests that came, in their order.
    pub(crate) fn seen(&self) -> Vec<usize> {
        self.seen.lock().unwrap().clone()
    }

    /// Gone at once, with its port and every connection.
    pub(crate) async fn kill(&mut self) {
        self.task.abort();
        // The error is the abort.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Visitor {
    /// Reads one whole request and gives its place, which is its path; `None` when the client has left.
    pub(crate) async fn request(&mut self) -> Option<usize> {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(self.stream.read_u8().await.ok()?);
        }
        let head = String::from_utf8(head).unwrap();
        let path = head.split(' ').nth(1).unwrap();
        let n = path.trim_start_matches('/').parse().unwrap_or(0);
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        self.stream.read_exact(&mut body).await.ok()?;
        self.seen.lock().unwrap().push(n);
        Some(n)
    }

    pub(crate) async fn write(&mut self, bytes: &str) -> Option<()> {
        self.stream.write_all(bytes.as_bytes()).await.ok()
    }
}
