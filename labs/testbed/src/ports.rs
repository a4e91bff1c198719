//! Ports on 127.0.0.1 that stay the same across a restart.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Mutex, PoisonError};

use crate::setup::SetUp;

/// Names another range of ports to choose from: `20000-20999`.
pub const RANGE: &str = "LAB_PORTS";

/// Below the range from which the kernel lends ports to outgoing connections (32768 on Linux, 49152 on macOS),
/// so that no client can take the port while its server is down.
const USUAL: (u16, u16) = (15_000, 31_999);

/// How many ports are looked at before the range passes for full.
const TRIES: usize = 200;

/// The ports that this process gave out last. Who was given one may not listen yet, or may be back on it soon; and whoever looks for
/// him there must not find another.
static GIVEN: Mutex<VecDeque<u16>> = Mutex::new(VecDeque::new());

/// A port on 127.0.0.1 that nothing listens on now, and that nobody else in this process was given lately.
///
/// Another process may still take it before it is used: whoever uses it must be ready to ask again.
pub fn free() -> Result<SocketAddr, SetUp> {
    let (first, last) = range()?;
    let count = usize::from(last - first) + 1;
    let mut given = GIVEN.lock().unwrap_or_else(PoisonError::into_inner);
    // Half of the range stays open to choice, however small it is.
    given.truncate(count / 2);
    for _ in 0..TRIES {
        let port = first + (uuid::Uuid::new_v4().as_u128() % count as u128) as u16;
        let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        if !given.contains(&port) && is_free(addr) {
            given.push_front(port);
            return Ok(addr);
        }
    }
    Err(SetUp::new(
        "find a free port on 127.0.0.1",
        format!("{TRIES} tries between {first} and {last}, each port taken"),
        format!(
            "stop some of the programs that listen on this machine (`ss -ltn` lists them), or name another range in {RANGE}"
        ),
    ))
}

/// Whether nothing listens on `addr` now.
fn is_free(addr: SocketAddr) -> bool {
    TcpListener::bind(addr).is_ok()
}

fn range() -> Result<(u16, u16), SetUp> {
    let Ok(named) = std::env::var(RANGE) else { return Ok(USUAL) };
    let range =
        named.split_once('-').and_then(|(first, last)| Some((first.parse().ok()?, last.parse().ok()?)));
    range.filter(|(first, last)| 0 < *first && first <= last).ok_or_else(|| {
        SetUp::new(
            format!("read {RANGE}"),
            format!("`{named}` is no range"),
            format!("write it as {RANGE}=20000-20999, or unset it"),
        )
    })
}
