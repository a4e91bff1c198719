//! Open descriptors: the test-bed's own, of which hundreds of clients and their paths need more than a shell's usual soft limit; and those
//! of another process.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::setup::SetUp;

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

/// What another process has open, and how many it may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Open {
    /// The soft limit.
    pub soft: u64,
    /// The hard limit.
    pub hard: u64,
    /// All descriptors.
    pub all: u64,
    /// Of these, sockets.
    pub sockets: u64,
    /// And pipes.
    pub pipes: u64,
    /// And regular files. Devices, directories, event queues and the like are none of the three.
    pub files: u64,
}

/// What the process of this id has open at this moment.
///
/// # Errors
/// It has ended, is another user's, or the system has no `/proc`.
pub fn of(id: u32) -> Result<Open, SetUp> {
    counted(id, &listed(id)?)
}

/// As [`of`], of a process that opens and closes meanwhile: what was open in two looks, one after the other, was open between them, all at
/// once. Never more than there were, where one look may count a file that was closed and its successor. One whose number is above the soft
/// limit was there before that limit, and takes no place of it.
///
/// # Errors
/// As there.
pub fn surely(id: u32) -> Result<Open, SetUp> {
    let (soft, _) = limits(id)?;
    let first = listed(id)?;
    let mut both = listed(id)?;
    let is_below = |path: &Path| {
        let number =
            path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse::<u64>().ok());
        number.is_some_and(|number| number < soft)
    };
    both.retain(|path, target| is_below(path) && first.get(path) == Some(target));
    counted(id, &both)
}

/// Where each descriptor leads, by its path.
fn listed(id: u32) -> Result<BTreeMap<PathBuf, PathBuf>, SetUp> {
    let fault = |error| unreadable(id, error);
    let mut all = BTreeMap::new();
    for descriptor in fs::read_dir(format!("/proc/{id}/fd")).map_err(fault)? {
        let path = descriptor.map_err(fault)?.path();
        // What was closed meanwhile is not open.
        if let Ok(target) = fs::read_link(&path) {
            all.insert(path, target);
        }
    }
    Ok(all)
}

fn counted(id: u32, descriptors: &BTreeMap<PathBuf, PathBuf>) -> Result<Open, SetUp> {
    let (soft, hard) = limits(id)?;
    let mut open = Open { soft, hard, all: descriptors.len() as u64, ..Open::default() };
    for (path, target) in descriptors {
        let target = target.to_string_lossy();
        open.sockets += u64::from(target.starts_with("socket:"));
        open.pipes += u64::from(target.starts_with("pipe:"));
        // Followed, for a device has a name, too.
        let is_file = target.starts_with('/') && fs::metadata(path).is_ok_and(|file| file.is_file());
        open.files += u64::from(is_file);
    }
    Ok(open)
}

/// Soft and hard limit of the process of this id: told to everybody, where what is open is told to its own user alone.
///
/// # Errors
/// It has ended, or the system has no `/proc`.
pub fn limits(id: u32) -> Result<(u64, u64), SetUp> {
    let limits = fs::read_to_string(format!("/proc/{id}/limits")).map_err(|error| unreadable(id, error))?;
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files")).unwrap_or_default();
    let mut words = line.split_whitespace().map(|word| word.parse().unwrap_or(u64::MAX));
    Ok((words.next().unwrap_or_default(), words.next().unwrap_or_default()))
}

fn unreadable(id: u32, error: io::Error) -> SetUp {
    let what = format!("read the open descriptors of process {id}");
    match cfg!(target_os = "linux") {
        true => SetUp::from_cause(what, error),
        false => SetUp::new(what, error, "run the check on Linux, where /proc tells"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(target_os = "linux")]
    #[test]
    fn what_stays_open_is_surely_there_and_a_device_is_no_file() {
        let me = std::process::id();
        let program = std::env::current_exe().unwrap();
        let before = surely(me).unwrap();
        let _files = [(); 8].map(|()| fs::File::open(&program).unwrap());
        let _devices = [(); 8].map(|()| fs::File::open("/dev/null").unwrap());
        let after = surely(me).unwrap();
        // Other tests of this process open and close files meanwhile.
        assert!(after.all >= before.all + 12, "{before:?} {after:?}");
        assert!((4..13).contains(&(after.files - before.files)), "{before:?} {after:?}");
    }

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
