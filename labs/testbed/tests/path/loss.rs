//! A path tells the truth about its far side: it refuses where nothing listens, and what it loses is lost for good.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use testbed::path::{Path, Way};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::parties::{End, Server, connect, end_of, end_of_new, exchange, until};
use crate::{A_WHILE, Test};

/// A client's kernel repeats a lost handshake after 1 s, and again 1 to 2 s later.
const REPEATED: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn refuses_as_where_nothing_listens_until_it_heals() -> Test {
    let server = Server::echo().await?;
    let path = Path::to(server.addr, Duration::ZERO)?;
    let addr = path.addr();
    let mut old = connect(addr).await?;
    exchange(&mut old, b"?").await?;

    for _ in 0..3 {
        path.refuse();
        assert_eq!(refused(addr).await, ErrorKind::ConnectionRefused);
        assert_eq!(refused(addr).await, ErrorKind::ConnectionRefused);
        until(|| server.open() == 0).await;
        path.heal()?;
        assert_eq!(path.addr(), addr);
        exchange(&mut connect(addr).await?, b"?").await?;
    }
    assert_eq!(end_of(&mut old).await, End::Reset);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_port_that_somebody_took_is_no_heal() -> Test {
    let server = Server::echo().await?;
    let path = Path::to(server.addr, Duration::ZERO)?;
    path.refuse();
    let squatter = TcpListener::bind(path.addr()).await?;
    let fault = path.heal().unwrap_err();
    assert!(fault.cause.contains("in use"), "{fault}");
    drop(squatter);
    path.heal()?;
    exchange(&mut connect(path.addr()).await?, b"?").await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_sent_before_and_during_a_loss_never_arrives() -> Test {
    let heard = Arc::new(AtomicUsize::new(0));
    let upstream = counts_what_it_hears(heard.clone()).await?;
    // Long enough for the second byte to be on its way when the loss begins.
    let path = Path::open(upstream, Way::round_trip(Duration::from_millis(200)))?;
    let mut client = connect(path.addr()).await?;
    client.write_all(b"1").await?;
    assert_eq!(client.read_u8().await?, b'!');
    client.write_all(b"2").await?;
    until(|| path.counts().bytes_up == 2).await;
    path.lose()?;
    client.write_all(b"3").await?;
    assert!(timeout(2 * A_WHILE, client.read_u8()).await.is_err(), "something came back");

    path.heal()?;
    client.write_all(b"4").await?;
    // Dead both ways, and silent: no byte, no end, no reset.
    assert!(timeout(4 * A_WHILE, client.read_u8()).await.is_err(), "a lost connection spoke");
    assert_eq!(heard.load(Ordering::SeqCst), 1);

    // The healed path carries who comes now; a second loss takes that one, too.
    let mut next = connect(path.addr()).await?;
    next.write_all(b"5").await?;
    assert_eq!(next.read_u8().await?, b'!');
    path.lose()?;
    path.heal()?;
    next.write_all(b"6").await?;
    assert!(timeout(4 * A_WHILE, next.read_u8()).await.is_err(), "a loss that healed at once is a loss");
    assert_eq!(heard.load(Ordering::SeqCst), 2);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_end_of_a_lost_connection_gives_up_by_itself() -> Test {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let path = Path::to(listener.local_addr()?, Duration::ZERO)?;
    let client = connect(path.addr()).await?;
    let (mut upstream, _) = listener.accept().await?;
    path.lose()?;
    drop(client);
    assert!(timeout(A_WHILE, upstream.read_u8()).await.is_err(), "the upstream heard of it");
    assert_eq!(path.counts().open, 1);
    drop(upstream);
    until(|| path.counts().open == 0).await;

    // Who sends without end is stopped, as when nothing is acknowledged; a cut reaches even the dead.
    path.heal()?;
    let mut client = connect(path.addr()).await?;
    let _upstream = listener.accept().await?;
    path.lose()?;
    let much = vec![0; 64 << 20];
    assert!(
        timeout(2 * A_WHILE, client.write_all(&much)).await.is_err(),
        "the lost way swallows without end"
    );
    path.cut()?;
    assert_eq!(end_of(&mut client).await, End::Reset);
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_handshake_is_lost_and_repeated_until_it_heals() -> Test {
    let server = Server::echo().await?;
    let path = Path::to(server.addr, Duration::ZERO)?;
    let addr = path.addr();
    for _ in 0..2 {
        path.reset_counts();
        path.lose()?;
        let mut pending: Vec<_> = (0..20).map(|_| tokio::spawn(connect(addr))).collect();
        assert!(timeout(2 * A_WHILE, connect(addr)).await.is_err(), "a handshake got through");
        assert!(!pending.iter().any(tokio::task::JoinHandle::is_finished), "a handshake got through");
        assert_eq!((path.counts().connections, server.open()), (0, 0));

        path.heal()?;
        exchange(&mut connect(addr).await?, b"?").await?;
        for client in pending.drain(..) {
            let mut client = timeout(REPEATED, client).await???;
            exchange(&mut client, b"?").await?;
        }
        // The one that gave up before the heal is not among them, and nobody else is.
        assert_eq!((path.counts().connections, path.counts().upstream_failures), (21, 0));
        until(|| server.open() == 0).await;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_fault_gives_way_to_another() -> Test {
    let server = Server::echo().await?;
    let path = Path::to(server.addr, Duration::ZERO)?;
    let addr = path.addr();
    path.lose()?;
    path.refuse();
    assert_eq!(refused(addr).await, ErrorKind::ConnectionRefused);
    path.lose()?;
    assert!(timeout(A_WHILE, connect(addr)).await.is_err(), "a handshake got through");
    path.cut()?;
    assert_eq!(end_of_new(addr).await, End::Reset);
    path.refuse();
    path.black_hole()?;
    let mut held = connect(addr).await?;
    held.write_all(b"?").await?;
    assert!(timeout(A_WHILE, held.read_u8()).await.is_err(), "something came out of the black hole");
    path.heal()?;
    assert_eq!(held.read_u8().await?, b'?');
    Ok(())
}

/// Who comes in while a loss begins is either lost or has to wait: nobody of that time is answered before the heal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loss_begins_at_one_moment_for_all() -> Test {
    let server = Server::echo().await?;
    for _ in 0..30 {
        let path = Path::to(server.addr, Duration::ZERO)?;
        let addr = path.addr();
        let clients: Vec<_> = (0..10).map(|_| tokio::spawn(connect(addr))).collect();
        tokio::task::yield_now().await;
        path.lose()?;
        for client in clients {
            if let Ok(client) = timeout(Duration::from_millis(5), client).await {
                let mut client = client??;
                client.write_all(b"?").await?;
                let heard = timeout(Duration::from_millis(5), client.read_u8()).await;
                assert!(heard.is_err(), "a lost connection was answered: {heard:?}");
            }
        }
    }
    Ok(())
}

async fn refused(addr: SocketAddr) -> ErrorKind {
    match timeout(A_WHILE, TcpStream::connect(addr)).await {
        Ok(Ok(_)) => panic!("a client got in"),
        Ok(Err(error)) => error.kind(),
        Err(_) => panic!("a client hangs"),
    }
}

/// Answers every byte with `!`.
async fn counts_what_it_hears(heard: Arc<AtomicUsize>) -> std::io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let addr = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let heard = heard.clone();
            tokio::spawn(async move {
                while stream.read_u8().await.is_ok() {
                    heard.fetch_add(1, Ordering::SeqCst);
                    if stream.write_all(b"!").await.is_err() {
                        break;
                    }
                }
            });
        }
    });
    Ok(addr)
}
