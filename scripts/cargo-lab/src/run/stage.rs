//! Where an experiment takes place: its subject, its load, and the folder that keeps what it found.

use std::fmt::Display;
use std::path::PathBuf;
use std::time::Duration;

use testbed::endpoint::Endpoint as _;
use testbed::load::{Load, Outcomes, Schedule, gets};
use testbed::progress::Progress;
use testbed::setup::SetUp;
use testbed::subject::{Launch, Stderr, Subject};
use testbed::verdict::Stop;
use tokio::time::interval;

use crate::verify;
use crate::workspace::Workspace;

/// How long a client waits for an answer. Longer than any wait that an experiment sets up.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// An experiment's stage.
pub struct Stage {
    name: &'static str,
    binary: PathBuf,
    root: PathBuf,
    target: PathBuf,
    progress: Progress,
}

impl Stage {
    /// Builds the solution of `lab`, the subject. `None` when it does not compile: cargo has said why.
    pub fn build(workspace: &Workspace, name: &'static str, lab: &str) -> Result<Option<Stage>, SetUp> {
        let absent =
            || SetUp::new(format!("find lab {lab}"), "the clone has none", "clone the workbook again");
        let package = workspace.lab(lab)?.ok_or_else(absent)?.solution();
        let binary = verify::build(workspace, &package, &[])?;
        let progress = match Progress::detect() {
            // An experiment's seconds are what there is to see: they stay on the screen.
            Progress::Rewritten => Progress::Lines,
            other => other,
        };
        Ok(binary.map(|binary| Stage {
            name,
            binary,
            root: workspace.root.clone(),
            target: workspace.target.clone(),
            progress,
        }))
    }

    /// The experiment's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The folder that keeps what it found.
    pub fn folder(&self) -> PathBuf {
        super::folder(&self.target).join(self.name)
    }

    /// A path as it is shown: from the clone's root.
    pub fn shown(&self, path: &std::path::Path) -> String {
        path.strip_prefix(&self.root).unwrap_or(path).display().to_string()
    }

    /// Says what goes on now.
    pub fn says(&self, text: impl Display) {
        self.progress.show(&format!("{}: {text}", self.name));
    }

    /// Takes the progress away before something lasting is printed.
    pub fn clear(&self) {
        if self.progress == Progress::Lines {
            self.progress.show("");
        }
    }

    /// Starts the subject with these settings.
    pub async fn server(&self, settings: &[(&str, String)]) -> Result<Subject, Stop> {
        self.server_within(settings, None).await
    }

    /// The same, with at most so many open descriptors.
    pub async fn server_within(
        &self,
        settings: &[(&str, String)],
        nofile: Option<u64>,
    ) -> Result<Subject, Stop> {
        let shown = settings.iter().filter(|(name, _)| !name.ends_with("_URL"));
        let shown: Vec<String> = shown.map(|(name, value)| format!("{name}={value}")).collect();
        self.says(format!("starting the server with {}", shown.join(" ")));
        let settings = settings.iter().map(|(name, value)| ((*name).to_owned(), value.clone()));
        let quiet = ("RUST_LOG".to_owned(), "error".to_owned());
        let launch = Launch {
            binary: self.binary.clone(),
            arguments: Vec::new(),
            environment: settings.chain([quiet]).collect(),
            nofile: nofile.map(|limit| (limit, limit)),
        };
        Subject::start(launch, Stderr::default()).await
    }

    /// `GET path` at the moments of `schedule`, to its end, with a line of progress a second.
    pub async fn gets(
        &self,
        label: &str,
        server: &Subject,
        path: &str,
        schedule: Schedule,
    ) -> Result<Outcomes, Stop> {
        let load = Load::new(server.addr(), schedule, gets(path)).timeout(PATIENCE);
        self.offer(label, load).await
    }

    /// Any load to its end, with a line of progress a second. One that this host could not carry says nothing.
    pub async fn offer(&self, label: &str, load: Load) -> Result<Outcomes, Stop> {
        let load = load.start();
        let counts = load.watcher();
        let mut finish = std::pin::pin!(load.finish());
        let mut seconds = interval(Duration::from_secs(1));
        seconds.tick().await;
        let mut second = 0;
        let outcomes = loop {
            tokio::select! {
                outcomes = &mut finish => break outcomes,
                _ = seconds.tick() => {
                    second += 1;
                    self.says(line(label, second, &counts()));
                }
            }
        };
        match outcomes.void() {
            Some(why) => Err(Stop::Inconclusive(format!("{label}: {why}"))),
            None => Ok(outcomes),
        }
    }
}

fn line(label: &str, second: u32, counts: &testbed::load::Counts) -> String {
    let lost = counts.ended() - counts.accepted;
    let (sent, accepted, open) = (counts.sent(), counts.accepted, counts.in_flight);
    format!("{label}: {second:>2} s, sent {sent}, answered {accepted}, lost {lost}, waiting {open}")
}

/// The setting `name` with this value.
pub fn set(name: &str, value: impl Display) -> (&str, String) {
    (name, value.to_string())
}
