//! Digging, and what stands on it: hint, diff, reset. All of it on a copy of lab 00, so that nobody's own lab is touched.

mod common;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use common::{lab, stderr, stdout};
use tempfile::TempDir;
use testbed::report::{Began, CheckReport, Company, Ended, Listed, Read, Report, Word};

const LINE: &str = "labs/00-overload/src/line.rs";
const HOLE: &str = "solutions/00-overload/holes/enter.rs";
/// A line of the hole `enter`, and one of the solution's.
const OPEN: &str = "todo!(\"lab 00: take a place in a bounded line, or refuse\")";
const SOLVED: &str = "inside.waiting.insert(ticket, job);";

/// A clone that has lab 00 alone.
struct Workbook(TempDir);

/// The workspace's manifest, with lab 00 for its members.
fn of_lab_00(root: &Path) -> String {
    let whole = std::fs::read_to_string(root.join("Cargo.toml")).expect("a manifest");
    let others = ["members =", "default-members =", "exclude ="];
    let kept = whole.lines().filter(|line| !others.iter().any(|other| line.starts_with(other)));
    let kept: Vec<&str> = kept.collect();
    kept.join("\n").replace("[workspace]\n", "[workspace]\nmembers = [\"labs/*\", \"solutions/*\"]\n")
}

impl Workbook {
    fn new() -> Workbook {
        let clone = Workbook(tempfile::tempdir().expect("a folder"));
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        for folder in ["labs/00-overload", "solutions/00-overload"] {
            copy(&root.join(folder), &clone.path(folder));
        }
        std::fs::write(clone.path("Cargo.toml"), of_lab_00(&root)).expect("written");
        // What the lab's `verify` is built on, as far as cargo looks at it here: by name.
        for package in ["promises", "testbed"] {
            let folder = clone.path("labs").join(package);
            let manifest =
                format!("[package]\nname = \"{package}\"\nversion = \"0.1.0\"\nedition = \"2024\"\n");
            std::fs::create_dir_all(folder.join("src")).expect("a folder");
            std::fs::write(folder.join("Cargo.toml"), manifest).expect("written");
            std::fs::write(folder.join("src/lib.rs"), "").expect("written");
        }
        // The reader's own lab may be filled by now; the tests begin with the one that is dug.
        assert_eq!(clone.lab(&["dig", "00", "--force"]).status.code(), Some(0));
        let _ = std::fs::remove_dir_all(clone.path("target"));
        clone
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.path(path)).expect("a text")
    }

    /// Writes `new` for `old` in a file, which must have it.
    fn edit(&self, path: &str, old: &str, new: &str) {
        let text = self.read(path);
        assert!(text.contains(old), "{path} has no {old:?}");
        std::fs::write(self.path(path), text.replace(old, new)).expect("written");
    }

    fn lab(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-lab"));
        command
            .args(arguments)
            .env("NO_COLOR", "1")
            .env("CARGO_MANIFEST_DIR", self.path("scripts/cargo-lab"))
            .env("CARGO_TARGET_DIR", self.path("target"))
            .env("GIT_CEILING_DIRECTORIES", self.0.path().parent().expect("a parent"));
        command.output().expect("the CLI runs")
    }

    fn git(&self, arguments: &[&str]) {
        let mut git = Command::new("git");
        git.args(["-c", "user.name=x", "-c", "user.email=x@example.com", "-c", "commit.gpgsign=false"]);
        let output = git.args(arguments).current_dir(self.0.path()).output().expect("git runs");
        assert!(output.status.success(), "{}", stderr(&output));
    }

    /// Leaves a report of the learner's lab in which `kept` of its two checks were run and kept.
    fn judged(&self, kept: usize) {
        let read = Read { chapter: String::new(), section: String::new(), href: String::new() };
        let listed = |name: &str| Listed {
            name: name.into(),
            title: name.into(),
            read: read.clone(),
            company: Company::Any,
        };
        let names = ["a", "b"];
        let checks = names.iter().take(kept);
        let checks = checks
            .map(|name| CheckReport { verdict: Word::Kept, ..CheckReport::of(listed(name), String::new()) });
        let began = Began {
            lab: "00".into(),
            title: "A server in miniature".into(),
            subject: "lab-00-overload".into(),
            at: time::OffsetDateTime::UNIX_EPOCH,
            checks: names.iter().map(|name| listed(name)).collect(),
        };
        let ended = Ended { seconds: 1.0, cores: 1, services: vec![] };
        let report = Report::of(began, checks.collect(), ended);
        report.keep_in(&self.path("target/lab/reports/lab-00-overload")).expect("written");
    }

    /// The one backup that there is of `file`.
    fn backup(&self, file: &str) -> String {
        let dated: Vec<_> =
            self.path("target/lab/backups/00").read_dir().expect("backups").flatten().collect();
        assert_eq!(dated.len(), 1, "{dated:?}");
        std::fs::read_to_string(dated[0].path().join(file)).expect("a backup")
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder");
    for entry in from.read_dir().expect("a folder").flatten() {
        match entry.path().is_dir() {
            true => copy(&entry.path(), &to.join(entry.file_name())),
            false => drop(std::fs::copy(entry.path(), to.join(entry.file_name())).expect("copied")),
        }
    }
}

fn code(output: &Output) -> Option<i32> {
    output.status.code()
}

#[test]
fn the_help_teaches_by_example() {
    for (command, example) in [
        ("dig", "cargo lab dig --check"),
        ("hint", "cargo lab hint 00 enter --more"),
        ("diff", "cargo lab diff 00 --anyway"),
        ("reset", "cargo lab reset 00 enter"),
    ] {
        let help = stdout(&lab(&[command, "--help"]));
        assert!(help.contains(example), "{help}");
    }
}

#[test]
fn what_is_not_as_dug_is_named_with_file_and_line() {
    let clone = Workbook::new();
    let check = || clone.lab(&["dig", "--check"]);
    assert_eq!(code(&check()), Some(0), "{}", stderr(&check()));
    assert!(stdout(&check()).contains("6 holes: as dug"), "{}", stdout(&check()));

    clone.edit(LINE, OPEN, "Err(LineIsFull)");
    std::fs::write(clone.path("labs/00-overload/src/mine.rs"), "").expect("written");
    std::fs::write(clone.path("solutions/00-overload/holes/other.rs"), "//: x\n").expect("written");
    clone.edit(HOLE, "//: ", "// ");
    let manifest = "solutions/00-overload/Cargo.toml";
    clone.edit(manifest, "\"stop\"]", "\"ending\"]");
    std::fs::remove_file(clone.path("solutions/00-overload/holes/leave.rs")).expect("removed");
    let said = stderr(&check());
    assert_eq!(code(&check()), Some(1));
    for wrong in [
        "solutions/00-overload/holes/enter.rs:1: no hint",
        "solutions/00-overload/holes/other.rs:1: no file of the solution has a region hole-other",
        "hole-leave has no holes/leave.rs",
        "`holes` names ending, and there is no such hole",
        "`holes` does not name stop",
        "labs/00-overload/src/mine.rs:1: is in no solution",
        "is not what digging gives",
    ] {
        assert!(said.contains(wrong), "{wrong}\n\nin\n{said}");
    }
    assert!(
        said.lines().all(|line| line.split(':').nth(1).is_some_and(|n| n.parse::<u32>().is_ok())),
        "{said}"
    );
}

#[test]
fn digging_writes_over_nothing_that_is_not_committed() {
    let clone = Workbook::new();
    clone.git(&["init", "--quiet"]);
    clone.git(&["add", "."]);
    clone.git(&["commit", "--quiet", "--message", "as dug"]);
    clone.edit(HOLE, "// Who runs", "// Whoever runs");
    assert_eq!(code(&clone.lab(&["dig"])), Some(0), "what is committed can be had again");
    assert!(clone.read(LINE).contains("// Whoever runs"));
    clone.git(&["commit", "--quiet", "--all", "--message", "dug again"]);

    clone.edit(LINE, OPEN, "Err(LineIsFull)");
    let refused = clone.lab(&["dig", "00"]);
    assert_eq!(code(&refused), Some(1));
    assert!(
        stderr(&refused).contains("labs/00-overload/src/line.rs is not committed"),
        "{}",
        stderr(&refused)
    );
    assert!(!clone.read(LINE).contains(OPEN), "it is still there");
    assert_eq!(code(&clone.lab(&["dig", "00", "--force"])), Some(0));
    assert!(clone.read(LINE).contains(OPEN));
    assert!(clone.backup("src/line.rs").contains("Err(LineIsFull)"));
}

#[test]
fn a_hint_has_three_steps() {
    let clone = Workbook::new();
    let list = stdout(&clone.lab(&["hint", "00"]));
    assert!(list.contains("open    enter"), "{list}");
    assert!(list.contains("next   cargo lab hint 00 enter"), "{list}");

    let told = |more: &[&str]| {
        let output = clone.lab(&[&["hint", "00", "enter"], more].concat());
        assert_eq!(code(&output), Some(0), "{}", stderr(&output));
        let said = stdout(&output);
        assert!(said.contains(LINE) && said.contains("Who runs has a place"), "{said}");
        (said.contains("notify_one"), said.contains(SOLVED))
    };
    assert_eq!(told(&[]), (false, false));
    assert_eq!(told(&["--more"]), (true, false));
    assert_eq!(told(&["--code"]), (true, true));

    let unknown = clone.lab(&["hint", "00", "entr"]);
    assert_eq!(code(&unknown), Some(2));
    assert!(stderr(&unknown).contains("no hole `entr`; it has"), "{}", stderr(&unknown));
    assert!(stderr(&unknown).contains("leave"));
    assert_eq!(code(&clone.lab(&["hint", "99"])), Some(2));
    assert_eq!(code(&clone.lab(&["hint", "00", "--code"])), Some(2), "of which hole?");

    clone.edit(LINE, OPEN, "Err(LineIsFull)");
    let list = stdout(&clone.lab(&["hint", "00"]));
    assert!(list.contains("filled  enter") && list.contains("next   cargo lab hint 00 next"), "{list}");
}

#[test]
fn a_diff_waits_for_the_green() {
    let clone = Workbook::new();
    clone.edit(LINE, OPEN, "Err(LineIsFull)");
    let never = clone.lab(&["diff", "00"]);
    assert_eq!(code(&never), Some(1));
    assert!(stderr(&never).contains("not been judged yet"), "{}", stderr(&never));

    clone.judged(1);
    let partly = clone.lab(&["diff", "00", "enter"]);
    assert_eq!(code(&partly), Some(1));
    assert!(stderr(&partly).contains("1 of the 2 promises"), "{}", stderr(&partly));
    assert!(stderr(&partly).contains("cargo lab diff 00 enter --anyway"), "{}", stderr(&partly));
    assert!(!stdout(&partly).contains(SOLVED));
    let anyway = clone.lab(&["diff", "00", "enter", "--anyway"]);
    assert_eq!(code(&anyway), Some(0));
    assert!(stdout(&anyway).contains(&format!("+{SOLVED}")), "{}", stdout(&anyway));

    clone.judged(2);
    let green = clone.lab(&["diff", "00"]);
    assert_eq!(code(&green), Some(0), "{}", stderr(&green));
    let said = stdout(&green);
    assert!(
        said.contains("-Err(LineIsFull)") && said.contains("+++ solutions/00-overload/src/server.rs"),
        "{said}"
    );
    assert!(!said.contains("\u{1b}["), "colours only on a terminal");
    assert_eq!(code(&clone.lab(&["diff", "00", "entr"])), Some(2));
}

#[test]
fn a_reset_keeps_what_was_there() {
    let clone = Workbook::new();
    let dug = clone.read(LINE);
    let untouched = stdout(&clone.lab(&["reset", "00", "enter"]));
    assert!(untouched.contains("nothing to do"), "{untouched}");
    assert!(!clone.path("target/lab/backups").exists());

    clone.edit(LINE, OPEN, "Err(LineIsFull)");
    clone.edit(LINE, "pub struct LineIsFull;", "pub struct LineIsFull; // mine");
    let mine = clone.read(LINE);
    let output = clone.lab(&["reset", "00", "enter"]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(stdout(&output).contains("what you had is in target/lab/backups/00/"), "{}", stdout(&output));
    assert_eq!(clone.backup("src/line.rs"), mine);
    assert_eq!(clone.read(LINE), dug.replace("pub struct LineIsFull;", "pub struct LineIsFull; // mine"));
    assert_eq!(code(&clone.lab(&["reset", "00", "entr"])), Some(2));
}

#[test]
fn a_hole_without_its_markers_is_mended_by_resetting_its_file() {
    let clone = Workbook::new();
    let dug = clone.read(LINE);
    clone.edit(LINE, "        // ANCHOR: hole-enter\n", "");
    let lost = clone.lab(&["reset", "00", "enter"]);
    assert_eq!(code(&lost), Some(1));
    assert!(stderr(&lost).contains("cargo lab reset 00 src/line.rs"), "{}", stderr(&lost));
    assert!(stdout(&clone.lab(&["hint", "00"])).contains("lost    enter"));
    assert_eq!(code(&clone.lab(&["diff", "00", "enter", "--anyway"])), Some(1));
    assert_eq!(code(&clone.lab(&["reset", "00", "src/line.rs"])), Some(0));
    assert_eq!(clone.read(LINE), dug);
}

#[test]
fn a_whole_lab_is_reset_and_all_of_it_kept() {
    let clone = Workbook::new();
    clone.edit(LINE, OPEN, "Err(LineIsFull)");
    std::fs::write(clone.path("labs/00-overload/src/mine.rs"), "// My own.\n").expect("written");
    let output = clone.lab(&["reset", "0"]);
    assert_eq!(code(&output), Some(0), "{}", stderr(&output));
    assert!(clone.backup("src/line.rs").contains("Err(LineIsFull)"));
    assert_eq!(clone.backup("src/mine.rs"), "// My own.\n");
    assert_eq!(code(&clone.lab(&["dig", "--check"])), Some(0));
    assert!(stdout(&clone.lab(&["reset", "00"])).contains("nothing to do"));
}
