//! A client's stream: how long a client may take none of its answer, and whether it is still taking it.

use std::{
    future::Future,
    io::{self, IoSlice},
    mem,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
    sync::watch,
};
use tokio_io_timeout::TimeoutStream;

/// A stream on which a write that makes no progress for too long fails.
///
/// hyper's timer runs while it waits for a head, and rests while an answer is written: a client that
/// does not read would hold its connection, and the answer in memory, for ever.
pub(super) struct ClientStream {
    stream: Pin<Box<TimeoutStream<TcpStream>>>,
    /// Whether the client has to take something before more can be written.
    full: watch::Sender<bool>,
}

impl ClientStream {
    /// `stall` is how long a write may make no progress.
    pub(super) fn new(stream: TcpStream, stall: Duration) -> Self {
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(stall));
        Self { stream: Box::pin(stream), full: watch::Sender::new(false) }
    }

    /// Completes at a moment at which no write waits for the client.
    pub(super) fn written(&self) -> impl Future<Output = ()> + Send + use<> {
        let mut full = self.full.subscribe();
        async move {
            let _ = full.wait_for(|full| !full).await; // Without a stream there is nothing to wait for.
        }
    }

    fn note<T>(&self, written: Poll<T>) -> Poll<T> {
        let now = written.is_pending();
        self.full.send_if_modified(|full| mem::replace(full, now) != now);
        written
    }
}

impl AsyncRead for ClientStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_read(context, buffer)
    }
}

impl AsyncWrite for ClientStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream.as_mut().poll_write(context, bytes);
        self.note(written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = self.stream.as_mut().poll_write_vectored(context, bytes);
        self.note(written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.stream.as_mut().poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
        time::timeout,
    };

    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    /// Long enough for what happens at once.
    const MOMENT: Duration = Duration::from_millis(50);
    /// More than the kernel keeps for a client who does not read.
    const ANSWER: usize = 32 << 20;

    /// The two ends of a connection.
    async fn pair(stall: Duration) -> (ClientStream, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let client = TcpStream::connect(listener.local_addr().expect("bound")).await.expect("listening");
        let (server, _) = listener.accept().await.expect("connected");
        (ClientStream::new(server, stall), client)
    }

    #[tokio::test]
    async fn a_client_that_takes_nothing_ends_the_write() {
        let (mut stream, _client) = pair(Duration::from_millis(50)).await;
        let answer = vec![0; ANSWER];
        let written = timeout(SOON, stream.write_all(&answer)).await.expect("it ends");
        assert_eq!(written.expect_err("nobody reads").kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn an_answer_is_written_when_the_client_has_taken_it() {
        let (mut stream, mut client) = pair(SOON).await;
        timeout(SOON, stream.written()).await.expect("nothing is being written");
        let (mut written, answer) = (pin!(stream.written()), vec![0; ANSWER]);
        let mut writing = pin!(stream.write_all(&answer));
        assert!(timeout(MOMENT, &mut writing).await.is_err(), "nobody reads");
        assert!(timeout(MOMENT, &mut written).await.is_err(), "the client has not taken it yet");

        let mut taken = vec![0; ANSWER];
        let (writing, reading) = tokio::join!(timeout(SOON, writing), client.read_exact(&mut taken));
        writing.expect("it is taken").expect("open");
        reading.expect("all of it");
        timeout(SOON, written).await.expect("all of it was taken");
    }
}
