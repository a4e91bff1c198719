//! A fault of the set-up: no engine, no image, no port, no disk. Never a broken promise.

use std::fmt;

/// The machine could not give what a check needs. Says what failed, why, and what mends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetUp {
    /// The operation and its object: `start PostgreSQL (postgres:17)`.
    pub what: String,
    /// Why it failed, in the words of whoever refused.
    pub cause: String,
    /// What the reader can do about it.
    pub mend: String,
}

impl SetUp {
    /// A fault with its mend spelled out.
    pub fn new(what: impl Into<String>, cause: impl fmt::Display, mend: impl Into<String>) -> Self {
        Self { what: what.into(), cause: cause.to_string(), mend: mend.into() }
    }

    /// A fault whose mend follows from what the system said.
    pub fn from_cause(what: impl Into<String>, cause: impl fmt::Display) -> Self {
        let cause = cause.to_string();
        let mend = mend_for(&cause);
        Self { what: what.into(), cause, mend }
    }
}

/// The mend that a system's own words point to.
fn mend_for(cause: &str) -> String {
    let said = cause.to_lowercase();
    let of_the_engine = ["docker", "connect", "socket"].iter().any(|word| said.contains(word));
    let mend = if said.contains("no space left") {
        "free some disk space (`docker system df` shows what Docker holds), then run the command again"
    } else if port_is_taken(&said) {
        "another program holds the port; run the command again, or stop that program"
    } else if of_the_engine && said.contains("permission denied") {
        "let your user talk to the Docker engine (on Linux: join the group `docker`, then log in again)"
    } else if of_the_engine {
        "start the Docker engine (`docker info` must answer), then run the command again; `cargo lab doctor` looks at the whole set-up"
    } else if said.contains("permission denied") || said.contains("read-only file system") {
        "let your user write there, or name another place, then run the command again"
    } else {
        "run `cargo lab doctor`: it looks at the engine, the images, the ports and the disk one by one"
    };
    mend.to_owned()
}

/// Whether these words of the engine or the kernel say that somebody else holds a port.
pub(crate) fn port_is_taken(said: &str) -> bool {
    said.contains("address already in use") || said.contains("port is already allocated")
}

impl fmt::Display for SetUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "failed to {}\n  cause  {}\n  mend   {}", self.what, self.cause, self.mend)
    }
}

impl std::error::Error for SetUp {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mend_follows_from_the_cause() {
        let full = SetUp::from_cause("start PostgreSQL", "write /var/lib/docker: no space left on device");
        assert!(full.mend.contains("disk"), "{full}");
        let taken = SetUp::from_cause(
            "start PostgreSQL",
            "Bind for 127.0.0.1:5432 failed: port is already allocated",
        );
        assert!(taken.mend.contains("port"), "{taken}");
        let absent = SetUp::from_cause(
            "reach the Docker engine",
            "error trying to connect: No such file or directory",
        );
        assert!(absent.mend.contains("start the Docker engine"), "{absent}");
        let closed = SetUp::from_cause("write the report to `/r`", "Permission denied (os error 13)");
        assert!(!closed.mend.contains("Docker") && closed.mend.contains("write there"), "{closed}");
    }
}
