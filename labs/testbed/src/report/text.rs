//! A report as lines of text: the verdict that a learner reads. No line is wider than [`WIDTH`].

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSplitter, fill};

use super::{CheckReport, Hole, Report, Word};
use crate::fact::Fact;

/// The columns of a line: what fits beside the book's margins and into half a screen.
pub const WIDTH: usize = 84;

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

/// The first line of a verdict: mark, name, word, time.
pub fn headline(check: &CheckReport) -> String {
    let (mark, style) = mark(check.verdict);
    let tries = if check.tries > 1 { format!("{} tries", check.tries) } else { String::new() };
    format!(
        "{style}{mark}{style:#} {:<40} {tries:>10} {style}{:>14}{style:#} {:>6.1} s",
        check.name,
        check.verdict.as_str(),
        check.seconds
    )
}

/// The whole verdict. Kept: one sentence and its figures. Otherwise all that helps to mend it.
///
/// The text carries ANSI colours; print it through `anstream`, which drops them where there is no terminal.
pub fn verdict(check: &CheckReport) -> String {
    let mut text = headline(check);
    text.push('\n');
    let observed = facts(check);
    if check.verdict == Word::Kept {
        paragraph(&mut text, "  ", "  ", &check.title);
        paragraph(&mut text, "    ", "    ", &observed);
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

/// A check that ended at a hole of which was told already: its first line, and where.
pub fn same_hole(check: &CheckReport, hole: &Hole) -> String {
    let mut text = headline(check);
    text.push('\n');
    row(&mut text, "stops at", &hole.at);
    text
}

/// The closing lines of a run: how many of each word, which holes stopped it, and the next step.
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
    for (hole, count) in holes(report).into_iter().filter(|(_, count)| *count > 1) {
        text.push('\n');
        paragraph(
            &mut text,
            "",
            "  ",
            &format!("{count} checks stop at one hole, {}: {}", hole.at, hole.text),
        );
        text.truncate(text.trim_end().len());
    }
    let tried: u32 = report.checks.iter().map(|check| check.tries - 1).sum();
    if tried > 0 {
        let _ = write!(text, "\n{tried} more tries, where a check said nothing at first");
    }
    if let Some(check) = first_to_mend(report) {
        // A command is copied: it stands on a line of its own sooner than on two.
        let fits = check.name.chars().count() + check.again.chars().count() + "start with : ".len() <= WIDTH;
        let between = if fits { " " } else { "\n  " };
        let _ = write!(text, "\nstart with {}:{between}{}", check.name, check.again);
    }
    text
}

/// The broken check to begin with: the first one whose cause is known.
fn first_to_mend(report: &Report) -> Option<&CheckReport> {
    let broken = || report.checks.iter().filter(|check| check.verdict == Word::Broken);
    broken().find(|check| check.likely.is_some()).or_else(|| broken().next())
}

/// The holes that checks ended at, each with their number, in the order in which they were met.
fn holes(report: &Report) -> Vec<(&Hole, usize)> {
    let mut holes: Vec<(&Hole, usize)> = Vec::new();
    for hole in report.checks.iter().filter_map(|check| check.hole.as_ref()) {
        match holes.iter_mut().find(|(known, _)| *known == hole) {
            Some((_, count)) => *count += 1,
            None => holes.push((hole, 1)),
        }
    }
    holes
}

/// The check's facts on one line. A short one is not torn apart when the line is folded: it holds [`KEPT`] for blanks.
fn facts(check: &CheckReport) -> String {
    let told = |fact: &Fact| match fact.to_string() {
        short if short.chars().count() <= WIDTH / 2 => short.replace(' ', KEPT),
        long => long,
    };
    check.observed.iter().map(told).collect::<Vec<_>>().join(" · ")
}

/// A blank at which no line is folded.
const KEPT: &str = "\u{a0}";

/// One labelled row; nothing where there is nothing to say.
fn row(text: &mut String, label: &str, value: &str) {
    paragraph(text, &format!("    {label:<10} "), &" ".repeat(15), value);
}

/// A text folded between words. What has no blank in it, a path or a command's address, stays in one piece.
fn paragraph(text: &mut String, first: &str, next: &str, value: &str) {
    if value.is_empty() {
        return;
    }
    let options = Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(next)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    text.push_str(&fill(value, options).replace(KEPT, " "));
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::{Company, Listed, Read};

    fn broken() -> CheckReport {
        let listed = Listed {
            name: "answered-is-committed".into(),
            title: "an answered post survives kill -9".into(),
            read: Read {
                chapter: "01 Direct write".into(),
                section: "Answer after the commit".into(),
                href: "01-direct-write.html#answer-after-the-commit".into(),
            },
            company: Company::Any,
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
        assert!(lines[0].ends_with("broken    3.1 s"), "{plain}");
        assert_eq!(lines[2], "    observed   answered 412 · lost 41");
        assert_eq!(lines[6], "    again      cargo lab check 01 --only answered-is-committed");
    }

    #[test]
    fn long_rows_are_folded_between_words() {
        let mut text = String::new();
        row(&mut text, "observed", &"word ".repeat(60));
        assert!(text.lines().count() > 2);
        assert!(text.lines().all(|line| line.chars().count() <= WIDTH), "{text}");
    }

    #[test]
    fn a_kept_check_is_one_sentence_and_its_figures() {
        let check = CheckReport { verdict: Word::Kept, ..broken() };
        let plain = anstream::adapter::strip_str(&verdict(&check)).to_string();
        let lines: Vec<&str> = plain.lines().collect();
        let sentence = "  an answered post survives kill -9";
        assert_eq!(lines[1..], [sentence, "    answered 412 · lost 41"]);
    }

    #[test]
    fn the_summary_tells_one_hole_once_and_starts_with_a_check_whose_cause_is_known() {
        let mut report = crate::report::html::sample::report();
        let hole = Hole { text: "lab 01: list".into(), at: "store.rs:9".into() };
        let stopped = |name: &str| CheckReport { name: name.into(), hole: Some(hole.clone()), ..broken() };
        let unsure = CheckReport { name: "unsure".into(), likely: None, ..broken() };
        report.checks = vec![unsure, stopped("a"), stopped("b")];
        let told = summary(&report);
        assert!(told.contains("\n2 checks stop at one hole, store.rs:9: lab 01: list"), "{told}");
        assert!(told.contains("\nstart with a: "), "{told}");

        report.checks = vec![CheckReport { again: "cargo lab ".to_owned() + &"x".repeat(WIDTH), ..broken() }];
        let told = summary(&report);
        assert!(told.contains("\nstart with answered-is-committed:\n  cargo lab x"), "{told}");
    }
}
