//! Connections end as they would on a real path, and faults pass.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use testbed::path::{Path, Way};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::parties::{End, Server, connect, end_of, end_of_new, exchange, until};
use crate::{A_WHILE, MIB, Test};

/// What must happen has happened by then.
const SOON: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_resets_all_until_it_heals() -> Test {
    let server = Server::echo().await?;
    let path = Path::open(server.addr, Way::default())?;
    let mut old = connect(path.addr()).await?;
    exchange(&mut old, b"?").await?;

    path.cut()?;
    assert_eq!(end_of(&mut old).await, End::Reset);
    assert_eq!(end_of_new(path.addr()).await, End::Reset);
    until(|| server.open() == 0).await;

    path.heal()?;
    exchange(&mut connect(path.addr()).await?, b"?").await?;

    // A cut that heals at once is a cut all the same.
    let mut brief = connect(path.addr()).await?;
    exchange(&mut brief, b"?").await?;
    path.cut()?;
    path.heal()?;
    assert_eq!(end_of(&mut brief).await, End::Reset);
    assert_eq!(path.counts().connections, 4);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_lets_nothing_out_of_the_black_hole() -> Test {
    let received = Arc::new(AtomicUsize::new(0));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let upstream = listener.local_addr()?;
    let counter = received.clone();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let counter = counter.clone();
            tokio::spawn(async move {
                while let Ok(1) = stream.read(&mut [0]).await {
                    counter.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
    });
    let path = Path::open(upstream, Way::default())?;
    // Which of the path's tasks is woken first is a matter of chance.
    for _ in 0..200 {
        let mut held = connect(path.addr()).await?;
        held.write_all(b"!").await?;
        until(|| received.swap(0, Ordering::SeqCst) == 1).await;
        path.black_hole()?;
        held.write_all(b"!").await?;
        path.cut()?;
        path.heal()?;
        assert_eq!(end_of(&mut held).await, End::Reset);
        assert_eq!(received.load(Ordering::SeqCst), 0, "a byte came out of the black hole");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_black_hole_hangs_all_until_it_heals() -> Test {
    let server = Server::echo().await?;
    let path = Path::open(server.addr, Way::default())?;
    let mut old = connect(path.addr()).await?;
    exchange(&mut old, b"?").await?;
    path.reset_counts();

    path.black_hole()?;
    let mut new = connect(path.addr()).await?;
    for stream in [&mut old, &mut new] {
        stream.write_all(b"lost?").await?;
        assert!(timeout(A_WHILE, stream.read_u8()).await.is_err(), "something came out of the black hole");
    }
    let counts = path.counts();
    assert_eq!((counts.bytes_up, counts.bytes_down, counts.open, counts.connections), (0, 0, 2, 1));
    assert_eq!(server.open(), 1, "the new connection fell into the hole");

    path.heal()?;
    for mut stream in [old, new] {
        let mut answer = [0; 5];
        timeout(SOON, stream.read_exact(&mut answer)).await??;
        assert_eq!(&answer, b"lost?");
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dead_upstream_is_seen_and_can_be_replaced() -> Test {
    let first = Server::echo().await?;
    let path = Path::open(first.addr, Way::default())?;
    let mut old = connect(path.addr()).await?;
    exchange(&mut old, b"?").await?;

    drop(first);
    assert_ne!(end_of(&mut old).await, End::Missing);
    assert_eq!(end_of_new(path.addr()).await, End::Reset);
    assert_eq!(path.counts().upstream_failures, 1);

    let second = Server::echo().await?;
    path.set_upstream(second.addr);
    let mut new = connect(path.addr()).await?;
    exchange(&mut new, b"?").await?;
    assert_eq!(second.open(), 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reset_passes_through() -> Test {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let path = Path::open(listener.local_addr()?, Way::round_trip(Duration::from_millis(20)))?;

    let mut client = connect(path.addr()).await?;
    let (upstream, _) = listener.accept().await?;
    upstream.set_zero_linger()?;
    drop(upstream);
    assert_eq!(end_of(&mut client).await, End::Reset);

    let client = connect(path.addr()).await?;
    let (mut upstream, _) = listener.accept().await?;
    client.set_zero_linger()?;
    drop(client);
    assert_eq!(end_of(&mut upstream).await, End::Reset);
    until(|| path.counts().open == 0).await;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_half_close_passes_in_order() -> Test {
    // It answers only once it has read to the end.
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let way = Way { round_trip: Duration::from_millis(20), bandwidth: Some(4 * MIB as u64) };
    let path = Path::open(listener.local_addr()?, way)?;
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await?;
        let mut request = Vec::new();
        stream.read_to_end(&mut request).await?;
        stream.write_all(&request).await?;
        io::Result::Ok(request.len())
    });
    let request: Vec<u8> = (0..300_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let mut client = connect(path.addr()).await?;
    client.write_all(&request).await?;
    client.shutdown().await?;
    let mut answer = Vec::new();
    timeout(SOON, client.read_to_end(&mut answer)).await??;
    assert!(answer == request, "{} bytes came back of {}", answer.len(), request.len());
    assert_eq!(server.await??, request.len());
    until(|| path.counts().open == 0).await;
    assert_eq!(path.counts().turn_arounds, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_left_after_drop() -> Test {
    let server = Server::echo().await?;
    let path = Path::open(server.addr, Way::round_trip(Duration::from_millis(5)))?;
    let addr = path.addr();
    let mut stream = connect(addr).await?;
    exchange(&mut stream, b"?").await?;
    let held = Path::open(server.addr, Way::default())?;
    held.black_hole()?;
    let mut hanging = connect(held.addr()).await?;

    drop(path);
    drop(held);
    assert_ne!(end_of(&mut stream).await, End::Missing);
    assert_ne!(end_of(&mut hanging).await, End::Missing);
    until(|| server.open() == 0).await;
    let deadline = Instant::now() + SOON;
    while TcpStream::connect(addr).await.is_ok() {
        assert!(Instant::now() < deadline, "the port still accepts");
    }
    Ok(())
}
