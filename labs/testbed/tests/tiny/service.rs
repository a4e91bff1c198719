//! A service in a few lines: it answers `GET /health` and `POST /post`, and has one vice at a time, named by `TINY`. As one of several
//! it answers with its `TINY_NAME`, and first asks whoever is at the address `TINY_ASKS`.

use std::env;
use std::io::Result;
use std::process::{Command, exit};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::signal::unix::{SignalKind, signal};

/// What a child holds in memory.
const HELD: usize = 64 << 20;

#[tokio::main]
async fn main() -> Result<()> {
    let vice = env::var("TINY").unwrap_or_default();
    match vice.as_str() {
        "ends" => {
            eprintln!("cannot go on: the moon is full");
            exit(7);
        }
        "silent" => return std::future::pending().await,
        "child" => {
            let held = vec![1u8; HELD];
            std::future::pending::<()>().await;
            drop(held);
        }
        _ => {}
    }
    let mut terminate = signal(SignalKind::terminate())?;
    let listener = TcpListener::bind(env::var("BIND_ADDR").unwrap_or_default())
        .await
        .inspect_err(|error| eprintln!("{error}"))?;
    eprintln!("listening");
    loop {
        tokio::select! {
            _ = terminate.recv() => match vice.as_str() {
                "deaf" => eprintln!("SIGTERM? what SIGTERM?"),
                _ => return Ok(()),
            },
            accepted = listener.accept() => {
                tokio::spawn(serve(accepted?.0, vice.clone()));
            }
        }
    }
}

/// Answers one request after another. Those of the tests are short: each comes in one piece.
async fn serve(mut stream: TcpStream, vice: String) -> Result<()> {
    let mut request = [0; 16 << 10];
    loop {
        let read = stream.read(&mut request).await?;
        let request = String::from_utf8_lossy(&request[..read]);
        let answer = match request.split(' ').next() {
            Some("GET") if vice == "unready" => answer("503 Service Unavailable", "not yet"),
            Some("GET") => {
                asks().await?;
                answer("200 OK", env::var("TINY_NAME").as_deref().unwrap_or("well"))
            }
            Some("POST") => post(&vice)?,
            _ => return Ok(()),
        };
        stream.write_all(answer.as_bytes()).await?;
    }
}

/// One question on a connection of its own.
async fn asks() -> Result<()> {
    if let Ok(addr) = env::var("TINY_ASKS") {
        let mut stream = TcpStream::connect(addr).await?;
        stream.write_u8(b'?').await?;
        stream.read_u8().await?;
    }
    Ok(())
}

fn post(vice: &str) -> Result<String> {
    match vice {
        "hole" => todo!("lab 00: keep the post"),
        "panics" => panic!("the shelf is full"),
        "family" => {
            let child = Command::new(env::current_exe()?).env("TINY", "child").spawn()?;
            Ok(answer("201 Created", &child.id().to_string()))
        }
        _ => Ok(answer("201 Created", "{}")),
    }
}

fn answer(status: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}
