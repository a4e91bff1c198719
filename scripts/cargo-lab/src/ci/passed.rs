//! What has passed before, by the fingerprint of all that decides it: not tried again, unless this is CI.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};

use testbed::setup::SetUp;

use crate::workspace::{DEPLOY, Lab, Whose, Workspace, files, read, write_file};

/// Set on every CI: there all is tried.
const CI: &str = "CI";

/// What all wrong answers of the workbook depend on, beside their solution and their patch.
const SHARED: [&str; 2] = ["labs/promises/src", "labs/testbed/src"];

/// The memory of what has passed.
pub struct Passed {
    folder: PathBuf,
    shared: u64,
}

impl Passed {
    /// For what is tried on the solution of `lab`, with services that were started from `images`.
    pub fn of(workspace: &Workspace, lab: &Lab, images: &str) -> Result<Passed, SetUp> {
        let solution = workspace.folder(&lab.folder, Whose::Workbook);
        let mut hasher = DefaultHasher::new();
        images.hash(&mut hasher);
        read(&workspace.root.join("Cargo.lock"))?.hash(&mut hasher);
        read(&solution.join("Cargo.toml"))?.hash(&mut hasher);
        let folders = SHARED.map(|folder| workspace.root.join(folder));
        let own = ["src", DEPLOY].map(|folder| solution.join(folder));
        for folder in folders.iter().chain(own.iter().filter(|folder| folder.is_dir())) {
            let mut all = files(folder)?;
            all.sort();
            for file in all {
                file.hash(&mut hasher);
                read(&folder.join(&file))?.hash(&mut hasher);
            }
        }
        Ok(Passed { folder: workspace.target.join("lab").join("passed"), shared: hasher.finish() })
    }

    /// Whether it has passed as it is now; never on a CI.
    pub fn has(&self, name: &str, patch: &Path) -> Result<bool, SetUp> {
        if std::env::var_os(CI).is_some() {
            return Ok(false);
        }
        let known = std::fs::read_to_string(self.folder.join(name)).unwrap_or_default();
        Ok(known == self.fingerprint(patch)?)
    }

    /// Remembers that it has passed.
    pub fn remember(&self, name: &str, patch: &Path) -> Result<(), SetUp> {
        let fingerprint = self.fingerprint(patch)?;
        write_file(&self.folder.join(name), &fingerprint)
    }

    /// Of the patch, of the message on record, and of all that they share.
    fn fingerprint(&self, patch: &Path) -> Result<String, SetUp> {
        let mut hasher = DefaultHasher::new();
        self.shared.hash(&mut hasher);
        read(patch)?.hash(&mut hasher);
        std::fs::read_to_string(patch.with_extension("snap")).unwrap_or_default().hash(&mut hasher);
        Ok(format!("{:016x}", hasher.finish()))
    }
}
