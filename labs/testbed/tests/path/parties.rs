//! Servers and clients for the two ends of a path.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;

const DEADLINE: Duration = Duration::from_secs(5);

/// A server that counts its open connections. Dropping it closes them and its port.
pub(crate) struct Server {
    pub(crate) addr: SocketAddr,
    open: Arc<AtomicUsize>,
    listening: AbortHandle,
}

#[derive(Clone, Copy)]
enum Work {
    /// Sends back what it gets.
    Echo,
    /// Takes so many bytes, then closes.
    Sink(usize),
    /// Sends so many bytes, then closes.
    Source(usize),
    /// Answers every six bytes with six, three at a time.
    AnswerInPieces,
}

impl Server {
    pub(crate) async fn echo() -> io::Result<Self> {
        Self::start(Work::Echo).await
    }

    pub(crate) async fn sink(bytes: usize) -> io::Result<Self> {
        Self::start(Work::Sink(bytes)).await
    }

    pub(crate) async fn source(bytes: usize) -> io::Result<Self> {
        Self::start(Work::Source(bytes)).await
    }

    pub(crate) async fn answer_in_pieces() -> io::Result<Self> {
        Self::start(Work::AnswerInPieces).await
    }

    pub(crate) fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }

    async fn start(work: Work) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let addr = listener.local_addr()?;
        let open = Arc::new(AtomicUsize::new(0));
        let counter = open.clone();
        let listening = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                let counted = Counted(counter.clone());
                connections.spawn(async move {
                    let _ = serve(stream, work).await;
                    drop(counted);
                });
            }
        });
        Ok(Self { addr, open, listening: listening.abort_handle() })
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

struct Counted(Arc<AtomicUsize>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

async fn serve(mut stream: TcpStream, work: Work) -> io::Result<()> {
    stream.set_nodelay(true)?;
    match work {
        Work::Echo => {
            let (mut from, mut to) = stream.split();
            tokio::io::copy(&mut from, &mut to).await?;
        }
        Work::Sink(bytes) => {
            stream.read_exact(&mut vec![0; bytes]).await?;
        }
        Work::AnswerInPieces => {
            while stream.read_exact(&mut [0; 6]).await.is_ok() {
                for _ in 0..2 {
                    stream.write_all(b"ans").await?;
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            }
        }
        Work::Source(bytes) => stream.write_all(&vec![0; bytes]).await?,
    }
    Ok(())
}

pub(crate) async fn connect(addr: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}

/// Sends a request to an echo, waits for the whole answer, and says how long it took.
pub(crate) async fn exchange(stream: &mut TcpStream, request: &[u8]) -> io::Result<Duration> {
    let begun = Instant::now();
    stream.write_all(request).await?;
    let mut answer = vec![0; request.len()];
    timeout(DEADLINE, stream.read_exact(&mut answer)).await??;
    assert_eq!(answer, request);
    Ok(begun.elapsed())
}

/// Sends so many bytes, takes what comes until the server closes, and says how long it took.
pub(crate) async fn transfer(addr: SocketAddr, bytes: usize) -> io::Result<Duration> {
    let mut stream = connect(addr).await?;
    let begun = Instant::now();
    stream.write_all(&vec![0; bytes]).await?;
    stream.read_to_end(&mut Vec::new()).await?;
    Ok(begun.elapsed())
}

/// How a connection ended, as its owner sees it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    Closed,
    Reset,
    /// Not within the deadline.
    Missing,
}

pub(crate) async fn end_of(stream: &mut TcpStream) -> End {
    match timeout(DEADLINE, stream.read_to_end(&mut Vec::new())).await {
        Err(_) => End::Missing,
        Ok(Ok(_)) => End::Closed,
        Ok(Err(error)) => reset(&error),
    }
}

/// As [`end_of`], for a new connection, whose reset may come so early that connecting fails.
pub(crate) async fn end_of_new(addr: SocketAddr) -> End {
    match TcpStream::connect(addr).await {
        Ok(mut stream) => end_of(&mut stream).await,
        Err(error) => reset(&error),
    }
}

#[track_caller]
fn reset(error: &io::Error) -> End {
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset, "{error}");
    End::Reset
}

pub(crate) async fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + DEADLINE;
    while !condition() {
        assert!(Instant::now() < deadline, "it did not come about");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}
