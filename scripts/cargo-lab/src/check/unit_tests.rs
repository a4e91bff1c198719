//! The unit tests of a learner's lab, run before it is judged: the closest look at a hole. They decide nothing.

use std::os::unix::process::ExitStatusExt as _;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;
use testbed::setup::SetUp;

use crate::artifact::{Artifact, Target};
use crate::process;
use crate::prose::folded;
use crate::workspace::{Lab, Whose, Workspace};

/// Far longer than they take. What still runs then waits for something that an open hole, or a mistake, never gives.
const LONGEST: Duration = Duration::from_secs(15);
/// How many of those that fail are named.
const NAMED: usize = 5;

/// What came of a lab's unit tests.
#[derive(Debug, Default)]
pub struct UnitTests {
    /// How many there are, by the harness's own count.
    all: usize,
    passed: usize,
    failed: Vec<String>,
    end: End,
}

/// How a run of them ended.
#[derive(Debug, Default, PartialEq, Eq)]
enum End {
    #[default]
    ByItself,
    /// Some were still running after [`LONGEST`].
    TooLong,
    /// The program itself died, of an abort, say.
    Died,
    /// The tests do not compile, though the lab does.
    NotCompiled,
}

impl UnitTests {
    /// Builds and runs them. `None` when a signal asked for the end of all this.
    pub fn run(workspace: &Workspace, lab: &Lab) -> Result<Option<UnitTests>, SetUp> {
        let package = lab.starter();
        let built = Artifact::of(&package, Target::UnitTests).build(&workspace.root)?;
        let mut tests = UnitTests::default();
        let Some(program) = built else {
            tests.end = End::NotCompiled;
            return Ok(Some(tests));
        };
        let mut command = std::process::Command::new(program);
        command.current_dir(folder(workspace, lab)).stderr(Stdio::null());
        match process::follow_for(LONGEST, command, |line| tests.hear(line))? {
            None => tests.end = End::TooLong,
            Some(status) if asked_to_end(status.signal()) => return Ok(None),
            Some(status) if status.code().is_none() => tests.end = End::Died,
            Some(_) => {}
        }
        Ok(Some(tests))
    }

    /// One line of the test harness.
    fn hear(&mut self, line: &str) {
        let running = line.strip_prefix("running ").and_then(|rest| rest.split_once(" test"));
        if let Some((count, _)) = running {
            self.all = count.parse().unwrap_or(self.all);
        }
        let told = line.strip_prefix("test ").and_then(|rest| rest.rsplit_once(" ... "));
        match told {
            Some((_, "ok")) => self.passed += 1,
            Some((name, "FAILED")) => self.failed.push(name.to_owned()),
            _ => {}
        }
    }

    /// What they say, in one paragraph.
    pub fn told(&self, lab: &Lab) -> String {
        let mut text = self.counted();
        match self.end {
            End::ByItself if self.failed.is_empty() => return folded(LABEL, &text),
            End::ByItself => text.push_str(&format!(". {EXPECTED}")),
            End::TooLong => text.push_str(&format!(
                "; still waiting after {} s: {}. {}",
                LONGEST.as_secs(),
                self.all.saturating_sub(self.passed + self.failed.len()),
                EXPECTED
            )),
            End::Died => text.push_str(", and then their program died"),
            End::NotCompiled => "they do not compile (above), though the lab does".clone_into(&mut text),
        }
        let package = lab.starter();
        text.push_str(&format!(". To see them: cargo test -p {package} --lib"));
        folded(LABEL, &text)
    }

    fn counted(&self) -> String {
        if self.all == 0 {
            return "the lab has none".to_owned();
        }
        if self.passed == self.all {
            return format!("all {} pass", self.all);
        }
        let mut text = format!("{} of {} pass", self.passed, self.all);
        if !self.failed.is_empty() {
            let named = self.failed.iter().take(NAMED).cloned().collect::<Vec<_>>().join(", ");
            text.push_str(&format!("; these fail: {named}"));
        }
        let more = self.failed.len().saturating_sub(NAMED);
        if more > 0 {
            text.push_str(&format!(" and {more} more"));
        }
        text
    }
}

const LABEL: &str = "unit tests  ";
const EXPECTED: &str = "Open holes make some fail, or wait in vain: that is expected, and the verdicts below \
                        do not depend on it";

fn folder(workspace: &Workspace, lab: &Lab) -> PathBuf {
    workspace.folder(&lab.folder, Whose::Learner)
}

fn asked_to_end(signal: Option<i32>) -> bool {
    [Signal::INT, Signal::TERM, Signal::HUP].map(|asks| Some(asks.as_raw())).contains(&signal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workspace::About;

    fn told(lines: &[String], end: End) -> String {
        let mut tests = UnitTests { end, ..UnitTests::default() };
        lines.iter().for_each(|line| tests.hear(line));
        let about = About::default();
        tests.told(&Lab { number: "00".into(), folder: "00-overload".into(), about })
    }

    fn lines(passed: usize, failed: usize) -> Vec<String> {
        let verdicts = (0..passed).map(|_| "ok").chain((0..failed).map(|_| "FAILED"));
        let tests = verdicts.enumerate().map(|(at, word)| format!("test line::tests::case_{at} ... {word}"));
        let count = passed + failed;
        [String::new(), format!("running {count} tests")]
            .into_iter()
            .chain(tests)
            .chain(["failures:".into(), "    line::tests::case_9".into()])
            .chain([format!("test result: FAILED. {passed} passed; {failed} failed; 0 ignored")])
            .collect()
    }

    #[test]
    fn all_of_them_pass() {
        assert_eq!(told(&lines(14, 0), End::ByItself), "unit tests  all 14 pass");
    }

    #[test]
    fn the_first_five_that_fail_are_named() {
        let few = told(&lines(2, 2), End::ByItself);
        assert!(few.contains("2 of 4 pass; these fail: line::tests::case_2, line::tests::case_3."), "{few}");
        let many = told(&lines(1, 8), End::ByItself);
        let plain = many.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains("line::tests::case_5 and 3 more. Open holes make some fail"), "{many}");
        assert!(!many.contains("case_6"), "{many}");
        assert!(plain.ends_with("To see them: cargo test -p lab-00-overload --lib"), "{many}");
        assert!(many.lines().all(|line| line.chars().count() <= 84), "{many}");
    }

    #[test]
    fn a_test_that_does_not_end_is_no_failed_one() {
        let mut lines = lines(3, 0);
        lines[1] = "running 4 tests".into();
        let told = told(&lines, End::TooLong);
        let start = "unit tests  3 of 4 pass; still waiting after 15 s: 1. Open holes";
        assert!(told.starts_with(start), "{told}");
    }

    #[test]
    fn tests_that_do_not_compile_are_told_as_that() {
        let told = told(&[], End::NotCompiled);
        assert!(told.starts_with("unit tests  they do not compile"), "{told}");
    }
}
