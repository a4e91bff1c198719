//! Requests under way: whoever has sent a whole one is answered, though it takes longer than a head may, and though others want the place.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::contract::prelude::*;

use super::FEW;

/// `HEADER_TIMEOUT_MS` here.
const HEADER: Duration = Duration::from_secs(1);
/// How long the broker takes to confirm a post: longer than a head may take.
const CONFIRM: Duration = Duration::from_millis(1500);
/// `REQUEST_TIMEOUT_MS` here.
const LONG: Duration = Duration::from_secs(4);
/// How many ask first: far fewer than there are places.
const FIRST: usize = 30;
/// How many come while those are being answered: more than there are places.
const MORE: usize = 200;
/// When they come: the first ones have been read by then, and have no answer yet.
const LATER: Duration = Duration::from_millis(500);
/// How long a client waits for the first byte of an answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// What became of a connection with a whole request, and when.
enum End {
    Answered,
    /// By an answer that is none: its head, which was whole, is said to have come too late, or it was refused before its deadline.
    SentAway(Duration),
    Closed(Duration),
    Silent,
}

impl End {
    fn of(answer: &[u8], after: Duration) -> End {
        /// From when on a refusal is that of a clock, and not of a service that has too much to do.
        const CLOCK: Duration = HEADER.saturating_sub(Duration::from_millis(250));
        let is = |status: &[u8]| answer.get(9..12) == Some(status);
        let by_a_clock = is(b"408") || is(b"503") && (CLOCK..CONFIRM).contains(&after);
        if by_a_clock { End::SentAway(after) } else { End::Answered }
    }
}

/// Posts whose answer takes longer than a head may: a few of them by themselves, and with more than there are places for.
pub(super) async fn are_answered(bed: &Bed) -> Verdict {
    let path = Path::to(bed.broker().server(), Duration::ZERO)?;
    let service = bed.service().named("busy").broker_via(path.addr());
    let service = service.header_timeout(HEADER).deadline(LONG).nofile(FEW.0, FEW.1).start().await?;
    // What a service opens with its first post has been opened.
    let _ = service.post(&json!({"content": format!("{BY_HAND}, the first")})).send().await;
    path.set_way(Way::round_trip(CONFIRM));
    let alone = is_kept(&ends(service.addr(), 0).await, 0)?;
    let crowded = is_kept(&ends(service.addr(), MORE).await, MORE)?;
    Ok(alone.and(crowded))
}

/// The promise that none of the first was closed without an answer.
fn is_kept(ends: &[End], more: usize) -> Verdict {
    let answered = ends.iter().filter(|end| matches!(end, End::Answered)).count();
    let closed: Vec<Duration> = ends
        .iter()
        .filter_map(|end| match end {
            End::Closed(after) | End::SentAway(after) => Some(*after),
            _ => None,
        })
        .collect();
    let sent_away = ends.iter().filter(|end| matches!(end, End::SentAway(_))).count();
    let first = closed.iter().min().copied();
    promise("a connection that has a whole request is answered, however short places are, and however long the answer takes")
        .observed(Fact::count("posts under way", FIRST))
        .observed((more > 0).then(|| Fact::count("that came half a second later", more)))
        .observed(Fact::count("of the first, answered", answered))
        .observed((closed.len() > sent_away).then(|| Fact::count("closed without an answer", closed.len() - sent_away)))
        .observed((sent_away > 0).then(|| Fact::count("sent away with 408, or with 503 before their deadline", sent_away)))
        .observed(first.map(|first| Fact::duration("the first of them after", first)))
        .observed(Fact::duration("HEADER_TIMEOUT_MS", HEADER))
        .observed(Fact::duration("the broker confirms after", CONFIRM))
        .likely(
            closed.is_empty(),
            "a request waits for what does not come, and nothing bounds that",
            "answer each request within REQUEST_TIMEOUT_MS, with 503 where nothing else is possible (lab 01)",
        )
        .likely(
            more == 0 && first.is_some_and(|first| first + HEADER / 4 > HEADER),
            "the time for a head goes on while the answer is made",
            "stop that clock when the head is whole, and start it again with the answer",
        )
        .likely(
            more > 0,
            "where nobody is idle, one whose request is under way was closed",
            "close only who has no whole request; where there is none, wait to accept",
        )
        .likely(true, "the connection ended in the middle of a request", "end a connection with its answer, and not before")
        .kept_if(answered == FIRST)
}

/// What becomes of the first ones, when so many more come after them.
async fn ends(addr: SocketAddr, more: usize) -> Vec<End> {
    let mut first = JoinSet::new();
    (0..FIRST).for_each(|_| drop(first.spawn(one(addr))));
    let mut others = JoinSet::new();
    (0..more).for_each(|_| {
        others.spawn(async move {
            sleep(LATER).await;
            one(addr).await
        });
    });
    // The others go when this returns: nothing is asserted of them.
    first.join_all().await
}

/// One connection, with one whole post, until the first byte of its answer.
async fn one(addr: SocketAddr) -> End {
    const BODY: &str = r#"{"content":"by hand, under way"}"#;
    let begun = Instant::now();
    let asked = async {
        let mut stream = TcpStream::connect(addr).await?;
        let head = "POST /post HTTP/1.1\r\nHost: busy\r\nContent-Type: application/json\r\nContent-Length:";
        stream.write_all(format!("{head} {}\r\n\r\n{BODY}", BODY.len()).as_bytes()).await?;
        let mut answer = vec![0; 1024];
        let read = stream.read(&mut answer).await?;
        answer.truncate(read);
        Ok::<_, io::Error>(answer)
    };
    match timeout(PATIENCE, asked).await {
        Ok(Ok(answer)) if answer.is_empty() => End::Closed(begun.elapsed()),
        Ok(Ok(answer)) => End::of(&answer, begun.elapsed()),
        Ok(Err(error)) if error.kind() == io::ErrorKind::ConnectionReset => End::Closed(begun.elapsed()),
        Ok(Err(_)) | Err(_) => End::Silent,
    }
}
