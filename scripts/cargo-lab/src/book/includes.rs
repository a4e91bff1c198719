//! Every `{{#include}}` names a file that is there and an anchor that holds something: mdBook itself only logs the one and prints nothing for the other.

use std::path::{Path, PathBuf};

use testbed::setup::SetUp;

use crate::workspace::{files, read};

/// A page of the source with its text.
pub struct Page {
    /// Its path.
    pub path: PathBuf,
    /// Its text.
    pub text: String,
}

/// One `{{#include path:part}}`.
#[derive(Debug, PartialEq, Eq)]
pub struct Include<'a> {
    /// The path as it stands there, relative to the page.
    pub path: &'a str,
    /// What follows the colon: an anchor, lines, or nothing.
    pub part: &'a str,
}

/// All Markdown pages under `source`.
pub fn pages(source: &Path) -> Result<Vec<Page>, SetUp> {
    let mut pages = Vec::new();
    for file in files(source)? {
        if file.extension().is_some_and(|extension| extension == "md") {
            let path = source.join(file);
            pages.push(Page { text: read(&path)?, path });
        }
    }
    pages.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(pages)
}

/// The includes of a text, in order.
pub fn includes(text: &str) -> Vec<Include<'_>> {
    let inside = text.split("{{#").skip(1).filter_map(|rest| rest.split_once("}}"));
    let named = inside.filter_map(|(inside, _)| {
        let (kind, named) = inside.split_once(char::is_whitespace)?;
        matches!(kind, "include" | "rustdoc_include" | "playground").then_some(named.trim())
    });
    named
        .map(|named| match named.split_once(':') {
            Some((path, part)) => Include { path, part },
            None => Include { path: named, part: "" },
        })
        .collect()
}

/// What is wrong with the includes, a line each.
pub fn check(source: &Path) -> Result<Vec<String>, SetUp> {
    let mut wrong = Vec::new();
    for page in pages(source)? {
        for include in includes(&page.text) {
            let shown =
                format!("{}: {{{{#include {}:{}}}}}", page.path.display(), include.path, include.part);
            let target = page.path.parent().unwrap_or(source).join(include.path);
            match std::fs::read_to_string(&target) {
                Err(error) => wrong.push(format!("{shown} {error}")),
                Ok(text) if !holds(&text, include.part) => wrong.push(format!("{shown} gives nothing")),
                Ok(_) => {}
            }
        }
    }
    Ok(wrong)
}

/// Whether the part of `text` that an include names holds anything.
fn holds(text: &str, named: &str) -> bool {
    let is_shown = |line: &&str| !line.contains("ANCHOR") && !line.trim().is_empty();
    part(text, named).is_some_and(|lines| lines.iter().any(is_shown))
}

/// The lines of `text` that an include names, marks of anchors among them; `None` when an anchor is absent or never ends.
pub fn part<'a>(text: &'a str, named: &str) -> Option<Vec<&'a str>> {
    let mut numbers = named.split(':');
    let is_lines =
        !named.is_empty() && numbers.all(|number| number.bytes().all(|byte| byte.is_ascii_digit()));
    if named.is_empty() {
        Some(text.lines().collect())
    } else if is_lines {
        let first = named.split(':').next().and_then(|first| first.parse::<usize>().ok()).unwrap_or(1);
        Some(text.lines().skip(first.max(1) - 1).collect())
    } else {
        let ends =
            |line: &str, mark: &str| line.split_once(mark).is_some_and(|(_, name)| name.trim() == named);
        let mut lines = text.lines().skip_while(|line| !ends(line, "ANCHOR:"));
        lines.next();
        let mut inside = Vec::new();
        let closed = lines.by_ref().any(|line| {
            inside.push(line);
            ends(line, "ANCHOR_END:")
        });
        closed.then_some(inside)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn includes_are_found_with_their_parts() {
        let found = includes("a {{#include ../x.rs:insert}} b {{#include y.toml}} {{#title no}}");
        assert_eq!(
            found,
            [Include { path: "../x.rs", part: "insert" }, Include { path: "y.toml", part: "" }]
        );
    }

    #[test]
    fn an_anchor_must_be_there_closed_and_full() {
        let text = "a\n// ANCHOR: one\ncode\n// ANCHOR_END: one\n// ANCHOR: two\n// ANCHOR_END: two\n// ANCHOR: three\ncode\n";
        assert!(holds(text, "one"));
        assert!(!holds(text, "two"), "empty");
        assert!(!holds(text, "three"), "never closed");
        assert!(!holds(text, "on"), "absent");
        assert!(holds(text, "3") && !holds(text, "99"));
    }
}
