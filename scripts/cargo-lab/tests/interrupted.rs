//! Ctrl-C in a command that holds services: it ends with 130, and nothing of it is left: no container, no process, no folder.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

#[path = "../../../labs/testbed/tests/common/held_engine.rs"]
mod held_engine;

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

use held_engine::HeldEngine;
use rustix::process::{Pid, Signal, kill_process_group};
use testbed::run::{FOLDER, LABEL};

/// Far longer than anything here takes, a build included: it tells a hang from a busy machine.
const PATIENCE: Duration = Duration::from_secs(900);

/// In the environment of the command and of all that it starts; its value is the test's own.
const MARK: &str = "INTERRUPTED_TEST";

#[test]
fn in_the_tour_while_the_engine_makes_its_container() {
    let engine = HeldEngine::before("/containers/create");
    let mut tour = Lab::start("tour", &["tour"], &[("DOCKER_HOST", &engine.address())]);
    engine.reached.recv().unwrap();
    tour.interrupt();
    until("the signal is heard", || tour.said().contains("interrupted").then_some(()));
    // Now it either waits for the engine's answer, as it should, or has given up by the time that the engine goes on.
    let mut looks = 0..30;
    until("the tour had its chance to give up", || {
        (tour.ended().is_some() || looks.next().is_none()).then_some(())
    });
    engine.go_on.send(()).unwrap();
    engine.answered.recv().unwrap();
    tour.ends_with_130_and_leaves_nothing();
}

#[test]
fn in_an_experiment_under_load() {
    let mut experiment = Lab::start("run", &["run", "io-bound"], &[("LAB_LIVE", "1")]);
    until("the load is under way", || experiment.said().contains("in flight").then_some(()));
    experiment.interrupt();
    experiment.ends_with_130_and_leaves_nothing();
}

#[test]
fn in_the_proof_of_everything_while_a_lab_is_judged() {
    let ask = ["ci", "--only", "solutions", "--lab", "01"];
    let mut ci = Lab::start("ci", &ask, &[("LAB_LIVE", "1")]);
    until("a check is under way", || ci.said().contains("in flight").then_some(()));
    ci.interrupt();
    ci.ends_with_130_and_leaves_nothing();
}

/// The command line, in a process group of its own, as a shell starts it.
struct Lab {
    child: Child,
    name: &'static str,
    output: PathBuf,
}

impl Lab {
    fn start(name: &'static str, arguments: &[&str], settings: &[(&str, &str)]) -> Lab {
        let output = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("interrupted-{name}"));
        let file = File::create(&output).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-lab"));
        command.args(arguments).envs(settings.iter().copied()).env(MARK, name).process_group(0);
        let child = command.stdout(file.try_clone().unwrap()).stderr(file).spawn().unwrap();
        Lab { child, name, output }
    }

    /// What it has said on stdout and stderr.
    fn said(&self) -> String {
        fs::read_to_string(&self.output).unwrap()
    }

    /// Ctrl-C: the terminal sends it to every process of the group.
    fn interrupt(&self) {
        kill_process_group(Pid::from_child(&self.child), Signal::INT).unwrap();
    }

    fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    #[track_caller]
    fn ends_with_130_and_leaves_nothing(&mut self) {
        let status = until("it ends", || self.ended());
        assert_eq!(status.code(), Some(130), "{}", self.said());
        // Looked at once, and not waited for: who has ended removes nothing more.
        assert_eq!(self.left(), [""; 0], "{}", self.said());
    }

    /// Everything that it or a program of its own started, and that is still there.
    fn left(&self) -> Vec<String> {
        let owned = format!("{}-", self.child.id());
        let format = format!("{{{{.Label \"{LABEL}\"}}}} {{{{.ID}}}}");
        let list = ["ps", "--all", "--filter", &format!("label={LABEL}"), "--format", &format];
        let listed = Command::new("docker").args(list).output().unwrap();
        assert!(listed.status.success(), "{listed:?}");
        let listed = String::from_utf8(listed.stdout).unwrap();
        let containers = listed.lines().filter(|line| line.starts_with(&owned)).map(str::to_owned);
        let mark = format!("{MARK}={}", self.name);
        let marked = |process: &PathBuf| {
            let environment = fs::read(process.join("environ")).unwrap_or_default();
            environment.split(|byte| *byte == 0).any(|entry| entry == mark.as_bytes())
        };
        let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path()).filter(marked);
        let folders = fs::read_dir(std::env::temp_dir()).unwrap().map(|entry| entry.unwrap().path());
        let ours = |folder: &PathBuf| folder.to_string_lossy().contains(&format!("{FOLDER}{owned}"));
        containers
            .chain(processes.chain(folders.filter(ours)).map(|path| path.display().to_string()))
            .collect()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Ended already, as a rule; not after a failed assertion. The next run removes its containers.
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
        let _ = fs::remove_file(&self.output);
    }
}

/// Waits until `look` sees something.
#[track_caller]
fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited {} s in vain: {what}", PATIENCE.as_secs());
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
