//! Every console block shows what a run printed: it holds one include of a recording, and nothing typed by hand.

use testbed::setup::SetUp;

use super::includes::{includes, pages};
use super::record::{FOLDER, Recording};
use crate::workspace::{Workspace, read};

/// What is wrong with the console blocks, a line each.
pub fn check(workspace: &Workspace) -> Result<Vec<String>, SetUp> {
    let recordings = Recording::all(&workspace.root)?;
    let mut wrong = Vec::new();
    for recording in &recordings {
        let path = workspace.root.join(FOLDER).join(&recording.file);
        let text = if path.exists() { read(&path)? } else { String::new() };
        if text.is_empty() {
            wrong.push(format!("{FOLDER}/{} is not there: cargo lab book record", recording.file));
        } else if recording.figure.is_none()
            && text.lines().next() != Some(&format!("$ {}", recording.command))
        {
            wrong.push(format!(
                "{FOLDER}/{} does not begin with its command, `$ {}`",
                recording.file, recording.command
            ));
        }
    }
    for page in pages(&workspace.root.join("book").join("src"))? {
        for block in blocks(&page.text) {
            if let Some(why) = fault(block, &recordings) {
                let first = block.lines().next().unwrap_or_default();
                wrong.push(format!("{}: the console block `{first}` {why}", page.path.display()));
            }
        }
    }
    Ok(wrong)
}

/// The insides of a page's console blocks.
fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let opened = text.split("\n```console\n").skip(1);
    opened.filter_map(|rest| rest.split_once("\n```").map(|(inside, _)| inside))
}

/// Why a block is not a recording, if it is not.
fn fault(block: &str, recordings: &[Recording]) -> Option<&'static str> {
    let included = includes(block);
    let [include] = included.as_slice() else { return Some("was typed by hand: include a recording") };
    let is_whole = block.trim().starts_with("{{#include") && block.trim().ends_with("}}");
    let is_recording =
        recordings.iter().any(|recording| include.path.ends_with(&format!("/recorded/{}", recording.file)));
    let is_snapshot = include.path.ends_with(".snap") && include.path.contains("/wrong-answers/");
    match (is_whole, is_recording || is_snapshot) {
        (false, _) => Some("holds more than the recording"),
        (_, false) => Some("includes a file that no run produces"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_is_one_recording_and_nothing_else() {
        let recordings = [Recording {
            file: "a.console".into(),
            command: "x".into(),
            exit: 0,
            figure: None,
            report: None,
        }];
        let text = "a\n```console\n{{#include ../recorded/a.console}}\n```\nb\n```console\n$ ls\nfile\n```\n";
        let found: Vec<&str> = blocks(text).collect();
        assert_eq!(found.len(), 2);
        assert_eq!(fault(found[0], &recordings), None);
        assert!(fault(found[1], &recordings).is_some());
        assert!(fault("{{#include ../recorded/b.console}}", &recordings).is_some());
        assert!(fault("{{#include ../recorded/a.console}}\nmore", &recordings).is_some());
    }
}
