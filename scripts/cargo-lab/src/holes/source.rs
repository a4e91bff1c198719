//! A lab as its solution tells it: the holes, and the files that digging gives.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use testbed::setup::SetUp;

use super::filling::{Before, Filling, todos};
use super::region::{Kind, Region, regions, replaced};
use crate::workspace::{About, Whose, Workspace, files, folders, read};

/// The folders of a package that are dug; each only where the solution has it.
pub const DUG: [&str; 3] = ["src", "deploy", "tests"];

/// A lab, dug from its solution.
pub struct Source {
    /// `00`.
    pub number: String,
    /// `00-overload`: the folder's name in `labs` and in `solutions`.
    pub folder: String,
    /// What the solution's `[package.metadata.lab]` says.
    pub about: About,
    /// The holes, in the order in which the chapter explains them.
    pub holes: Vec<Hole>,
    /// The starter's files, relative to its folder, as digging gives them.
    pub files: BTreeMap<PathBuf, String>,
    /// What is wrong with the solution's holes: `solutions/00-overload/src/line.rs:66: hole-enter has no end`.
    pub faults: Vec<String>,
}

/// A hole with both its sides.
pub struct Hole {
    /// `enter`.
    pub name: String,
    /// The file that has it, relative to the package: `src/line.rs`.
    pub file: PathBuf,
    /// How that file is written.
    pub kind: Kind,
    /// What the starter has there.
    pub filling: Filling,
    /// What the solution has there.
    pub code: Vec<String>,
    /// The line of the solution's file on which that begins, from 1.
    pub line: usize,
}

/// A hole file, until the region is found that it belongs to.
struct HoleFile {
    shown: String,
    extension: String,
    text: String,
    used: bool,
}

impl Source {
    /// The folders of all solutions, by number.
    pub fn folders(workspace: &Workspace) -> Result<Vec<String>, SetUp> {
        let is_lab = |folder: &String| {
            folder.split_once('-').is_some_and(|(number, _)| number.bytes().all(|b| b.is_ascii_digit()))
        };
        let mut found: Vec<_> =
            folders(&workspace.root.join("solutions"))?.into_iter().filter(is_lab).collect();
        found.sort();
        Ok(found)
    }

    /// Reads the solution in `folder` and digs.
    pub fn read(workspace: &Workspace, folder: &str) -> Result<Source, SetUp> {
        let solution = workspace.folder(folder, Whose::Workbook);
        let shown = format!("solutions/{folder}");
        let number = folder.split_once('-').map_or(folder, |(number, _)| number).to_owned();
        let manifest = read(&solution.join("Cargo.toml"))?;
        let about = about(&manifest).map_err(|error| {
            let mend = "give it a table [package.metadata.lab]: ARCHITECTURE.md tells what belongs there";
            SetUp::new(format!("read `{shown}/Cargo.toml`"), error, mend)
        })?;
        let mut hole_files = HoleFile::all(&solution, &shown)?;
        let mut source = Source {
            number,
            folder: folder.to_owned(),
            about,
            holes: Vec::new(),
            files: BTreeMap::from([("Cargo.toml".into(), own_manifest(&manifest, folder))]),
            faults: Vec::new(),
        };
        for dug in DUG.into_iter().filter(|dug| solution.join(dug).is_dir()) {
            let mut inside = files(&solution.join(dug))?;
            inside.sort();
            for file in inside {
                let file = Path::new(dug).join(file);
                let text = read(&solution.join(&file))?;
                let text = source.dig(&file, &text, &mut hole_files);
                source.files.insert(file, own_names(&text, folder));
            }
        }
        for (name, file) in hole_files.iter().filter(|(_, file)| !file.used) {
            source.faults.push(format!("{}:1: no file of the solution has a region hole-{name}", file.shown));
        }
        source.hold_against_manifest(&manifest, &shown);
        let place = |name: &String| source.about.holes.iter().position(|listed| listed == name);
        source.holes.sort_by_key(|hole| place(&hole.name).unwrap_or(usize::MAX));
        Ok(source)
    }

    /// The solution's text at `file` with its regions replaced.
    fn dig(&mut self, file: &Path, text: &str, hole_files: &mut BTreeMap<String, HoleFile>) -> String {
        let Some(kind) = Kind::of(file) else { return text.to_owned() };
        let shown = format!("solutions/{}/{}", self.folder, file.display());
        let (found, faults) = regions(text, kind);
        self.faults.extend(faults.into_iter().map(|fault| format!("{shown}:{}: {}", fault.line, fault.what)));
        if kind == Kind::Rust {
            self.faults
                .extend(todos(text).iter().map(|line| format!("{shown}:{line}: a `todo!` in the solution")));
        }
        for region in &found {
            match self.hole(region, kind, hole_files) {
                Ok(filling) => self.holes.push(Hole {
                    name: region.name.clone(),
                    file: file.to_path_buf(),
                    kind,
                    filling,
                    code: region.code(text),
                    line: region.begin + 1,
                }),
                Err(why) => self.faults.push(format!("{shown}:{}: {why}", region.begin)),
            }
        }
        let filling = |region: &Region| {
            let hole = self.holes.iter().find(|hole| hole.name == region.name);
            hole.map(|hole| hole.filling.lines.clone())
        };
        replaced(text, &found, filling)
    }

    /// What belongs into `region`, or why nothing does.
    fn hole(
        &mut self,
        region: &Region,
        kind: Kind,
        hole_files: &mut BTreeMap<String, HoleFile>,
    ) -> Result<Filling, String> {
        let (name, extension) = (&region.name, kind.extension());
        let Some(file) = hole_files.get_mut(name).filter(|file| file.extension == extension) else {
            return Err(format!("hole-{name} has no holes/{name}.{extension}"));
        };
        if file.used {
            return Err(format!("hole-{name} is there twice"));
        }
        file.used = true;
        let (filling, faults) = Filling::parse(&file.text, kind, &self.number, self.before());
        self.faults
            .extend(faults.into_iter().map(|fault| format!("{}:{}: {}", file.shown, fault.line, fault.what)));
        Ok(filling)
    }

    /// What the starter does before anybody has worked on it: a `first` that says nothing is met by no check.
    fn before(&self) -> Before {
        if self.about.first.is_empty() { Before::Works } else { Before::Open }
    }

    /// `holes`, `first` and `red` speak of holes that are there, and of all of them.
    fn hold_against_manifest(&mut self, manifest: &str, shown: &str) {
        let at = |needle: &str| (1..).zip(manifest.lines()).find(|(_, line)| line.contains(needle));
        let fault = |needle: &str, what: String| {
            let line = at(needle).or_else(|| at("[package.metadata.lab]")).map_or(1, |(line, _)| line);
            format!("{shown}/Cargo.toml:{line}: {what}")
        };
        let mut faults = Vec::new();
        for (index, name) in self.about.holes.iter().enumerate() {
            if !self.holes.iter().any(|hole| hole.name == *name) {
                faults.push(fault("holes = ", format!("`holes` names {name}, and there is no such hole")));
            }
            if self.about.holes[..index].contains(name) {
                faults.push(fault("holes = ", format!("`holes` names {name} twice")));
            }
        }
        for hole in self.holes.iter().filter(|hole| !self.about.holes.contains(&hole.name)) {
            faults.push(fault("holes = ", format!("`holes` does not name {}", hole.name)));
        }
        let is_met = |text: &str| self.holes.iter().any(|hole| hole.filling.todo.as_deref() == Some(text));
        let first = Some(&self.about.first).filter(|_| self.before() == Before::Open);
        for text in first.into_iter().chain(self.about.red.values()) {
            if !is_met(text) {
                faults.push(fault(&format!("\"{text}\""), format!("no hole says \"{text}\"")));
            }
        }
        self.faults.extend(faults);
    }
}

impl HoleFile {
    fn all(solution: &Path, shown: &str) -> Result<BTreeMap<String, HoleFile>, SetUp> {
        let folder = solution.join("holes");
        let mut found = BTreeMap::new();
        for file in if folder.is_dir() { files(&folder)? } else { Vec::new() } {
            let part =
                |part: Option<&std::ffi::OsStr>| part.unwrap_or_default().to_string_lossy().into_owned();
            let (name, extension) = (part(file.file_stem()), part(file.extension()));
            let text = read(&folder.join(&file))?;
            let shown = format!("{shown}/holes/{}", file.display());
            found.insert(name, HoleFile { shown, extension, text, used: false });
        }
        Ok(found)
    }
}

/// `[package.metadata.lab]` of a manifest.
fn about(manifest: &str) -> Result<About, String> {
    let manifest: toml::Table = manifest.parse().map_err(|error: toml::de::Error| error.to_string())?;
    let about = manifest.get("package").and_then(|package| package.get("metadata")?.get("lab"));
    let about = about.cloned().ok_or("it has no [package.metadata.lab]")?;
    about.try_into().map_err(|error: toml::de::Error| error.to_string())
}

/// The solution's text with the starter's name in place of its own.
fn own_names(text: &str, folder: &str) -> String {
    let module = folder.replace('-', "_");
    text.replace(&format!("solution-{folder}"), &format!("lab-{folder}"))
        .replace(&format!("solution_{module}"), &format!("lab_{module}"))
}

/// The solution's manifest as the starter's: another name, and what lay beside it lies in `solutions`.
fn own_manifest(manifest: &str, folder: &str) -> String {
    let own = manifest.replace(&format!("path = \"../../labs/{folder}/"), "path = \"./");
    let beside = |line: &str| match line.split_once("path = \"../") {
        Some((before, after)) if !after.starts_with("../") => {
            format!("{before}path = \"../../solutions/{after}")
        }
        _ => line.replace("path = \"./", "path = \""),
    };
    own_names(&own.split_inclusive('\n').map(beside).collect::<String>(), folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_starter_has_its_own_name_and_finds_what_lay_beside_the_solution() {
        let manifest = "\
[package]
name = \"solution-02-message-queue\"
[dependencies]
direct_write = { package = \"solution-01-direct-write\", path = \"../01-direct-write\" }
[[test]]
path = \"../../labs/02-message-queue/tests/verify.rs\"
";
        let expected = "\
[package]
name = \"lab-02-message-queue\"
[dependencies]
direct_write = { package = \"solution-01-direct-write\", path = \"../../solutions/01-direct-write\" }
[[test]]
path = \"tests/verify.rs\"
";
        assert_eq!(own_manifest(manifest, "02-message-queue"), expected);
        assert_eq!(
            own_names("use solution_02_message_queue as service;", "02-message-queue"),
            "use lab_02_message_queue as service;"
        );
    }

    #[test]
    fn a_manifest_without_a_lab_says_so() {
        assert_eq!(
            about("[package]\nname = \"x\"\n").err().as_deref(),
            Some("it has no [package.metadata.lab]")
        );
    }
}
