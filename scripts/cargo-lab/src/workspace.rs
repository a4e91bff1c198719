//! Where things are: the clone's folders, and the labs in them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cargo_metadata::{Metadata, MetadataCommand, Package};
use serde::Deserialize;
use testbed::setup::SetUp;
use time::OffsetDateTime;

/// The clone's folders.
pub struct Workspace {
    /// The folder of the root `Cargo.toml`.
    pub root: PathBuf,
    /// Cargo's target folder, wherever the reader's own settings put it.
    pub target: PathBuf,
    packages: Vec<Package>,
}

/// The folder of deploy files, in every version of a lab that has some.
pub const DEPLOY: &str = "deploy";

/// Whose version of a lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The starter, and what the learner makes of it.
    Learner,
    /// The solution.
    Workbook,
}

impl Whose {
    /// The workbook's where somebody asks for the solution.
    pub fn solution(asked: bool) -> Whose {
        if asked { Whose::Workbook } else { Whose::Learner }
    }
}

/// A lab, as its starter's manifest tells of it.
#[derive(Clone, Debug)]
pub struct Lab {
    /// `01`.
    pub number: String,
    /// `01-direct-write`: the folder's name in `labs` and in `solutions`.
    pub folder: String,
    /// What `[package.metadata.lab]` says.
    pub about: About,
}

/// `[package.metadata.lab]` of a solution, and of the starter that is dug from it.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct About {
    /// The lab's title.
    pub title: String,
    /// Its first page in the book: `01-direct-write/README.md`.
    pub chapter: String,
    /// The names of its holes, in the order in which the chapter explains them.
    pub holes: Vec<String>,
    /// What the `todo!` says that a check of the starter meets, unless `red` tells otherwise.
    pub first: String,
    /// The checks that meet another hole, and what that one's `todo!` says.
    #[serde(default)]
    pub red: BTreeMap<String, String>,
    /// The checks that a starter which works as it is dug keeps from the start.
    #[serde(default)]
    pub kept: Vec<String>,
}

impl Workspace {
    /// The workspace from which this program was built, as cargo sees it.
    pub fn find() -> Result<Workspace, SetUp> {
        let here = std::env::var_os("CARGO_MANIFEST_DIR")
            .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
        let mend = "run it in the clone, as `cargo lab`; if that does not help, clone the workbook again";
        // Where cargo is asked from decides which of its settings count: from the root, as every build of ours.
        let root = here.ancestors().nth(2).unwrap_or(&here);
        let fault = |error| SetUp::new(format!("look at the workspace in `{}`", root.display()), error, mend);
        let asked = MetadataCommand::new().current_dir(root).no_deps().exec();
        let Metadata { packages, workspace_root, target_directory, .. } = asked.map_err(fault)?;
        Ok(Workspace { root: workspace_root.into(), target: target_directory.into(), packages })
    }

    /// All labs, by number.
    pub fn labs(&self) -> Result<Vec<Lab>, SetUp> {
        let mut labs = Vec::new();
        for package in self.packages.iter().filter(|package| package.name.starts_with("lab-")) {
            let Some(about) = package.metadata.get("lab") else { continue };
            let path = package.manifest_path.as_std_path();
            let about = About::deserialize(about).map_err(|error| unreadable(path, &error))?;
            let folder = path.parent().and_then(|folder| folder.file_name()?.to_str());
            let numbered = folder.and_then(|folder| Some((folder, folder.split_once('-')?.0)));
            let (folder, number) = numbered.ok_or_else(|| {
                unreadable(path, &"a lab's folder begins with its number: `01-direct-write`")
            })?;
            labs.push(Lab { number: number.to_owned(), folder: folder.to_owned(), about });
        }
        labs.sort_by(|one, other| one.folder.cmp(&other.folder));
        Ok(labs)
    }

    /// The lab that a reader means by `01`, `1` or `01-direct-write`.
    pub fn lab(&self, name: &str) -> Result<Option<Lab>, SetUp> {
        let labs = self.labs()?;
        Ok(labs
            .into_iter()
            .find(|lab| lab.folder == name || lab.number == name || lab.number == format!("0{name}")))
    }

    /// Where a version of a lab is, by the name of the lab's folder.
    pub fn folder(&self, lab: &str, whose: Whose) -> PathBuf {
        let parent = match whose {
            Whose::Learner => "labs",
            Whose::Workbook => "solutions",
        };
        self.root.join(parent).join(lab)
    }

    /// The folder of its deploy files; a lab before 04 has none.
    pub fn deploy(&self, lab: &Lab, whose: Whose) -> Option<PathBuf> {
        Some(self.folder(&lab.folder, whose).join(DEPLOY)).filter(|folder| folder.is_dir())
    }

    /// Where the report of a package's last run is.
    pub fn report(&self, package: &str) -> PathBuf {
        self.target.join("lab").join("reports").join(package)
    }

    /// A path as it is shown: from the clone's root.
    pub fn shown(&self, path: &Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// When the sources of a lab's starter were last changed; `None` when the file system does not tell.
    pub fn changed(&self, lab: &Lab) -> Option<OffsetDateTime> {
        let folder = self.folder(&lab.folder, Whose::Learner);
        let changed = ["src", DEPLOY].into_iter().flat_map(|part| {
            let part = folder.join(part);
            files(&part).unwrap_or_default().into_iter().map(move |file| part.join(file))
        });
        let changed = changed
            .chain([folder.join("Cargo.toml")])
            .filter_map(|file| file.metadata().ok()?.modified().ok());
        changed.max().map(OffsetDateTime::from)
    }

    /// Where the book is built.
    pub fn book(&self) -> PathBuf {
        self.target.join("book")
    }
}

impl About {
    /// What the `todo!` says that `check` meets in the starter.
    pub fn hole_of(&self, check: &str) -> Option<&str> {
        let hole = self.red.get(check).unwrap_or(&self.first);
        Some(hole.as_str()).filter(|hole| !hole.is_empty())
    }

    /// Whether the starter keeps this check before anybody has worked on it.
    pub fn keeps(&self, check: &str) -> bool {
        self.kept.iter().any(|kept| kept == check)
    }
}

impl Lab {
    /// The package of a version.
    pub fn package(&self, whose: Whose) -> String {
        match whose {
            Whose::Learner => self.starter(),
            Whose::Workbook => self.solution(),
        }
    }

    /// The starter's package.
    pub fn starter(&self) -> String {
        format!("lab-{}", self.folder)
    }

    /// The solution's package.
    pub fn solution(&self) -> String {
        format!("solution-{}", self.folder)
    }
}

/// The names of the folders in `folder`.
pub fn folders(folder: &Path) -> Result<Vec<String>, SetUp> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let folders = entries.flatten().filter(|entry| entry.path().is_dir());
    Ok(folders.filter_map(|entry| entry.file_name().into_string().ok()).collect())
}

/// The files under `folder`, at any depth, relative to it.
pub fn files(folder: &Path) -> Result<Vec<PathBuf>, SetUp> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(inside) = folders.pop() {
        for entry in std::fs::read_dir(&inside).map_err(|error| unreadable(&inside, &error))?.flatten() {
            let path = entry.path();
            match path.is_dir() {
                true => folders.push(path),
                false => found.push(path.strip_prefix(folder).unwrap_or(&path).to_path_buf()),
            }
        }
    }
    Ok(found)
}

/// A file's text.
pub fn read(path: &Path) -> Result<String, SetUp> {
    std::fs::read_to_string(path).map_err(|error| unreadable(path, &error))
}

/// Writes a file, and the folders that lead to it.
pub fn write_file(path: &Path, text: &str) -> Result<(), SetUp> {
    let fault = |error| SetUp::from_cause(format!("write `{}`", path.display()), error);
    std::fs::create_dir_all(path.parent().unwrap_or(path)).map_err(fault)?;
    std::fs::write(path, text).map_err(fault)
}

/// A file of the clone that cannot be read.
pub fn unreadable(path: &Path, error: &dyn std::fmt::Display) -> SetUp {
    SetUp::new(
        format!("read `{}`", path.display()),
        error,
        "restore it with `git checkout`, or clone the workbook again",
    )
}
