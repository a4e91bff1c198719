//! When the clients have gone, whichever way they went, their descriptors have gone, too.

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::future::join_all;
use testbed::wait;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};

use crate::contract::DEADLINE;
use crate::contract::prelude::*;
use crate::lab_01::HOST;

use super::FEW;

/// How many go in each way, in each round.
const CLIENTS: usize = 40;
const ROUNDS: usize = 3;
/// `HEADER_TIMEOUT_MS` of the service with few descriptors.
const HEADER: Duration = Duration::from_millis(500);
/// `DATABASE_MAX_CONNECTIONS` here: what the descriptors may differ by.
const POOL: usize = 4;
/// How long the database takes for a page.
const READ_TIME: Duration = Duration::from_millis(20);
/// How soon the descriptors are gone.
const SOON: Duration = Duration::from_secs(5);
/// How long a client is at it at most.
const PATIENCE: Duration = Duration::from_secs(5);

/// How a client goes.
#[derive(Clone, Copy)]
enum Way {
    Closes,
    Resets,
    HalfARequest,
    HalfABody,
    BeforeTheAnswer,
    ResetsBeforeTheAnswer,
    IsClosed,
}

impl Way {
    /// The ways by which a client goes itself.
    const ALL: [Way; 6] = [
        Way::Closes,
        Way::Resets,
        Way::HalfARequest,
        Way::HalfABody,
        Way::BeforeTheAnswer,
        Way::ResetsBeforeTheAnswer,
    ];

    fn name(self) -> &'static str {
        match self {
            Way::Closes => "that close",
            Way::Resets => "that reset",
            Way::HalfARequest => "that leave with half a head sent",
            Way::HalfABody => "that leave with half a body sent",
            Way::BeforeTheAnswer => "that leave before their answer",
            Way::ResetsBeforeTheAnswer => "that reset before their answer",
            Way::IsClosed => "that send nothing until they are closed",
        }
    }
}

/// Three rounds of each kind of clients, and the descriptors are as before.
pub(super) async fn nothing_stays_open(bed: Bed) -> Verdict {
    let service = bed.service().pool(POOL).start().await?;
    // Whoever leaks descriptors has none left there; whoever leaks places has none of those.
    let small = bed.service().named("small").pool(POOL).header_timeout(HEADER).nofile(FEW.0, FEW.1);
    let small = small.start().await?;
    for _ in 0..POOL {
        come_and_go(service.addr(), Way::Closes, CLIENTS).await;
    }
    let before = least(&service).await?;
    let mut kept = Kept::default();
    // An answer takes so long that some leave before it.
    bed.database().read_time(READ_TIME).await?;
    for way in Way::ALL {
        for _ in 0..ROUNDS {
            come_and_go(service.addr(), way, CLIENTS).await;
        }
        let most = before + POOL as u64;
        let after = settled(&service, most).await?;
        let gone = promise("when clients have gone, the service has as many descriptors open as before, give or take DATABASE_MAX_CONNECTIONS")
            .observed(Fact::named("clients", format!("{} {}", ROUNDS * CLIENTS, way.name())))
            .observed(Fact::count("descriptors before", before))
            .observed(Fact::count("after", after))
            .likely(
                // Some of those before may have been another client's.
                after >= before + (ROUNDS * CLIENTS / 2) as u64,
                "each client leaves a descriptor behind",
                "close the connection on every way out, also out of one that broke off",
            )
            .likely(true, "some connections are still open, or some ways out leave a descriptor behind", "bound how long a connection may be without a whole request, and close it on every way out")
            .kept_if(after <= most)?;
        for _ in 0..ROUNDS {
            come_and_go(small.addr(), way, CLIENTS).await;
        }
        kept = kept.and(gone).and(goes_on(&small, way).await?);
    }
    // All at once: they have each place, and whoever comes meanwhile has the next that is given back.
    come_and_go(small.addr(), Way::IsClosed, ROUNDS * CLIENTS).await;
    Ok(kept.and(goes_on(&small, Way::IsClosed).await?))
}

/// The promise that there is a place for who comes next.
async fn goes_on(service: &Subject, way: Way) -> Verdict {
    let answer = timeout(DEADLINE + HOST, service.get("/health").send()).await;
    let status = answer.ok().and_then(Result::ok).map(|answer| answer.status);
    promise("when clients have gone, whoever comes next is served")
        .observed(Fact::named("clients", format!("{} {}", ROUNDS * CLIENTS, way.name())))
        .observed(Fact::named(
            "GET /health, afterwards",
            status.map_or("no answer".to_owned(), |status| format!("answered {status}")),
        ))
        .likely(
            service.has_ended().is_some(),
            "the service ended",
            "an error of one connection is told, and the service goes on",
        )
        .likely(
            matches!(way, Way::IsClosed),
            "each client that was closed for want of a head has kept its place: its descriptor is back, the count is not",
            "give the place back where the connection ends, also where its time is over",
        )
        .likely(
            true,
            "each client that left so has kept its place: its descriptor is back, the count is not",
            "give the place back where the connection ends, on every way out",
        )
        .kept_if(status == Some(200))
}

/// How many descriptors the service has when the first clients' are gone: the least of a second's looks.
async fn least(service: &Subject) -> Result<u64, Stop> {
    let mut least = service.descriptors()?.all;
    for _ in 0..20 {
        sleep(Duration::from_millis(50)).await;
        least = least.min(service.descriptors()?.all);
    }
    Ok(least)
}

/// How many descriptors the service has, as soon as they are few enough, or after some seconds.
async fn settled(service: &Subject, most: u64) -> Result<u64, Stop> {
    let few = wait::try_until(SOON, async || {
        let open = service.descriptors()?.all;
        Ok::<_, Stop>((open <= most).then_some(open))
    });
    match few.await? {
        Some(open) => Ok(open),
        None => Ok(service.descriptors()?.all),
    }
}

async fn come_and_go(addr: SocketAddr, way: Way, clients: usize) {
    join_all((0..clients).map(|_| timeout(PATIENCE, one(addr, way)))).await;
}

/// One client. What it sees is no matter of this check.
async fn one(addr: SocketAddr, way: Way) -> std::io::Result<()> {
    const WHOLE: &[u8] = b"GET /posts?page=2 HTTP/1.1\r\nHost: brief\r\n\r\n";
    const HALF_A_BODY: &[u8] =
        b"POST /post HTTP/1.1\r\nHost: brief\r\nContent-Type: application/json\r\nContent-Length: 40\r\n\r\n{\"content\":\"hal";
    let mut stream = TcpStream::connect(addr).await?;
    match way {
        Way::Closes | Way::Resets => {
            stream.write_all(WHOLE).await?;
            let _ = stream.read(&mut [0; 1024]).await?;
            if matches!(way, Way::Resets) {
                stream.set_zero_linger()?;
            }
        }
        Way::HalfARequest => stream.write_all(&WHOLE[..WHOLE.len() / 2]).await?,
        Way::HalfABody => stream.write_all(HALF_A_BODY).await?,
        Way::BeforeTheAnswer => stream.write_all(WHOLE).await?,
        Way::ResetsBeforeTheAnswer => {
            stream.write_all(WHOLE).await?;
            stream.set_zero_linger()?;
        }
        // What is said at the end (408, say) is no end yet.
        Way::IsClosed => while stream.read(&mut [0; 1024]).await? > 0 {},
    }
    Ok(())
}
