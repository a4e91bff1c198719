//! The test-bed's own open descriptors. Hundreds of clients and their paths need more than a shell's usual soft limit.

use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// The soft limit before it was raised; set once it is.
static BEFORE: OnceLock<Rlimit> = OnceLock::new();

/// Raises this process's soft limit of open descriptors to the hard one. Subjects still start with the old one.
///
/// Where the system refuses (macOS has a bound of its own), the limit stays as it is.
pub fn raise() {
    BEFORE.get_or_init(|| {
        let before = getrlimit(Resource::Nofile);
        let _ = setrlimit(Resource::Nofile, Rlimit { current: before.maximum, maximum: before.maximum });
        before
    });
}

/// The soft limit that a child must be given back, where ours was raised.
pub(crate) fn given_back() -> Option<u64> {
    let before = BEFORE.get()?;
    before.current.filter(|_| before.current != before.maximum)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_soft_limit_becomes_the_hard_one_and_children_get_the_old_one_back() {
        let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
        let low = Rlimit { current: Some(1000), maximum };
        setrlimit(Resource::Nofile, low).unwrap();
        raise();
        let now = getrlimit(Resource::Nofile);
        assert!(cfg!(not(target_os = "linux")) || now.current == maximum, "{now:?}");
        assert_eq!(given_back(), Some(1000));
    }
}
