//! A run of the tiny lab as a child process, and what can be seen of it from outside: with the system's own tools, and
//! not with the code that is on trial.
#![allow(dead_code, reason = "each test file uses its own part")]

use std::env::temp_dir;
use std::fs;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use testbed::run::{FOLDER, LABEL, VARIABLE};
use testbed::submission::Submission;
use testbed::suite::{REQUEST, Request};

/// The tiny service.
pub const SERVICE: &str = env!("CARGO_BIN_EXE_testbed-tiny-service");

/// The setting that makes a run what plain `cargo test` makes of it.
pub const PLAIN: (&str, &str) = (REQUEST, "");

/// Far longer than anything here takes: it tells a hang from a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A run of the tiny lab.
pub struct Run {
    child: Child,
    folder: PathBuf,
}

impl Run {
    /// Starts the checks that `only` names, with these settings beside the usual ones.
    pub fn start(only: &str, settings: &[(&str, &str)]) -> Run {
        Run::start_to(None, only, settings)
    }

    /// As [`Run::start`], with another place for what it prints.
    pub fn start_to(stdout: Option<Stdio>, only: &str, settings: &[(&str, &str)]) -> Run {
        static RUNS: AtomicUsize = AtomicUsize::new(0);
        let number = RUNS.fetch_add(1, Ordering::Relaxed);
        let folder =
            PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("tiny-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        let file = |name| Stdio::from(fs::File::create(folder.join(name)).unwrap());
        let (ours, stderr) = (file("stdout"), file("stderr"));
        let child = Command::new(env!("CARGO_BIN_EXE_testbed-tiny-lab"))
            .env(REQUEST, request(only, SERVICE))
            .env("TINY_SERVICE", SERVICE)
            .env("TINY_FOLDER", &folder)
            .envs(settings.iter().copied())
            .stdin(Stdio::null())
            .stdout(stdout.unwrap_or(ours))
            .stderr(stderr)
            .spawn()
            .unwrap();
        Run { child, folder }
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// Waits for the end: the exit code, and what was printed.
    #[track_caller]
    pub fn end(&mut self) -> Ended {
        let status = until("the run ends", || self.child.try_wait().unwrap());
        Ended { status, stdout: self.printed("stdout"), stderr: self.printed("stderr") }
    }

    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().unwrap().is_some()
    }

    pub fn stderr(&self) -> String {
        self.printed("stderr")
    }

    /// The run's container, as soon as it is there.
    #[track_caller]
    pub fn container(&self) -> String {
        until("the run's container is there", || self.containers().pop())
    }

    /// Waits until the check is under way: the container runs, the service runs, the folder is there.
    #[track_caller]
    pub fn under_way(&self) -> Vec<String> {
        until("the check is under way", || {
            let all = [self.containers(), self.processes(), self.folders()];
            all.iter().all(|some| !some.is_empty()).then(|| all.concat())
        })
    }

    /// Everything that the run started and that is still there.
    pub fn left(&self) -> Vec<String> {
        [self.containers(), self.networks(), self.processes(), self.folders()].concat()
    }

    pub fn networks(&self) -> Vec<String> {
        let format = format!("{{{{.ID}}}} {{{{.Label \"{LABEL}\"}}}}");
        let filter = format!("label={LABEL}");
        let all = docker(&["network", "ls", "--no-trunc", "--filter", &filter, "--format", &format]);
        let ours = all.lines().filter_map(|line| line.split_once(' ')).filter(|(_, run)| self.owns(run));
        ours.map(|(id, _)| id.to_owned()).collect()
    }

    pub fn containers(&self) -> Vec<String> {
        let format = format!("{{{{.ID}}}} {{{{.Label \"{LABEL}\"}}}}");
        let all = docker(&[
            "ps",
            "--all",
            "--no-trunc",
            "--filter",
            &format!("label={LABEL}"),
            "--format",
            &format,
        ]);
        let ours = all.lines().filter_map(|line| line.split_once(' ')).filter(|(_, run)| self.owns(run));
        ours.map(|(id, _)| id.to_owned()).collect()
    }

    fn processes(&self) -> Vec<String> {
        let prefix = format!("{VARIABLE}=");
        let marked = |environment: &[u8]| {
            let entries = environment.split(|byte| *byte == 0).map(String::from_utf8_lossy);
            entries
                .filter_map(|entry| Some(entry.strip_prefix(&prefix)?.to_owned()))
                .any(|run| self.owns(&run))
        };
        let processes = fs::read_dir("/proc").unwrap().filter_map(|entry| Some(entry.ok()?.path()));
        let ours = processes
            .filter(|process| fs::read(process.join("environ")).is_ok_and(|environ| marked(&environ)));
        ours.map(|process| process.display().to_string()).collect()
    }

    fn folders(&self) -> Vec<String> {
        let names =
            fs::read_dir(temp_dir()).unwrap().filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        names.filter(|name| name.strip_prefix(FOLDER).is_some_and(|run| self.owns(run))).collect()
    }

    fn owns(&self, run: &str) -> bool {
        run.split_once('-').is_some_and(|(pid, _)| pid == self.child.id().to_string())
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    fn printed(&self, name: &str) -> String {
        fs::read_to_string(self.folder.join(name)).unwrap()
    }
}

impl Drop for Run {
    fn drop(&mut self) {
        // Ended already, as a rule; not after a failed assertion.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// The request for the checks that `only` names, on this binary.
pub fn request(only: &str, binary: &str) -> String {
    let submission = Some((binary.to_owned(), Submission::of(binary)));
    let only = only.split(',').map(str::to_owned).collect();
    serde_json::to_string(&Request { submission, only, again: "again".into(), ..Request::default() }).unwrap()
}

/// How a run ended.
#[derive(Debug)]
pub struct Ended {
    pub status: ExitStatus,
    pub stdout: String,
    pub stderr: String,
}

impl Ended {
    #[track_caller]
    pub fn with(self, code: i32) -> Ended {
        assert_eq!(self.status.code(), Some(code), "{self:#?}");
        self
    }

    #[track_caller]
    pub fn says(self, words: &[&str]) -> Ended {
        for word in words {
            assert!(self.stderr.contains(word) || self.stdout.contains(word), "no `{word}` in {self:#?}");
        }
        self
    }
}

/// Waits until `look` sees something.
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let end = Instant::now() + PATIENCE;
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(Instant::now() < end, "waited {} s in vain: {what}", PATIENCE.as_secs());
        std::thread::park_timeout(Duration::from_millis(20));
    }
}

/// What `docker` prints.
#[track_caller]
pub fn docker(arguments: &[&str]) -> String {
    asked(arguments).unwrap_or_else(|error| panic!("docker {arguments:?}: {error}"))
}

fn asked(arguments: &[&str]) -> Result<String, String> {
    let output = Command::new("docker").args(arguments).output().map_err(|error| error.to_string())?;
    let text = |bytes| String::from_utf8_lossy(bytes).trim().to_owned();
    if output.status.success() { Ok(text(&output.stdout)) } else { Err(text(&output.stderr)) }
}

/// The anonymous volumes of a container that needs some. The engine lists a container before it can be asked about it.
#[track_caller]
pub fn volumes(container: &str) -> Vec<String> {
    let ask = ["inspect", "--format", "{{range .Mounts}}{{.Name}} {{end}}", container];
    let named = until("the container has its volumes", || asked(&ask).ok().filter(|named| !named.is_empty()));
    named.split_whitespace().map(str::to_owned).collect()
}

/// Those of `volumes` that are still there.
pub fn volumes_left(volumes: &[String]) -> Vec<String> {
    let all = docker(&["volume", "ls", "--quiet"]);
    volumes.iter().filter(|volume| all.lines().any(|line| line == *volume)).cloned().collect()
}
