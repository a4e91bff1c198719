//! Clients that hold a connection open and ask nothing more: what a graceful stop must not wait for.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

/// How long the answer to a request on one of these connections may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections that carry no whole request: one that is silent, one that was answered and is kept, one with half a head, one
/// with half a body. They are open until this is dropped, unless the other side closes them.
#[derive(Debug)]
pub struct IdleClients {
    _open: [TcpStream; 4],
}

impl IdleClients {
    /// Opens them.
    pub(super) async fn of(target: SocketAddr, path: &str) -> io::Result<Self> {
        let health = format!("GET /health HTTP/1.1\r\nHost: {target}\r\n\r\n");
        let half = format!(
            "POST {path} HTTP/1.1\r\nHost: {target}\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{{\"content\":"
        );
        let silent = says(target, "").await?;
        let mut kept = says(target, &health).await?;
        timeout(PATIENCE, kept.read(&mut [0; 1024])).await??;
        Ok(Self { _open: [silent, kept, says(target, &half[..30]).await?, says(target, &half).await?] })
    }
}

async fn says(target: SocketAddr, words: &str) -> io::Result<TcpStream> {
    let mut stream = TcpStream::connect(target).await?;
    stream.write_all(words.as_bytes()).await?;
    Ok(stream)
}
