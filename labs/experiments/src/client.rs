//! HTTP/1.1 by hand, where the connection itself is what is looked at, and the client that waits for each answer.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use testbed::setup::SetUp;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

/// What one request met, seen from its client.
#[derive(Clone, Copy, Debug)]
pub struct Probe {
    /// From the start to the open connection.
    pub connect: Duration,
    /// From the open connection to the first byte of the answer.
    pub first_byte: Duration,
    /// The answer's status.
    pub status: u16,
}

impl Probe {
    /// `GET path` on a new connection.
    pub async fn get(target: SocketAddr, path: &str) -> io::Result<Probe> {
        let started = Instant::now();
        let mut stream = TcpStream::connect(target).await?;
        let connect = started.elapsed();
        let (first_byte, status) = exchange(&mut stream, path).await?;
        Ok(Probe { connect, first_byte, status })
    }

    /// From the start to the answer's first byte: what a user waits.
    pub fn whole(self) -> Duration {
        self.connect + self.first_byte
    }
}

/// Sends `GET path` and reads the whole answer: how long its first byte took, and its status.
pub async fn exchange(stream: &mut TcpStream, path: &str) -> io::Result<(Duration, u16)> {
    let started = Instant::now();
    stream.write_all(format!("GET {path} HTTP/1.1\r\nHost: server\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    let mut first_byte = None;
    loop {
        if stream.read_buf(&mut answer).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let first_byte = *first_byte.get_or_insert_with(|| started.elapsed());
        if let Some(status) = whole(&answer) {
            return Ok((first_byte, status));
        }
    }
}

/// The status of an answer that is there to its last byte; answers carry `Content-Length`.
fn whole(answer: &[u8]) -> Option<u16> {
    let text = String::from_utf8_lossy(answer);
    let (head, body) = text.split_once("\r\n\r\n")?;
    let length = |line: &str| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse::<usize>().ok())?
    };
    let length = head.lines().find_map(length).unwrap_or(0);
    let status = head.split(' ').nth(1)?.parse().ok()?;
    (body.len() >= length).then_some(status)
}

/// One answered request of a closed loop, from the loop's start.
#[derive(Clone, Copy, Debug)]
pub struct Turn {
    /// When it was sent.
    pub sent: Duration,
    /// How long its answer took.
    pub took: Duration,
    /// Whether the answer was a 2xx.
    pub accepted: bool,
}

/// A closed loop: each of `connections` sends its next `GET path` when it has the answer to the one before, for `length`.
pub async fn closed_loop(
    target: SocketAddr,
    path: &'static str,
    connections: usize,
    length: Duration,
) -> io::Result<Vec<Turn>> {
    let started = Instant::now();
    let mut clients = JoinSet::new();
    for _ in 0..connections {
        clients.spawn(async move {
            let mut stream = TcpStream::connect(target).await?;
            stream.set_nodelay(true)?;
            let mut turns = Vec::new();
            while started.elapsed() < length {
                let sent = started.elapsed();
                let (_, status) = exchange(&mut stream, path).await?;
                let took = started.elapsed() - sent;
                turns.push(Turn { sent, took, accepted: (200..300).contains(&status) });
            }
            Ok::<_, io::Error>(turns)
        });
    }
    let mut turns = Vec::new();
    while let Some(client) = clients.join_next().await {
        turns.extend(client.map_err(io::Error::other)??);
    }
    turns.sort_by_key(|turn| turn.sent);
    Ok(turns)
}

/// How many `GET path` a second the server can answer, whose work keeps a core busy: the best of three seconds, since
/// whatever else the machine does can only make a second worse.
///
/// # Errors
/// The server cannot be talked to.
pub async fn capacity(server: SocketAddr, path: &'static str) -> Result<f64, SetUp> {
    const SECONDS: usize = 3;
    // Two requests for each core: none ever waits for the next.
    let turns = closed_loop(server, path, 2 * crate::cores(), Duration::from_secs(SECONDS as u64)).await;
    let turns = turns.map_err(|error| SetUp::from_cause("measure the capacity", error))?;
    let mut seconds = [0_u32; SECONDS];
    for turn in turns.iter().filter(|turn| turn.accepted) {
        if let Some(second) = seconds.get_mut((turn.sent + turn.took).as_secs() as usize) {
            *second += 1;
        }
    }
    Ok(seconds.into_iter().max().map_or(1.0, |best| f64::from(best.max(1))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_whole_at_its_last_byte() {
        let answer = b"HTTP/1.1 504 Gateway Timeout\r\nContent-Length: 2\r\n\r\n{}";
        assert_eq!(whole(answer), Some(504));
        assert_eq!(whole(&answer[..answer.len() - 1]), None);
        assert_eq!(whole(b"HTTP/1.1 200 OK\r\n"), None);
    }
}
