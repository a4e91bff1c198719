//! One connection: its handshake, then both directions until they end.

use std::io;
use std::pin::Pin;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::watch;

use super::delay_line::{DelayLine, End};
use super::state::{Control, Direction, Fault, Open, Stop};

/// How much of what is lost a connection takes from its sender, who may send no more unacknowledged.
const UNACKNOWLEDGED: usize = 256 * 1024;

/// Carries a client's connection to the upstream, until both sides have closed, one resets, or the path's orders end all that was
/// `made` before them.
pub(super) async fn carry(client: TcpStream, open: Open, made: Control) {
    let mut ends = Ends { client: Some(client), connecting: None, upstream: None };
    let mut watch = open.state.watch();
    let ended = tokio::select! {
        biased;
        stop = stopped(&mut watch, &made) => Err(stop),
        ended = serve(&mut ends, &open, &made) => ended,
    };
    let Ends { client, connecting, upstream } = ends;
    let there = client.into_iter().chain(upstream);
    match ended {
        Ok(()) => {}
        Err(Stop::Reset) => there.for_each(reset),
        Err(Stop::Lost) => {
            let silent = |end| silent(end, open.state.watch(), made.cuts);
            // The upstream may have taken a connection that we have not heard of yet.
            let half_made = async {
                if let Some(Ok(upstream)) = futures_util::future::OptionFuture::from(connecting).await {
                    silent(upstream).await;
                }
            };
            futures_util::join!(futures_util::future::join_all(there.map(silent)), half_made);
        }
    }
}

type Connecting = Pin<Box<dyn Future<Output = io::Result<TcpStream>> + Send>>;

/// The two ends of a connection, as far as they are there.
struct Ends {
    client: Option<TcpStream>,
    connecting: Option<Connecting>,
    upstream: Option<TcpStream>,
}

/// Closes a connection with a reset, so that the peer's next call fails instead of seeing an orderly end.
pub(super) fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
}

/// Completes when the orders end a connection that was `made` before them.
async fn stopped(watch: &mut watch::Receiver<Control>, made: &Control) -> Stop {
    let seen = watch.wait_for(|control| made.stop(control).is_some()).await;
    // An error means that the path is gone, and this task with it.
    seen.ok().and_then(|control| made.stop(&control)).unwrap_or(Stop::Reset)
}

/// Holds an end that hears nothing any more, until it gives up by itself or the path is cut.
async fn silent(end: TcpStream, mut watch: watch::Receiver<Control>, cuts: u64) {
    let cut = watch.wait_for(|control| control.cuts != cuts);
    let was_cut = tokio::select! {
        biased;
        _ = cut => true,
        () = given_up(&end) => false,
    };
    if was_cut {
        reset(end);
    }
}

/// Lets one end talk to nobody, until it closes or resets its connection.
async fn given_up(end: &TcpStream) {
    let mut lost = 0;
    let mut nowhere = [0; 16 * 1024];
    while lost < UNACKNOWLEDGED {
        if end.readable().await.is_err() {
            return;
        }
        match end.try_read(&mut nowhere) {
            Ok(0) => return,
            Ok(read) => lost += read,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(_) => return,
        }
    }
    // What is not read stops the sender, and hides its close; its reset is seen.
    let _ = end.ready(Interest::ERROR).await;
}

async fn serve(ends: &mut Ends, open: &Open, made: &Control) -> Result<(), Stop> {
    let state = &*open.state;
    let mut watch = state.watch();
    // A handshake lost in a black hole begins again when the path is whole.
    let _ = watch.wait_for(|control| control.fault != Fault::BlackHole).await;
    let begun = Instant::now();
    let control = state.control();
    let round_trip = control.way.round_trip;

    state.clock.until(begun + round_trip / 2).await;
    let connected = ends.connecting.insert(Box::pin(connect(control.upstream))).await;
    ends.connecting = None;
    let (Some(client), Ok(stream)) = (&mut ends.client, connected) else {
        state.counts().upstream_failures += 1;
        state.clock.until(begun + round_trip).await;
        return Err(Stop::Reset);
    };
    let upstream = ends.upstream.insert(stream);
    client.set_nodelay(true).map_err(|_| Stop::Reset)?;

    let (from_client, mut to_client) = client.split();
    let (from_upstream, mut to_upstream) = upstream.split();
    let asked = AtomicBool::new(false);
    let up = DelayLine::new(Direction::Up, state, *made, &asked, begun + round_trip);
    let down = DelayLine::new(Direction::Down, state, *made, &asked, begun + round_trip * 3 / 2);
    let ends = tokio::try_join!(
        up.carry(&from_client, &mut to_upstream),
        down.carry(&from_upstream, &mut to_client)
    )?;
    match ends {
        (End::Closed, End::Closed) => Ok(()),
        _ => Err(Stop::Reset),
    }
}

async fn connect(upstream: std::net::SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
