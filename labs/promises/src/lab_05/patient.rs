//! Clients that take their time, and no more of it than they have: none of them is closed.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{sleep, timeout};

use crate::contract::prelude::*;

/// How much of `HEADER_TIMEOUT_MS` they take.
const SHARE: f64 = 0.7;
/// With so much of it gone, the host was too slow to tell anything.
const TOO_MUCH: f64 = 0.9;
/// In how many pieces a head comes.
const PIECES: u32 = 7;
/// How long a client takes nothing of its answer: longer than many a default, and a fifth of what it may.
const TAKES_NOTHING: Duration = Duration::from_millis(6_500);
/// How long the rest may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// So few bytes its kernel keeps for it: the rest waits in the service.
const SMALL: u32 = 4096;
/// Posts that fill the page which is taken slowly, and those that are on page 1 before them.
const PAGE: usize = 20;
/// How long each is: the page is more than kernels keep for a client who does not read.
const LONG: usize = 1 << 18;

/// Plants what fills page 2.
pub(super) async fn plant_long(bed: &Bed) -> Result<(), Stop> {
    let long = (0..PAGE).map(|n| format!("{n} {}", "x".repeat(LONG)));
    bed.database().plant(long.chain((0..PAGE).map(|n| format!("post number {n}")))).await?;
    Ok(())
}

/// The promise that where there is room nobody is closed before his time is over: neither with half a head, nor between two requests.
pub(super) async fn have_their_time(addr: SocketAddr, header: Duration) -> Verdict {
    let (head, idle) = join(slow_head(addr, header), idle(addr, header)).await;
    let mut kept = Kept::default();
    for (what, answered) in [("its head in pieces", head), ("a second request after a pause", idle)] {
        let Some(answered) = answered else { continue };
        let one = promise("where there is room, a client is not closed before HEADER_TIMEOUT_MS is over")
            .observed(Fact::named("client sends", what))
            .observed(Fact::duration("within", header.mul_f64(SHARE)))
            .observed(Fact::duration("HEADER_TIMEOUT_MS", header))
            .observed(Fact::named("answered", if answered { "200" } else { "no, or otherwise" }))
            .likely(
                true,
                "another time than HEADER_TIMEOUT_MS decides, and a shorter one: a constant, or a part of it",
                "give a head, and an idle connection, the whole of it as long as there are places",
            )
            .kept_if(answered)?;
        kept = kept.and(one);
    }
    Ok(kept)
}

/// Whether a client was answered whose head comes piece by piece; `None` where the host was too slow to send it in time.
async fn slow_head(addr: SocketAddr, header: Duration) -> Option<bool> {
    const HEAD: &[u8] = b"GET /health HTTP/1.1\r\nHost: patient\r\nX-Patient: yes\r\n\r\n";
    let (began, mut sent) = (Instant::now(), None);
    let asked = async {
        let mut stream = TcpStream::connect(addr).await?;
        let (last, first) =
            HEAD.split_last_chunk::<2>().map_or((HEAD, HEAD), |(first, last)| (&last[..], first));
        for piece in first.chunks(first.len().div_ceil(PIECES as usize)) {
            stream.write_all(piece).await?;
            sleep(header.mul_f64(SHARE) / PIECES).await;
        }
        stream.write_all(last).await?;
        sent = Some(began.elapsed());
        is_answered(&mut stream).await
    };
    let answered = timeout(PATIENCE, asked).await.is_ok_and(|answered| answered.unwrap_or(false));
    tells(answered, sent.unwrap_or_else(|| began.elapsed()), header)
}

/// Whether a client was answered that asks a second time after a pause; `None` where the host made the pause too long.
async fn idle(addr: SocketAddr, header: Duration) -> Option<bool> {
    const WHOLE: &[u8] = b"GET /health HTTP/1.1\r\nHost: patient\r\n\r\n";
    let mut paused = Duration::ZERO;
    let asked = async {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_all(WHOLE).await?;
        let first = is_answered(&mut stream).await?;
        let began = Instant::now();
        sleep(header.mul_f64(SHARE)).await;
        paused = began.elapsed();
        stream.write_all(WHOLE).await?;
        Ok::<_, std::io::Error>(first && is_answered(&mut stream).await?)
    };
    let answered = timeout(PATIENCE, asked).await.is_ok_and(|answered| answered.unwrap_or(false));
    tells(answered, paused, header)
}

/// What a client's end tells that was not more patient than this.
fn tells(answered: bool, took: Duration, header: Duration) -> Option<bool> {
    (answered || took < header.mul_f64(TOO_MUCH)).then_some(answered)
}

async fn is_answered(stream: &mut TcpStream) -> std::io::Result<bool> {
    let mut answer = [0; 4096];
    let read = stream.read(&mut answer).await?;
    Ok(answer[..read].starts_with(b"HTTP/1.1 200"))
}

/// What became of an answer that was taken slowly.
pub(super) struct Taken {
    bytes: usize,
    is_whole: bool,
}

/// Asks for a long page, takes nothing of it for some seconds, and then all.
pub(super) async fn takes_slowly(addr: SocketAddr) -> Taken {
    let asked = async {
        let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
        socket.set_recv_buffer_size(SMALL)?;
        let mut stream = socket.connect(addr).await?;
        let ask = b"GET /posts?page=2 HTTP/1.1\r\nHost: patient\r\nConnection: close\r\n\r\n";
        stream.write_all(ask).await?;
        // Time itself is what is tried here.
        sleep(TAKES_NOTHING).await;
        let mut answer = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut answer)).await;
        Ok::<_, std::io::Error>((answer, read.is_ok_and(|read| read.is_ok())))
    };
    let (answer, to_its_end) = asked.await.unwrap_or_default();
    Taken { bytes: answer.len(), is_whole: to_its_end && is_whole(&answer) }
}

/// Whether an answer has all that its head announces.
fn is_whole(answer: &[u8]) -> bool {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some((head, body)) = end.map(|end| (&answer[..end], &answer[end + 4..])) else { return false };
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let length =
        head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse::<usize>().ok());
    let is_200 = head.starts_with("http/1.1 200");
    is_200
        && length.map_or(body.ends_with(b"0\r\n\r\n") || body.ends_with(b"]"), |length| body.len() == length)
}

/// The promise that an answer is there to its end, however slowly it is taken.
pub(super) fn is_whole_in_the_end(taken: &Taken) -> Verdict {
    promise("a client that takes nothing of a long answer for some seconds, and then the rest, has the whole of it")
        .observed(Fact::duration("took nothing for", TAKES_NOTHING))
        .observed(Fact::count("bytes in the end", taken.bytes))
        .observed(Fact::named("the whole answer", if taken.is_whole { "yes" } else { "no" }))
        .likely(
            true,
            "a clock that is for heads, for idle connections or for the making of an answer goes on while the answer is taken; or places were \
             short, and it passed for idle",
            "let a connection be busy until the last byte of its answer has been taken, and bound a standstill by 30 s",
        )
        .kept_if(taken.is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_when_it_has_what_its_head_announces() {
        let whole = [
            "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n[]",
        ];
        let cut = [
            "",
            "HTTP/1.1 200 OK\r\nContent-Le",
            "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[]",
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\n[",
            "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 2\r\n\r\n[]",
        ];
        assert!(whole.iter().all(|answer| is_whole(answer.as_bytes())));
        assert!(!cut.iter().any(|answer| is_whole(answer.as_bytes())));
    }
}
