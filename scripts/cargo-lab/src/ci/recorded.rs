//! What a check says of a wrong answer, held against the message on record.

use std::path::Path;

use insta::Snapshot;
use insta::comparator::{Comparator, DefaultComparator};
use testbed::crowd::Failure;
use testbed::load::Outcome;
use testbed::report::{CheckReport, text};

use crate::wrong_answer::WrongAnswer;

/// Compares the message with the one on record. `INSTA_UPDATE=always` records it anew.
pub fn as_recorded(answer: &WrongAnswer, check: &CheckReport) -> Result<(), String> {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(answer.path.parent().unwrap_or(Path::new(".")));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(&answer.name);
    settings.set_comparator(Box::new(ButForOutcomes));
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
    (check.seconds, check.tries) = (0.0, 1);
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

/// Two messages are the same that differ only in how requests failed: a count of none is not shown, and under load it is chance whether
/// one of a thousand was reset, say, or timed out. What it means, and where it leads, is the same or is not.
struct ButForOutcomes;

impl Comparator for ButForOutcomes {
    fn matches(&self, reference: &Snapshot, test: &Snapshot) -> bool {
        let texts = (reference.contents().as_text(), test.contents().as_text());
        DefaultComparator.matches(reference, test)
            || matches!(texts, (Some(one), Some(other))
                if without_outcomes(&one.to_string()) == without_outcomes(&other.to_string()))
    }

    fn dyn_clone(&self) -> Box<dyn Comparator> {
        Box::new(ButForOutcomes)
    }
}

/// The words of a message, but for the counts of requests that failed. Lines are folded by what stands in them, so they are joined.
fn without_outcomes(message: &str) -> String {
    let outcomes = Outcome::ALL.map(Outcome::words).into_iter().filter(|words| *words != "accepted");
    let names = outcomes.chain(Failure::ALL.map(Failure::name)).chain(["answered 503"]);
    let words = message.split_whitespace().collect::<Vec<_>>().join(" ");
    names.fold(words, |words, name| words.replace(&format!(" · {name} #"), ""))
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

    #[test]
    fn how_requests_failed_is_left_open_and_nothing_else() {
        let one =
            "observed   offered # · accepted # · refused # ·\n           reset # · slowest # ms\nlikely x";
        let other = "observed   offered # · accepted # · timed out # · slowest # ms\nlikely x";
        assert_eq!(without_outcomes(one), without_outcomes(other));
        assert_ne!(without_outcomes(one), without_outcomes(&other.replace("likely x", "likely y")));
        assert_ne!(without_outcomes(one), without_outcomes(&other.replace("slowest", "lost")));
    }
}
