//! A report as lines of text: the verdict that a learner reads.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use super::{CheckReport, Report, Word};

/// The mark and the colour of a verdict's first line.
fn mark(word: Word) -> (char, Style) {
    let colour = |colour: AnsiColor| Style::new().fg_color(Some(colour.into()));
    match word {
        Word::Kept => ('✓', colour(AnsiColor::Green)),
        Word::Broken => ('✗', colour(AnsiColor::Red).bold()),
        Word::Inconclusive => ('?', colour(AnsiColor::Yellow)),
        Word::SetUp => ('!', colour(AnsiColor::Yellow).bold()),
    }
}

/// The first line of a verdict: mark, name, title, word, time.
pub fn headline(check: &CheckReport) -> String {
    let (mark, style) = mark(check.verdict);
    format!(
        "{style}{mark}{style:#} {:<24} {:<52} {style}{:<12}{style:#} {:>5.1} s",
        check.name,
        check.title,
        check.verdict.as_str(),
        check.seconds
    )
}

/// The whole verdict. Kept: the headline and its figures. Otherwise all that helps to mend it.
///
/// The text carries ANSI colours; print it through `anstream`, which drops them where there is no terminal.
pub fn verdict(check: &CheckReport) -> String {
    let mut text = headline(check);
    text.push('\n');
    let observed = figures(check);
    if check.verdict == Word::Kept {
        if !observed.is_empty() {
            row(&mut text, "", &observed);
        }
        return text;
    }
    row(&mut text, "promised", &check.promised.join("; "));
    row(&mut text, "observed", &observed);
    row(&mut text, "likely", check.likely.as_deref().unwrap_or_default());
    row(&mut text, "next", check.next.as_deref().unwrap_or_default());
    if check.verdict == Word::Broken {
        row(&mut text, "read", &format!("{}, \"{}\"", check.read.chapter, check.read.section));
        row(&mut text, "again", &check.again);
    }
    text
}

/// The closing lines of a run: how many of each word, and the next step.
pub fn summary(report: &Report) -> String {
    let said =
        [Word::Kept, Word::Broken, Word::Inconclusive, Word::SetUp].map(|word| (report.count(word), word));
    let words =
        said.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {}", word.as_str()));
    let mut text = format!(
        "lab {} {}, {}: {} in {:.0} s",
        report.lab,
        report.title,
        report.subject,
        words.collect::<Vec<_>>().join(", "),
        report.seconds
    );
    let first = report.checks.iter().find(|check| check.verdict == Word::Broken);
    if let Some(check) = first {
        let _ = write!(text, "\nstart with {}: {}", check.name, check.again);
    }
    text
}

/// The check's figures on one line.
fn figures(check: &CheckReport) -> String {
    check.observed.iter().map(ToString::to_string).collect::<Vec<_>>().join(" · ")
}

/// One labelled row, folded to the width of a page; nothing where there is nothing to say.
fn row(text: &mut String, label: &str, value: &str) {
    const WIDTH: usize = 88;
    if value.is_empty() {
        return;
    }
    let mut label = label;
    for paragraph in value.lines() {
        let mut line = String::new();
        for word in paragraph.split(' ') {
            if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > WIDTH {
                let _ = writeln!(text, "    {label:<10} {line}");
                label = "";
                line.clear();
            }
            if !line.is_empty() {
                line.push(' ');
            }
            line.push_str(word);
        }
        let _ = writeln!(text, "    {label:<10} {line}");
        label = "";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fact::Fact;
    use crate::report::{Listed, Read};

    fn broken() -> CheckReport {
        let listed = Listed {
            name: "answered-is-committed".into(),
            title: "an answered post survives kill -9".into(),
            read: Read {
                chapter: "01 Direct write".into(),
                section: "Answer after the commit".into(),
                href: "01-direct-write.html#answer-after-the-commit".into(),
            },
        };
        CheckReport {
            verdict: Word::Broken,
            seconds: 3.1,
            promised: vec!["every post answered 201 is in the table after the restart".into()],
            observed: vec![Fact::count("answered", 412), Fact::count("lost", 41)],
            likely: Some("the answer left before the commit".into()),
            next: Some("wait for the insert before you answer".into()),
            ..CheckReport::of(listed, "cargo lab check 01 --only answered-is-committed".into())
        }
    }

    #[test]
    fn a_broken_promise_says_what_was_seen_why_and_what_next() {
        let plain = anstream::adapter::strip_str(&verdict(&broken())).to_string();
        let lines: Vec<&str> = plain.lines().collect();
        assert!(lines[0].starts_with("✗ answered-is-committed"), "{plain}");
        assert!(lines[0].ends_with("broken         3.1 s"), "{plain}");
        assert_eq!(lines[2], "    observed   answered 412 · lost 41");
        assert_eq!(lines[6], "    again      cargo lab check 01 --only answered-is-committed");
    }

    #[test]
    fn long_rows_are_folded_between_words() {
        let mut text = String::new();
        row(&mut text, "observed", &"word ".repeat(60));
        assert!(text.lines().count() > 2);
        assert!(text.lines().all(|line| line.chars().count() <= 104), "{text}");
    }
}
