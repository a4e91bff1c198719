//! `cargo lab book record`: runs the commands of the book's console blocks and figures, and keeps what they gave.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;
use testbed::exit::Exit;
use testbed::report::{Report, figure};
use testbed::setup::SetUp;

use crate::process;
use crate::run;
use crate::workspace::{Workspace, read, unreadable};

/// Where recordings are kept, and the list of them.
pub const FOLDER: &str = "book/recorded";
const LIST: &str = "recordings.toml";

/// One recording: a command, and the file that keeps what it printed or plotted.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Recording {
    /// The file's name in the folder of recordings.
    pub file: String,
    /// The command, as a reader types it.
    pub command: String,
    /// The exit code that it must end with.
    #[serde(default)]
    pub exit: u8,
    /// What to keep instead of the words: the timeline with this label in `report`, or, without a report, the figure that an
    /// experiment has drawn at this path: `longer-queue/longer-queue-12.svg`.
    pub figure: Option<String>,
    /// The package in whose report the timeline is.
    pub report: Option<String>,
}

impl Recording {
    /// All recordings that are listed.
    pub fn all(root: &Path) -> Result<Vec<Recording>, SetUp> {
        #[derive(Deserialize)]
        struct List {
            recording: Vec<Recording>,
        }
        let path = root.join(FOLDER).join(LIST);
        let list: List = toml::from_str(&read(&path)?).map_err(|error| unreadable(&path, &error))?;
        Ok(list.recording)
    }
}

/// Runs each command once and writes its recordings: all, or those whose file's name holds `text`.
pub fn run(workspace: &Workspace, text: Option<&str>) -> Result<Exit, SetUp> {
    let mut recordings = Recording::all(&workspace.root)?;
    recordings.retain(|recording| text.is_none_or(|text| recording.file.contains(text)));
    let mut last: Option<(String, String)> = None;
    for recording in recordings {
        let words = match last.take() {
            Some((command, words)) if command == recording.command => words,
            _ => match printed(workspace, &recording)? {
                Ok(words) => words,
                Err(code) => {
                    println!("`{}` ended with {code:?}, not with {}", recording.command, recording.exit);
                    return Ok(Exit::Broken);
                }
            },
        };
        let kept = match &recording.figure {
            Some(label) => plotted(workspace, &recording, label)?,
            None => format!("$ {}\n{words}", recording.command),
        };
        let path = workspace.root.join(FOLDER).join(&recording.file);
        std::fs::write(&path, kept)
            .map_err(|error| SetUp::from_cause(format!("write `{}`", path.display()), error))?;
        println!("recorded {FOLDER}/{}", recording.file);
        last = Some((recording.command, words));
    }
    Ok(Exit::Kept)
}

/// What the command printed, or the exit code that was not expected.
fn printed(workspace: &Workspace, recording: &Recording) -> Result<Result<String, Option<i32>>, SetUp> {
    println!("$ {}", recording.command);
    let mut command = Command::new("sh");
    command.args(["-c", &recording.command]).current_dir(&workspace.root).env("NO_COLOR", "1");
    let output = process::output(command)?;
    if output.status.code() != Some(i32::from(recording.exit)) {
        return Ok(Err(output.status.code()));
    }
    Ok(Ok(String::from_utf8_lossy(&output.stdout).into_owned()))
}

/// The figure that the command has just drawn, or that of a timeline in the report that it has just written.
fn plotted(workspace: &Workspace, recording: &Recording, label: &str) -> Result<String, SetUp> {
    let Some(package) = recording.report.as_deref() else {
        return read(&run::folder(&workspace.target).join(label));
    };
    let report = Report::read(&workspace.report(package).join("report.json"))?;
    let mut timelines = report.checks.iter().flat_map(|check| &check.timelines);
    let missing = || {
        let what = format!("plot `{label}` for `{}`", recording.file);
        SetUp::new(
            what,
            format!("the report of {package} has no such timeline"),
            format!("look at {FOLDER}/{LIST}"),
        )
    };
    timelines.find(|timeline| timeline.label == label).map(figure::timeline_svg).ok_or_else(missing)
}
