//! What a learner had, kept before it is replaced.

use std::path::{Path, PathBuf};

use testbed::setup::SetUp;
use time::OffsetDateTime;

use crate::workspace::Workspace;

/// Copies `files` of a starter into a new folder `target/lab/backups/NN/DATE-TIME` (UTC), and gives that folder as a reader types it.
/// `None` when none of them is there.
pub fn keep(
    workspace: &Workspace,
    number: &str,
    starter: &Path,
    files: &[&Path],
) -> Result<Option<String>, SetUp> {
    let there: Vec<_> = files.iter().filter(|file| starter.join(file).exists()).collect();
    if there.is_empty() {
        return Ok(None);
    }
    let folder = free(&workspace.target.join("lab/backups").join(number), &stamp(OffsetDateTime::now_utc()));
    for file in there {
        copy(&starter.join(file), &folder.join(file))?;
    }
    Ok(Some(folder.strip_prefix(&workspace.root).unwrap_or(&folder).display().to_string()))
}

fn copy(from: &Path, to: &Path) -> Result<(), SetUp> {
    let fault = |error| SetUp::from_cause(format!("keep `{}` in `{}`", from.display(), to.display()), error);
    std::fs::create_dir_all(to.parent().unwrap_or(to)).map_err(fault)?;
    std::fs::copy(from, to).map(drop).map_err(fault)
}

/// A folder that is not there yet: two backups may be made within one second.
fn free(backups: &Path, stamp: &str) -> PathBuf {
    let mut names = std::iter::once(stamp.to_owned()).chain((2..).map(|n| format!("{stamp}-{n}")));
    let name = names.find(|name| !backups.join(name).exists());
    backups.join(name.unwrap_or_else(|| stamp.to_owned()))
}

/// `2026-11-24-235837`.
fn stamp(now: OffsetDateTime) -> String {
    let (year, month, day) = (now.year(), u8::from(now.month()), now.day());
    format!("{year:04}-{month:02}-{day:02}-{:02}{:02}{:02}", now.hour(), now.minute(), now.second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_backup_is_dated_and_never_written_over() {
        assert_eq!(stamp(OffsetDateTime::UNIX_EPOCH), "1970-01-01-000000");
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(free(folder.path(), "x"), folder.path().join("x"));
        std::fs::create_dir(folder.path().join("x")).unwrap();
        assert_eq!(free(folder.path(), "x"), folder.path().join("x-2"));
    }
}
