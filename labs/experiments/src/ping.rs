//! `cargo lab ping`: how long a round trip takes between those of a stack that talk, each by a real exchange over their path.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lapin::options::BasicQosOptions;
use lapin::{ConnectionProperties, ErrorKind};
use promises::contract::BROKER;
use sqlx::{Connection as _, PgConnection};
use testbed::bed::Bed;
use testbed::path::Path;
use testbed::progress::Progress;
use testbed::setup::SetUp;
use testbed::submission::Submission;
use testbed::verdict::Stop;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::findings::{Table, ms, wrapped};
use crate::placed::{self, DATABASE, End, Pair, Placed};

/// Of so many exchanges the best one counts: whatever else the machine does can only make one longer.
const EXCHANGES: usize = 5;
/// How long one is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// What was measured.
pub struct Ping {
    measured: Vec<Measured>,
}

struct Measured {
    from: End,
    to: End,
    round_trip: Duration,
}

/// Starts the submission's stack, and measures the round trip between each two that talk.
///
/// # Errors
/// A stack that does not start, and faults of the set-up.
pub async fn run(submission: Submission, progress: Progress) -> Result<Ping, Stop> {
    placed::with("ping", submission, progress, async |bed: &Bed, placed: &Placed| {
        let mut measured = Vec::new();
        for pair in placed.pairs() {
            bed.says(format!("{} → {}", pair.from, pair.to));
            let round_trip = round_trip(bed, &pair).await?;
            measured.push(Measured { from: pair.from, to: pair.to, round_trip });
        }
        Ok(Ping { measured })
    })
    .await
}

/// The best of some exchanges over the path between two.
///
/// # Errors
/// The far side does not answer.
pub async fn round_trip(bed: &Bed, pair: &Pair<'_>) -> Result<Duration, SetUp> {
    let what = || format!("measure the round trip from {} to {}", pair.from, pair.to);
    let measured = async {
        match pair.to.name.as_str() {
            BROKER => broker(&bed.broker().url_at(&pair.path.addr().to_string())).await,
            DATABASE => database(&bed.database().url_at(&pair.path.addr().to_string())).await,
            "nginx" => proxy(pair.path.addr()).await,
            _ => instance(pair.path).await,
        }
    };
    let measured = timeout(PATIENCE, measured).await;
    measured
        .map_err(|_| SetUp::from_cause(what(), format!("no answer within {} s", PATIENCE.as_secs())))?
        .map_err(|error| SetUp::from_cause(what(), error))
}

type Measurement = Result<Duration, Box<dyn std::error::Error + Send + Sync>>;

/// A request without a `Host`, which nginx refuses itself. It closes then, so each has a connection of its own: a round trip to
/// connect, and one for the answer.
async fn proxy(addr: SocketAddr) -> Measurement {
    let mut best = PATIENCE;
    for _ in 0..EXCHANGES {
        let started = Instant::now();
        let mut stream = TcpStream::connect(addr).await?;
        stream.set_nodelay(true)?;
        stream.write_all(b"GET / HTTP/1.1\r\n\r\n").await?;
        stream.read_u8().await?;
        best = best.min(started.elapsed() / 2);
    }
    Ok(best)
}

/// `GET /health`. An instance that closes after its answer costs one more round trip each time: the path has counted it.
async fn instance(path: &Path) -> Measurement {
    let client = reqwest::Client::builder().no_proxy().build()?;
    let url = format!("http://{}/health", path.addr());
    client.get(&url).send().await?.bytes().await?;
    let mut best = PATIENCE;
    for _ in 0..EXCHANGES {
        let (before, started) = (path.counts(), Instant::now());
        client.get(&url).send().await?.bytes().await?;
        let took = started.elapsed();
        let connects = path.counts().since(&before).connections;
        best = best.min(took.div_f64(1.0 + connects as f64));
    }
    Ok(best)
}

/// `basic.qos` on an open channel, which the broker answers and which changes nothing.
async fn broker(url: &str) -> Measurement {
    let connection = lapin::Connection::connect(url, ConnectionProperties::default()).await?;
    let channel = connection.create_channel().await?;
    let mut best = PATIENCE;
    for _ in 0..EXCHANGES {
        let started = Instant::now();
        channel.basic_qos(0, BasicQosOptions::default()).await?;
        best = best.min(started.elapsed());
    }
    match connection.close(200, "measured".into()).await {
        Err(error) if !matches!(error.kind(), ErrorKind::InvalidConnectionState(_)) => Err(error.into()),
        _ => Ok(best),
    }
}

/// `Sync` on an open connection, which PostgreSQL answers that it is ready.
async fn database(url: &str) -> Measurement {
    let mut connection = PgConnection::connect(url).await?;
    let mut best = PATIENCE;
    for _ in 0..EXCHANGES {
        let started = Instant::now();
        connection.ping().await?;
        best = best.min(started.elapsed());
    }
    connection.close().await?;
    Ok(best)
}

impl Ping {
    /// Which pairs cross a zone, in one line.
    fn crossings(&self) -> String {
        let crossing = self.measured.iter().filter(|pair| pair.from.zone != pair.to.zone);
        let crossing: Vec<String> =
            crossing.map(|pair| format!("{} → {}", pair.from.name, pair.to.name)).collect();
        match crossing.as_slice() {
            [] => "No pair crosses a zone.".to_owned(),
            [one] => format!("One pair crosses a zone: {one}."),
            several => format!("{} pairs cross a zone: {}.", several.len(), several.join(", ")),
        }
    }
}

/// The table, and which pairs cross a zone.
impl fmt::Display for Ping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::of(&["from", "in zone", "to", "in zone", "round trip"]).with_words(4);
        for Measured { from, to, round_trip } in &self.measured {
            let [from, to] = [from, to].map(|end| [end.name.clone(), end.zone.clone()]);
            table.row(from.into_iter().chain(to).chain([ms(*round_trip)]));
        }
        writeln!(f, "{table}")?;
        writeln!(f, "{}", wrapped(&self.crossings()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(from: (&str, &str), to: (&str, &str), millis: u64) -> Measured {
        let end = |(name, zone): (&str, &str)| End { name: name.to_owned(), zone: zone.to_owned() };
        Measured { from: end(from), to: end(to), round_trip: Duration::from_millis(millis) }
    }

    #[test]
    fn crossings_are_told_in_a_line() {
        let mut ping = Ping { measured: vec![measured(("api-1", "seoul"), ("postgres", "seoul"), 1)] };
        assert_eq!(ping.crossings(), "No pair crosses a zone.");
        ping.measured.push(measured(("nginx", "tokyo"), ("api-1", "seoul"), 35));
        assert_eq!(ping.crossings(), "One pair crosses a zone: nginx → api-1.");
        ping.measured.push(measured(("nginx", "tokyo"), ("api-3", "taiwan"), 50));
        assert_eq!(ping.crossings(), "2 pairs cross a zone: nginx → api-1, nginx → api-3.");
        let table = ping.to_string();
        assert!(table.contains("nginx   tokyo     api-3      taiwan       50.0 ms"), "{table}");
    }
}
