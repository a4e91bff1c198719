//! One connection: its handshake, then both directions until they end.

use std::io;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use tokio::net::TcpStream;

use super::lane::{End, Lane, Reset};
use super::state::{Direction, Fault, Open};

/// Carries a client's connection to the upstream, until both sides have closed, one resets, or the link is cut once
/// more than the `cuts` that it had seen when it took the connection.
pub(super) async fn carry(client: TcpStream, open: Open, cuts: u64) {
    let mut client = Some(client);
    let mut upstream = None;
    let mut watch = open.state.watch();
    let ended = tokio::select! {
        biased;
        _ = watch.wait_for(|control| control.cuts != cuts) => Err(Reset),
        ended = serve(&mut client, &mut upstream, &open, cuts) => ended,
    };
    if ended.is_err() {
        client.into_iter().chain(upstream).for_each(reset);
    }
}

/// Closes a connection with a reset, so that the peer's next call fails instead of seeing an orderly end.
pub(super) fn reset(stream: TcpStream) {
    let _ = stream.set_zero_linger();
}

async fn serve(
    client: &mut Option<TcpStream>,
    upstream: &mut Option<TcpStream>,
    open: &Open,
    cuts: u64,
) -> Result<(), Reset> {
    let state = &*open.state;
    let mut watch = state.watch();
    // A handshake lost in a black hole begins again when the link is whole.
    let _ = watch.wait_for(|control| control.fault != Fault::BlackHole).await;
    let begun = Instant::now();
    let control = state.control();
    let round_trip = control.path.round_trip;

    state.clock.until(begun + round_trip / 2).await;
    let (Some(client), Ok(stream)) = (client, connect(control.upstream).await) else {
        state.counts().upstream_failures += 1;
        state.clock.until(begun + round_trip).await;
        return Err(Reset);
    };
    let upstream = upstream.insert(stream);
    client.set_nodelay(true).map_err(|_| Reset)?;

    let (from_client, mut to_client) = client.split();
    let (from_upstream, mut to_upstream) = upstream.split();
    let asked = AtomicBool::new(false);
    let up = Lane::new(Direction::Up, state, cuts, &asked, begun + round_trip);
    let down = Lane::new(Direction::Down, state, cuts, &asked, begun + round_trip * 3 / 2);
    let ends = tokio::try_join!(
        up.carry(&from_client, &mut to_upstream),
        down.carry(&from_upstream, &mut to_client)
    )?;
    match ends {
        (End::Closed, End::Closed) => Ok(()),
        _ => Err(Reset),
    }
}

async fn connect(upstream: std::net::SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(upstream).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
