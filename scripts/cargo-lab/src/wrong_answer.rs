//! A wrong answer: a patch on a lab's solution with a mistake that somebody could well make, and the copy on which it is tried.
//! It may patch the sources, the deploy files, or both.
//!
//! All of them are applied, one after the other, to one copy of the solution at a fixed path with its own small
//! workspace: so each costs one incremental build.

use std::collections::BTreeMap;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

use testbed::setup::SetUp;
use testbed::submission::Submission;

use crate::artifact::{Artifact, Target};
use crate::process;
use crate::workspace::{DEPLOY, Lab, Whose, Workspace, files, read, unreadable, write_file};

/// The package and the binary of the copy.
const NAME: &str = "wrong-answer";

/// A patch with what its preamble says.
#[derive(Clone, Debug)]
pub struct WrongAnswer {
    /// The patch.
    pub path: PathBuf,
    /// `works-on-after-504`: the file's name.
    pub name: String,
    /// What it does, in a few words.
    pub title: String,
    /// The check that catches it.
    pub check: String,
    /// How somebody comes to write it; empty where that is not told.
    pub story: String,
}

impl WrongAnswer {
    /// All wrong answers of a lab, by name.
    pub fn all(workspace: &Workspace, lab: &Lab) -> Result<Vec<WrongAnswer>, SetUp> {
        let folder = &workspace.folder(&lab.folder, Whose::Workbook).join("wrong-answers");
        let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
        let paths = entries.flatten().map(|entry| entry.path());
        let mut patches: Vec<PathBuf> =
            paths.filter(|path| path.extension().is_some_and(|extension| extension == "patch")).collect();
        patches.sort();
        patches.into_iter().map(WrongAnswer::read).collect()
    }

    fn read(path: PathBuf) -> Result<WrongAnswer, SetUp> {
        let text = read(&path)?;
        let preamble: BTreeMap<&str, &str> = text
            .lines()
            .take_while(|line| !line.starts_with("--- "))
            .filter_map(|line| line.split_once(": "))
            .collect();
        let said = |key: &str| preamble.get(key).map(|text| text.trim().to_owned());
        let check = said("Check").ok_or_else(|| unreadable(&path, &"its preamble has no line `Check: …`"))?;
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        let (title, story) = (said("Title").unwrap_or_default(), said("Story").unwrap_or_default());
        Ok(WrongAnswer { path, name, title, check, story })
    }
    /// Whether it applies to the solution as it is; `Err` says where it does not.
    pub fn applies(&self, solution: &Path) -> Result<Result<(), String>, SetUp> {
        self.apply(solution, &["--dry-run"])
    }

    fn apply(&self, folder: &Path, how: &[&str]) -> Result<Result<(), String>, SetUp> {
        let mut command = Command::new("patch");
        command
            .args(["--strip=1", "--force", "--no-backup-if-mismatch", "--reject-file=-"])
            .args(how)
            .arg("--input")
            .arg(&self.path)
            .current_dir(folder);
        let output = process::output(command).map_err(|mut fault| {
            fault.mend = "install the program `patch` (apt-get install patch)".to_owned();
            fault
        })?;
        if output.status.success() {
            return Ok(Ok(()));
        }
        Ok(Err(format!("does not apply: {}", String::from_utf8_lossy(&output.stdout).trim())))
    }
}

/// The copy of a solution on which wrong answers are tried. Who has it has it alone: there is one binary, and it must stay
/// what it was built as while it is judged.
pub struct Copy {
    original: PathBuf,
    folder: PathBuf,
    root: PathBuf,
    target: PathBuf,
    _alone: File,
}

impl Copy {
    /// The copy of a lab's solution. Waits while another command has it.
    pub fn make(workspace: &Workspace, lab: &Lab) -> Result<Copy, SetUp> {
        let root = workspace.target.join("lab").join("wrong-answers");
        let _alone = alone(&root)?;
        let original = workspace.folder(&lab.folder, Whose::Workbook);
        let folder = root.join("solutions").join(&lab.folder);
        let copy = Copy { original, folder, root, target: workspace.target.clone(), _alone };
        copy.write_manifests(&workspace.root, lab)?;
        Ok(copy)
    }

    /// Builds the solution with this mistake in it. `Err` says why there is none; what does not compile, cargo has told.
    pub fn try_on(&self, answer: &WrongAnswer) -> Result<Result<Submission, String>, SetUp> {
        self.reset()?;
        if let Err(why) = answer.apply(&self.folder, &[])? {
            return Ok(Err(why));
        }
        let deploy = Some(self.folder.join(DEPLOY)).filter(|folder| folder.is_dir());
        let submission = |binary| Submission { binary, deploy };
        Ok(self.build()?.map(submission).ok_or_else(|| "does not compile".to_owned()))
    }

    /// A submission that was just built, at a place of its own: the copy is free for the next one while this one is judged.
    pub fn put_aside(&self, answer: &WrongAnswer, built: &Submission) -> Result<Submission, SetUp> {
        let aside = self.aside(answer);
        let binary = aside.join(NAME);
        let fault = |error| SetUp::from_cause(format!("copy `{}`", built.binary.display()), error);
        std::fs::create_dir_all(&aside).map_err(fault)?;
        std::fs::copy(&built.binary, &binary).map_err(fault)?;
        let deploy = built.deploy.as_ref().map(|_| aside.join(DEPLOY));
        if let (Some(from), Some(to)) = (&built.deploy, &deploy) {
            for file in files(from)? {
                write_file(&to.join(&file), &read(&from.join(&file))?)?;
            }
        }
        Ok(Submission { binary, deploy })
    }

    /// Removes what was put aside.
    pub fn remove(&self, answer: &WrongAnswer) -> Result<(), SetUp> {
        let aside = self.aside(answer);
        std::fs::remove_dir_all(&aside).map_err(|error| unreadable(&aside, &error))
    }

    fn aside(&self, answer: &WrongAnswer) -> PathBuf {
        self.root.join("aside").join(&answer.name)
    }

    /// A workspace of this one package. What only its tests need is left out: its `verify` is the original's.
    fn write_manifests(&self, original_root: &Path, lab: &Lab) -> Result<(), SetUp> {
        let mut whole = manifest(&original_root.join("Cargo.toml"))?;
        let members = toml::Value::from(vec![format!("solutions/{}", lab.folder)]);
        if let Some(workspace) = whole.get_mut("workspace").and_then(toml::Value::as_table_mut) {
            workspace.insert("members".to_owned(), members);
            workspace.remove("default-members");
            workspace.remove("exclude");
        }
        let mut package = manifest(&self.original.join("Cargo.toml"))?;
        package.remove("test");
        package.remove("dev-dependencies");
        self.find_dependencies(&mut package);
        // Another name for the binary, so that it never lies where the solution's own is looked for; the sources know the library's.
        if let Some(about) = package.get_mut("package").and_then(toml::Value::as_table_mut) {
            about.insert("name".to_owned(), NAME.into());
        }
        let library = toml::Table::from_iter([("name".to_owned(), lab.solution().replace('-', "_").into())]);
        package.insert("lib".to_owned(), library.into());
        write_file(&self.root.join("Cargo.toml"), &whole.to_string())?;
        write_file(&self.root.join("Cargo.lock"), &read(&original_root.join("Cargo.lock"))?)?;
        write_file(&self.folder.join("Cargo.toml"), &package.to_string())
    }

    /// The lab before this one stays where it is, and the copy lies elsewhere.
    fn find_dependencies(&self, package: &mut toml::Table) {
        let Some(dependencies) = package.get_mut("dependencies").and_then(toml::Value::as_table_mut) else {
            return;
        };
        for (_, dependency) in dependencies.iter_mut() {
            if let Some(toml::Value::String(path)) = dependency.get_mut("path") {
                *path = self.original.join(&*path).display().to_string();
            }
        }
    }

    /// The solution's sources and deploy files as they are. A file that is right already keeps its time, so that cargo builds no more than
    /// it must.
    fn reset(&self) -> Result<(), SetUp> {
        ["src", DEPLOY].into_iter().try_for_each(|part| self.reset_part(part))
    }

    fn reset_part(&self, part: &str) -> Result<(), SetUp> {
        let (from, to) = (self.original.join(part), self.folder.join(part));
        let inside = |folder: &Path| if folder.is_dir() { files(folder) } else { Ok(Vec::new()) };
        for file in inside(&from)? {
            let text = read(&from.join(&file))?;
            if std::fs::read_to_string(to.join(&file)).ok().as_ref() != Some(&text) {
                write_file(&to.join(&file), &text)?;
            }
        }
        for file in inside(&to)?.iter().filter(|file| !from.join(file).exists()) {
            std::fs::remove_file(to.join(file)).map_err(|error| unreadable(&to.join(file), &error))?;
        }
        Ok(())
    }

    fn build(&self) -> Result<Option<PathBuf>, SetUp> {
        let program = Artifact::of(NAME, Target::Program);
        let mut command = program.cargo(&self.root);
        command.env("CARGO_TARGET_DIR", &self.target);
        program.build_with(command)
    }
}

/// Holds the folder for this process until the file is dropped.
fn alone(root: &Path) -> Result<File, SetUp> {
    let path = root.join("in-use");
    let fault = |error| SetUp::from_cause(format!("write `{}`", path.display()), error);
    std::fs::create_dir_all(root).map_err(fault)?;
    let file = File::create(&path).map_err(fault)?;
    if file.try_lock().is_err() {
        anstream::eprintln!("another command is trying a wrong answer: waiting for it");
        file.lock().map_err(fault)?;
    }
    Ok(file)
}

fn manifest(path: &Path) -> Result<toml::Table, SetUp> {
    read(path)?.parse().map_err(|error: toml::de::Error| unreadable(path, &error))
}
