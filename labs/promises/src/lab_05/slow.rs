//! Clients that send their head byte by byte, or nothing: they are closed, and keep nobody out.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

use crate::contract::prelude::*;
use crate::lab_01::HOST;

use super::{FEW, busy, patient};

/// How many are slow.
const SLOW: usize = 300;
/// `HEADER_TIMEOUT_MS` here.
const HEADER: Duration = Duration::from_secs(2);
/// How often such a client sends a byte: it is never idle for long.
const BYTE: Duration = Duration::from_millis(200);
/// How many whole requests come meanwhile.
const WHOLE: usize = 20;
/// How long a client looks on whether it is closed.
const LOOKS: Duration = Duration::from_secs(8);

/// How a slow client is slow.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    /// A byte of the head now and then.
    ByteByByte,
    /// The same, on a connection that has had an answer.
    ByteByByteAfterwards,
    /// Nothing at all.
    Silent,
    /// Nothing more after an answer.
    Idle,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Kind::ByteByByte => "byte by byte",
            Kind::ByteByByteAfterwards => "byte by byte, after an answer",
            Kind::Silent => "silent",
            Kind::Idle => "idle after an answer",
        }
    }

    fn sends(self) -> bool {
        matches!(self, Kind::ByteByByte | Kind::ByteByByteAfterwards)
    }
}

/// Each kind is closed in time where there is room; 300 of one kind keep a whole request waiting no longer than that; and who has one is
/// no slow client.
pub(super) async fn slow_heads(bed: Bed) -> Verdict {
    let service = bed.service().header_timeout(HEADER).nofile(FEW.0, FEW.1).start().await?;
    let addr = service.addr();
    patient::plant_long(&bed).await?;
    let taken = tokio::spawn(patient::takes_slowly(addr));
    let kinds = [Kind::ByteByByte, Kind::ByteByByteAfterwards, Kind::Silent, Kind::Idle];
    let closed = join_all(kinds.map(|kind| one(addr, kind)));
    let in_time = patient::have_their_time(addr, HEADER);
    let (closed, in_time, busy) =
        futures_util::future::join3(closed, in_time, busy::are_answered(&bed)).await;
    let mut kept = in_time?;
    for (kind, after) in closed {
        let one = promise("a client without a whole request is closed after HEADER_TIMEOUT_MS, and a second for the host")
            .observed(Fact::named("client", kind.name()))
            .observed(Fact::duration("HEADER_TIMEOUT_MS", HEADER))
            .observed(end(after))
            .likely(
                after.is_some(),
                "it is closed, but after another time than HEADER_TIMEOUT_MS: the setting is not read, or in another unit",
                "read it, in milliseconds",
            )
            .likely(
                kind == Kind::ByteByByteAfterwards,
                "the time of a head is bounded for a connection's first request only",
                "start the clock again with each answer",
            )
            .likely(
                kind == Kind::ByteByByte,
                "the clock starts again with each byte, or there is none: a timeout without a timer does nothing",
                "bound the time of the whole head; hyper needs `.timer(TokioTimer::new())` for its `header_read_timeout`",
            )
            .likely(true, "nothing ends a connection that is idle", "bound the time between two requests, too")
            .kept_if(after.is_some_and(|after| after <= HEADER + HOST))?;
        kept = kept.and(one);
    }
    kept = kept.and(waits_not_long(&bed, &service, Kind::ByteByByte).await?);
    kept = kept.and(waits_not_long(&bed, &service, Kind::Silent).await?);
    let taken = taken.await.map_err(|error| SetUp::from_cause("take an answer slowly", error))?;
    Ok(kept.and(busy?).and(patient::is_whole_in_the_end(&taken)?))
}

/// The promise that clients who send nothing are closed by the contract's default, where nobody has set `HEADER_TIMEOUT_MS`.
pub(super) async fn are_closed_by_default(service: &Subject) -> Verdict {
    const DEFAULT: Duration = Duration::from_secs(5);
    let mut kept = Kept::default();
    for (kind, after) in join_all([Kind::Silent, Kind::Idle].map(|kind| one(service.addr(), kind))).await {
        let one = promise(format!(
            "where HEADER_TIMEOUT_MS is not set, a client that sends nothing is closed after {} s, and a second for the host",
            DEFAULT.as_secs()
        ))
        .observed(Fact::named("client", kind.name()))
        .observed(end(after))
        .likely(true, "without the setting there is no bound, or a longer one", "5000 is the default of HEADER_TIMEOUT_MS")
        .kept_if(after.is_some_and(|after| after <= DEFAULT + HOST))?;
        kept = kept.and(one);
    }
    Ok(kept)
}

/// What becomes of one client of a kind.
async fn one(addr: SocketAddr, kind: Kind) -> (Kind, Option<Duration>) {
    let after = match open(addr, kind).await {
        Some(client) => closed_after(client, kind).await,
        None => None,
    };
    (kind, after)
}

fn end(after: Option<Duration>) -> Fact {
    match after {
        Some(after) => Fact::duration("closed after", after),
        None => Fact::named("closed", format!("not within {} s", LOOKS.as_secs())),
    }
}

/// The promise that a whole request is answered beside many slow clients of one kind.
async fn waits_not_long(bed: &Bed, service: &Subject, kind: Kind) -> Verdict {
    let addr = service.addr();
    bed.says(format!("{SLOW} slow clients come: {}", kind.name()));
    // They come first, and so they wait first; whoever the kernel does not let in so soon stays away.
    let coming = (0..SLOW).map(|_| timeout(HEADER / 4, open(addr, kind)));
    let mut slow = JoinSet::new();
    for client in join_all(coming).await.into_iter().flatten().flatten() {
        slow.spawn(closed_after(client, kind));
    }
    let came = slow.len();
    let asked = Instant::now();
    let answers = join_all((0..WHOLE).map(|_| async {
        let answer = service.get("/posts").send().await;
        (answer, asked.elapsed())
    }));
    let answers = answers.await;
    slow.abort_all();
    let slowest = answers.iter().map(|(_, took)| *took).max().unwrap_or_default();
    let served =
        answers.iter().filter(|(answer, _)| answer.as_ref().is_ok_and(|answer| answer.status == 200)).count();
    promise(format!(
        "{SLOW} slow clients keep a whole request waiting no longer than HEADER_TIMEOUT_MS, and a second for the host"
    ))
    .observed(Fact::named("slow clients", format!("{came}, {}", kind.name())))
    .observed(Fact::count("whole requests", WHOLE))
    .observed(Fact::count("served", served))
    .observed(Fact::duration("the slowest after", slowest))
    .observed(Fact::duration("HEADER_TIMEOUT_MS", HEADER))
    .likely(
        slowest > HEADER + HOST && kind == Kind::Silent,
        "those that have sent something make room, and those that have sent nothing do not: they fill all places, again and again",
        "when places run short, close who has been without a whole request for longest, from the moment when it was accepted",
    )
    .likely(
        slowest > HEADER + HOST,
        "the slow ones fill all places, again and again: those who waited outside take what the first ones give back",
        "when places run short, close who has been without a whole request for longest, before his time is over",
    )
    .likely(true, "whole requests are refused, or cut off", "a slow client may be sent away, one with a whole request may not")
    .kept_if(served == WHOLE && slowest <= HEADER + HOST)
}

/// Connects, and is slow from then on; `None` where that cannot be done.
async fn open(addr: SocketAddr, kind: Kind) -> Option<TcpStream> {
    let mut stream = timeout(LOOKS, TcpStream::connect(addr)).await.ok()?.ok()?;
    if matches!(kind, Kind::Idle | Kind::ByteByByteAfterwards) {
        stream.write_all(b"GET /health HTTP/1.1\r\nHost: slow\r\n\r\n").await.ok()?;
        timeout(LOOKS, stream.read(&mut [0; 4096])).await.ok()?.ok()?;
    }
    if kind.sends() {
        stream.write_all(b"GET /posts HTTP/1.1\r\nHost: slow\r\nX-Slow: ").await.ok()?;
    }
    Some(stream)
}

/// How long the service puts up with such a client; `None` when it is still open at the end.
async fn closed_after(mut stream: TcpStream, kind: Kind) -> Option<Duration> {
    let mut answer = [0; 4096];
    let (begun, mut bytes) = (Instant::now(), interval(BYTE));
    let closed = async {
        loop {
            tokio::select! {
                // What is said at the end (408, say) is no end yet.
                read = stream.read(&mut answer) => if matches!(read, Ok(0) | Err(_)) {
                    return;
                },
                _ = bytes.tick(), if kind.sends() => if stream.try_write(b"x").is_err_and(is_gone) {
                    return;
                },
            }
        }
    };
    timeout(LOOKS, closed).await.ok().map(|()| begun.elapsed())
}

fn is_gone(error: std::io::Error) -> bool {
    error.kind() != std::io::ErrorKind::WouldBlock
}
