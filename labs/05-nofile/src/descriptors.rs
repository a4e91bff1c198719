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
    // Raise the soft limit to the hard one, and return it.
    //
    // Why is this allowed to everybody, and why do programs start with less?
    let _ = setrlimit;
    let Rlimit { current, .. } = getrlimit(Resource::Nofile);
    Ok(current)
    // ANCHOR_END: hole-raise
}
// ANCHOR_END: raise

/// How many clients are served at once under `limit`, beside at most `database` connections to the
/// database; `None` where none is left for them.
// ANCHOR: bound
#[must_use]
pub fn for_clients(limit: Option<u64>, database: u16) -> Option<usize> {
    // ANCHOR: hole-bound
    // Tell how many clients fit under the limit, beside what the service needs itself.
    //
    // When the connection to the broker dies, a new one is opened. How many descriptors must be free at that moment, and
    // who would have taken them?
    let _ = (limit, database, OWN, BROKER);
    usize::try_from(MOST).ok()
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
