//! Every wrong answer breaks the check that it names, and the message is the one on record.
//!
//! A wrong answer is a patch on a solution. All of them are applied, one after the other, to one copy of the solution
//! at a fixed path with its own small workspace: so each costs one incremental build and the one check that it names.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use testbed::report::{CheckReport, Word, text};
use testbed::setup::SetUp;
use testbed::submission::Submission;
use testbed::suite::Request;

use super::passed::Passed;
use super::solutions::cut_off;
use super::{Context, Proof};
use crate::artifact::{Artifact, Target};
use crate::process;
use crate::verify::{Nobody, Verify};
use crate::workspace::{Lab, files, read, unreadable};

/// The package and the binary of the copy.
const NAME: &str = "wrong-answer";

/// A patch with what its preamble says.
struct WrongAnswer {
    path: PathBuf,
    name: String,
    check: String,
}

/// Tries every wrong answer of every lab.
pub fn are_caught(context: &Context) -> Proof {
    let (mut wrong, mut caught) = (Vec::new(), 0);
    for lab in context.labs()? {
        let folder = context.workspace.root.join("solutions").join(&lab.folder).join("wrong-answers");
        let Some(verify) = Verify::build(&context.workspace, &lab.solution())? else {
            wrong.push(format!("{} does not compile", lab.solution()));
            continue;
        };
        let checks: Vec<_> = verify.list()?.into_iter().map(|check| check.name).collect();
        let copy = Copy::make(context, &lab)?;
        let passed = Passed::of(&context.workspace, &copy.original, &context.images)?;
        for answer in WrongAnswer::all(&folder)? {
            if !checks.contains(&answer.check) {
                let (name, check) = (&answer.name, &answer.check);
                wrong.push(format!("{name}: names `{check}`, which is no check of lab {}", lab.number));
                continue;
            }
            let name = format!("{}-{}", lab.number, answer.name);
            if passed.has(&name, &answer.path)? {
                println!("  {:<28} {:<24} as when it was caught last", answer.name, answer.check);
                caught += 1;
                continue;
            }
            match judge(context, &lab, &verify, &copy, &answer)? {
                Ok(()) => {
                    passed.remember(&name, &answer.path)?;
                    caught += 1;
                }
                Err(why) => wrong.push(format!("{}: {why}", answer.name)),
            }
        }
    }
    Ok(if wrong.is_empty() { Ok(format!("{caught} wrong answers caught by name")) } else { Err(wrong) })
}

/// Builds one wrong answer and runs the check that must catch it.
fn judge(
    context: &Context,
    lab: &Lab,
    verify: &Verify,
    copy: &Copy,
    answer: &WrongAnswer,
) -> Result<Result<(), String>, SetUp> {
    copy.reset()?;
    if let Err(why) = copy.apply(answer)? {
        return Ok(Err(why));
    }
    let Some(binary) = copy.build()? else { return Ok(Err("does not compile".to_owned())) };
    let request = Request {
        submission: Some((answer.name.clone(), Submission::of(binary))),
        only: vec![answer.check.clone()],
        again: format!("cargo lab check {}", lab.number),
        ..Request::default()
    };
    let judged = verify.judge(&request, &mut Nobody, |command| context.lend(command))?;
    let report = judged.report.ok_or_else(|| cut_off(&answer.name))?;
    let Some(check) = report.checks.first() else { return Ok(Err("no check was run".to_owned())) };
    println!(
        "  {:<28} {:<24} {:<10} {:>5.1} s",
        answer.name,
        answer.check,
        check.verdict.as_str(),
        check.seconds
    );
    if check.verdict != Word::Broken {
        return Ok(Err(format!("{} is {}: it was not caught", answer.check, check.verdict.as_str())));
    }
    Ok(as_recorded(answer, check))
}

/// Compares the message with the one on record. `INSTA_UPDATE=always` records it anew.
fn as_recorded(answer: &WrongAnswer, check: &CheckReport) -> Result<(), String> {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(answer.path.parent().unwrap_or(Path::new(".")));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(&answer.name);
    let message = message(check);
    let same =
        settings.bind(|| std::panic::catch_unwind(|| insta::assert_snapshot!(answer.name.as_str(), message)));
    same.map_err(|_| {
        "its message is not the one on record (above); INSTA_UPDATE=always records it anew".to_owned()
    })
}

/// The verdict with every figure that a run decides left open.
fn message(check: &CheckReport) -> String {
    let mut check = check.clone();
    check.seconds = 0.0;
    for figure in &mut check.observed {
        figure.shown = without_figures(&figure.shown);
    }
    let plain = anstream::adapter::strip_str(&text::verdict(&check)).to_string();
    plain.replacen("  0.0 s", "    # s", 1).trim_end().to_owned()
}

/// Text with `#` for each number, instant and id.
fn without_figures(text: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || ".:-".contains(c);
    let mut open = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        let is_id = word.len() == 36 && word.contains('-');
        open.push_str(if word.starts_with(|c: char| c.is_ascii_digit()) || is_id { "#" } else { word });
        let between = after.find(is_part).unwrap_or(after.len());
        open.push_str(&after[..between]);
        rest = &after[between..];
    }
    open
}

impl WrongAnswer {
    fn all(folder: &Path) -> Result<Vec<WrongAnswer>, SetUp> {
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
        let check =
            preamble.get("Check").ok_or_else(|| unreadable(&path, &"its preamble has no line `Check: …`"))?;
        let check = check.trim().to_owned();
        let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
        Ok(WrongAnswer { path, name, check })
    }
}

/// The copy of a solution on which wrong answers are tried.
struct Copy {
    original: PathBuf,
    folder: PathBuf,
    root: PathBuf,
    target: PathBuf,
}

impl Copy {
    fn make(context: &Context, lab: &Lab) -> Result<Copy, SetUp> {
        let workspace = &context.workspace;
        let root = workspace.target.join("lab").join("wrong-answers");
        let original = workspace.root.join("solutions").join(&lab.folder);
        let folder = root.join("solutions").join(&lab.folder);
        let copy = Copy { original, folder, root, target: workspace.target.clone() };
        copy.write_manifests(&workspace.root, lab)?;
        Ok(copy)
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
        write(&self.root.join("Cargo.toml"), &whole.to_string())?;
        write(&self.root.join("Cargo.lock"), &read(&original_root.join("Cargo.lock"))?)?;
        write(&self.folder.join("Cargo.toml"), &package.to_string())
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

    /// The solution's sources as they are. A file that is right already keeps its time, so that cargo builds no more than it must.
    fn reset(&self) -> Result<(), SetUp> {
        let (from, to) = (self.original.join("src"), self.folder.join("src"));
        for file in files(&from)? {
            let text = read(&from.join(&file))?;
            if std::fs::read_to_string(to.join(&file)).ok().as_ref() != Some(&text) {
                write(&to.join(&file), &text)?;
            }
        }
        let extra = if to.exists() { files(&to)? } else { Vec::new() };
        for file in extra.iter().filter(|file| !from.join(file).exists()) {
            std::fs::remove_file(to.join(file)).map_err(|error| unreadable(&to.join(file), &error))?;
        }
        Ok(())
    }

    fn apply(&self, answer: &WrongAnswer) -> Result<Result<(), String>, SetUp> {
        let mut command = Command::new("patch");
        command
            .args(["--strip=1", "--force", "--no-backup-if-mismatch", "--reject-file=-", "--input"])
            .arg(&answer.path)
            .current_dir(&self.folder);
        let output = process::output(command)?;
        if output.status.success() {
            return Ok(Ok(()));
        }
        Ok(Err(format!("does not apply: {}", String::from_utf8_lossy(&output.stdout).trim())))
    }

    fn build(&self) -> Result<Option<PathBuf>, SetUp> {
        let program = Artifact::of(NAME, Target::Program);
        let mut command = program.cargo(&self.root);
        command.env("CARGO_TARGET_DIR", &self.target);
        program.build_with(command)
    }
}

fn manifest(path: &Path) -> Result<toml::Table, SetUp> {
    read(path)?.parse().map_err(|error: toml::de::Error| unreadable(path, &error))
}

fn write(path: &Path, text: &str) -> Result<(), SetUp> {
    let fault = |error| SetUp::from_cause(format!("write `{}`", path.display()), error);
    std::fs::create_dir_all(path.parent().unwrap_or(path)).map_err(fault)?;
    std::fs::write(path, text).map_err(fault)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_that_a_run_decides_are_left_open() {
        assert_eq!(without_figures("1260"), "#");
        assert_eq!(without_figures("p50 3.1 ms · 75.3% · 60/s"), "p50 # ms · #% · #/s");
        let body = r#"answered 200: {"created_at":"2026-11-23T02:00:00.1Z","id":"a1a2062c-9df0-7586-b3d7-baf9543a21d7"}"#;
        assert_eq!(without_figures(body), r##"answered # {"created_at":"#","id":"#"}"##);
    }
}
