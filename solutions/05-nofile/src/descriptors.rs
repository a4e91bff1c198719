//! How many files this process may have open, and how many of them are for clients.

use std::io;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is neither a client's nor a connection to database or broker: the standard streams, the
/// listener, the audit log, the runtime's own. A name that is looked up, or a file that is read, costs
/// one for a moment. The rest is to spare.
const OWN: u64 = 20;
/// An api's connection to the broker, and a consumer's: each has its socket twice, once to cut it by.
const BROKER: u64 = 4;
/// More clients than this at once cost memory, whatever the limit is.
const MOST: u64 = 4096;

/// Raises the soft limit of this process to its hard one, and returns it; `None` is without a limit.
///
/// # Errors
/// The system refuses.
// ANCHOR: raise
pub fn raise() -> io::Result<Option<u64>> {
    // ANCHOR: hole-raise
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    // A process may always do this: only the hard limit needs somebody's leave.
    setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
    Ok(maximum)
    // ANCHOR_END: hole-raise
}
// ANCHOR_END: raise

/// How many clients are served at once under `limit`, beside at most `database` connections to the
/// database; `None` where none is left for them.
// ANCHOR: bound
#[must_use]
pub fn for_clients(limit: Option<u64>, database: u16) -> Option<usize> {
    // ANCHOR: hole-bound
    // Twice: a connection that has died may still be open while its successor is being opened.
    let own = OWN + 2 * (u64::from(database) + BROKER);
    let left = limit.map_or(MOST, |limit| limit.saturating_sub(own)).min(MOST);
    usize::try_from(left).ok().filter(|left| *left > 0)
    // ANCHOR_END: hole-bound
}
// ANCHOR_END: bound

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_service_needs_itself_comes_first() {
        let clients = |limit| for_clients(Some(limit), 10).unwrap_or_default();
        let own = OWN + 2 * (10 + BROKER);
        assert_eq!(clients(own), 0, "a service without a place for clients");
        assert!((40..128 - 12).contains(&clients(128)), "{} of 128", clients(128));
        assert_eq!(clients(129), clients(128) + 1);
        assert!(for_clients(Some(128), 1) > for_clients(Some(128), 10));
        assert!(clients(1024) > 500);
    }

    #[test]
    fn no_limit_is_no_leave_to_take_everything() {
        assert_eq!(for_clients(None, 10), for_clients(Some(1 << 20), 10));
    }

    #[test]
    fn the_soft_limit_becomes_the_hard_one() {
        let hard = getrlimit(Resource::Nofile).maximum;
        assert_eq!(raise().expect("always allowed"), hard);
        assert_eq!(getrlimit(Resource::Nofile).current, hard);
    }
}
