//! A fault of the set-up: no engine, no image, no port, no disk. Never a broken promise.

use std::error::Error;
use std::io::{self, ErrorKind};
use std::sync::Arc;

/// The machine could not give what a check needs. Says what failed, why, and what mends it.
#[derive(Clone, Debug, thiserror::Error)]
#[error("failed to {what}\n  cause  {cause}\n  mend   {mend}")]
pub struct SetUp {
    /// What kind of fault it is. Whatever is decided by a fault is decided by this.
    pub kind: Kind,
    /// The operation and its object: `start PostgreSQL (postgres:17)`.
    pub what: String,
    /// Why it failed, in the words of whoever refused.
    pub cause: String,
    /// What the reader can do about it.
    pub mend: String,
    #[source]
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// The kinds of faults, by what mends them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// The Docker engine is not there, or does not answer.
    Engine,
    /// The engine is there, and does not let this user in.
    EngineAccess,
    /// Another program holds a port.
    Port,
    /// No space is left on a disk.
    Disk,
    /// A file or a folder cannot be read or written by this user.
    Permission,
    /// Anything else.
    Other,
}

impl Kind {
    fn mend(self) -> &'static str {
        match self {
            Kind::Engine => {
                "start the Docker engine (`docker info` must answer), then run the command again; `cargo lab doctor` looks at the whole set-up"
            }
            Kind::EngineAccess => {
                "let your user talk to the Docker engine (on Linux: join the group `docker`, then log in again)"
            }
            Kind::Port => "another program holds the port; run the command again, or stop that program",
            Kind::Disk => {
                "free some disk space (`docker system df` shows what Docker holds), then run the command again"
            }
            Kind::Permission => {
                "let your user write there, or name another place, then run the command again"
            }
            Kind::Other => {
                "run `cargo lab doctor`: it looks at the engine, the images, the ports and the disk one by one"
            }
        }
    }

    /// The kind of an error of the operating system, somewhere below what is reported.
    fn of(error: &(dyn Error + 'static)) -> Kind {
        let mut next = Some(error);
        while let Some(error) = next {
            let io = error.downcast_ref::<io::Error>();
            match io.map(io::Error::kind) {
                Some(ErrorKind::StorageFull | ErrorKind::QuotaExceeded) => return Kind::Disk,
                Some(ErrorKind::AddrInUse) => return Kind::Port,
                Some(ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem) => return Kind::Permission,
                // What an error of I/O carries is not its source: its source is that of what it carries.
                _ => {
                    let carried =
                        io.and_then(io::Error::get_ref).map(|error| error as &(dyn Error + 'static));
                    next = carried.or_else(|| error.source());
                }
            }
        }
        Kind::Other
    }
}

impl SetUp {
    /// A fault with its mend spelled out.
    pub fn new(what: impl Into<String>, cause: impl std::fmt::Display, mend: impl Into<String>) -> Self {
        let (what, cause, mend) = (what.into(), cause.to_string(), mend.into());
        Self { kind: Kind::Other, what, cause, mend, source: None }
    }

    /// A fault whose kind, and with it the mend, follows from an error of the operating system; from words alone follows nothing.
    pub fn from_cause(what: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        let kind = Kind::of(&*cause);
        Self::of_kind(kind, what, cause)
    }

    /// A fault of a known kind.
    pub fn of_kind(
        kind: Kind,
        what: impl Into<String>,
        cause: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let cause: Box<dyn Error + Send + Sync> = cause.into();
        let (what, said) = (what.into(), cause.to_string());
        Self { kind, what, cause: said, mend: kind.mend().to_owned(), source: Some(cause.into()) }
    }

    /// A fault in reaching or asking the Docker engine.
    pub fn of_engine(what: impl Into<String>, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let cause = cause.into();
        let kind = match Kind::of(&*cause) {
            Kind::Permission => Kind::EngineAccess,
            Kind::Other => Kind::Engine,
            kind => kind,
        };
        Self::of_kind(kind, what, cause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mend_follows_from_the_kind_of_the_cause() {
        let full = SetUp::from_cause("write a file", io::Error::from(ErrorKind::StorageFull));
        assert!(full.kind == Kind::Disk && full.mend.contains("disk"), "{full}");
        let taken = SetUp::from_cause("listen", io::Error::from(ErrorKind::AddrInUse));
        assert!(taken.kind == Kind::Port && taken.mend.contains("port"), "{taken}");
        let absent = SetUp::of_engine("reach the Docker engine", io::Error::from(ErrorKind::NotFound));
        assert!(absent.mend.contains("start the Docker engine"), "{absent}");
        let closed =
            SetUp::of_engine("reach the Docker engine", io::Error::from(ErrorKind::PermissionDenied));
        assert!(closed.mend.contains("group `docker`"), "{closed}");
        let closed = SetUp::from_cause("write the report", io::Error::from(ErrorKind::PermissionDenied));
        assert!(!closed.mend.contains("Docker") && closed.mend.contains("write there"), "{closed}");
    }

    #[test]
    fn a_cause_below_others_is_found() {
        let wrapped = io::Error::other(io::Error::from(ErrorKind::StorageFull));
        assert_eq!(SetUp::from_cause("write a file", wrapped).kind, Kind::Disk);
        assert_eq!(
            SetUp::from_cause("go on", "no space left on device").kind,
            Kind::Other,
            "words decide nothing"
        );
    }
}
