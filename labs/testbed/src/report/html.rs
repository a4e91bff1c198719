//! A report as one page that needs nothing else: no script, no font, no file beside it.
//!
//! What a subject wrote, and what its answers led to, is not trusted: every text is escaped, and [`plain`] before that.

use maud::{DOCTYPE, Markup, PreEscaped, html};
use time::{OffsetDateTime, UtcOffset};

use super::figure::{grouped, occurring, timeline_svg};
use super::{CheckReport, Report, Timeline, Word};
use crate::fact::Fact;

const STYLE: &str = include_str!("html.css");

/// The page of a report.
pub fn page(report: &Report) -> String {
    let title = format!("Lab {} {}", report.lab, report.title);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (plain(&title)) ": " (words(report)) }
                style { (PreEscaped(STYLE)) }
            }
            body { main {
                (header(report, &title))
                (summary(report))
                @for check in &report.checks { (section(report, check)) }
            } }
        }
    };
    page.into_string()
}

/// A text without terminal colours and without control characters, which XML does not allow.
pub(super) fn plain(text: &str) -> String {
    let shown =
        |c: &char| matches!(c, '\n' | '\t') || !(c.is_control() || ('\u{fffe}'..='\u{ffff}').contains(c));
    anstream::adapter::strip_str(text).to_string().chars().filter(shown).collect()
}

/// The same, in which nothing can be taken for markup, in HTML and XML alike.
pub(super) fn escape(text: &str) -> String {
    html! { (plain(text)) }.into_string()
}

fn header(report: &Report, title: &str) -> Markup {
    let cores = if report.cores == 1 { "core" } else { "cores" };
    html! {
        header {
            h1 { (plain(title)) }
            dl {
                dt { "subject" } dd { (code(&report.subject)) }
                dt { "when" } dd { (moment(report.started_at)) ", " (took(report.seconds)) }
                dt { "host" } dd { (report.cores) " " (cores) }
                @if !report.services.is_empty() {
                    dt { "services" }
                    dd { ul { @for service in &report.services {
                        li {
                            (plain(&service.name)) " " (code(&service.image)) " "
                            span class="soft" { (plain(&service.chosen)) }
                        }
                    } } }
                }
                dt { "result" } dd { (words(report)) }
                dt { "exit code" } dd { (report.exit().code()) ": " (report.exit().meaning()) }
            }
        }
    }
}

/// How many checks ended with each word: `11 kept, 1 broken`.
fn words(report: &Report) -> String {
    let said = [Word::Broken, Word::SetUp, Word::Inconclusive, Word::Kept];
    let said = said.map(|word| (report.count(word), word)).into_iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = said.map(|(count, word)| format!("{count} {}", word.as_str())).collect();
    if words.is_empty() { "no check ran".into() } else { words.join(", ") }
}

fn summary(report: &Report) -> Markup {
    html! {
        table class="summary" {
            thead { tr {
                th scope="col" { "verdict" }
                th scope="col" { "check" }
                th scope="col" class="title" { "promise" }
                th scope="col" class="number" { "time" }
            } }
            tbody { @for check in &report.checks {
                tr class=(check.verdict.as_str()) {
                    td { (word(check.verdict)) }
                    td { a href={ "#" (plain(&check.name)) } { (plain(&check.name)) } }
                    td class="title" { (plain(&check.title)) }
                    td class="number" { (took(check.seconds)) }
                }
            } }
        }
    }
}

fn section(report: &Report, check: &CheckReport) -> Markup {
    html! {
        section class={ "check " (check.verdict.as_str()) } id=(plain(&check.name)) {
            h2 { (plain(&check.name)) }
            p { (word(check.verdict)) " · " (plain(&check.title)) }
            dl {
                dt { "promised" }
                dd { @match check.promised.as_slice() {
                    [one] => (plain(one)),
                    several => ul { @for promise in several { li { (plain(promise)) } } },
                } }
                @if !check.observed.is_empty() { dt { "observed" } dd { (facts(&check.observed)) } }
                @if let Some(likely) = &check.likely { dt { "likely" } dd { (plain(likely)) } }
                @if let Some(hole) = &check.hole {
                    dt { "hole" } dd { (plain(&hole.text)) " in " (code(&hole.at)) }
                }
                @if let Some(next) = &check.next { dt { "next" } dd { (plain(next)) } }
                dt { "read" }
                dd {
                    // From a report's folder, two below the target folder's own, to the book beside them.
                    a href={ "../../../book/" (plain(&check.read.href)) } {
                        (plain(&check.read.chapter)) ", “" (plain(&check.read.section)) "”"
                    }
                    " (built by " code { "cargo lab book build" } ")"
                }
                dt { "again" } dd { (code(&check.again)) }
                @if check.at < report.started_at { dt { "judged" } dd { (moment(check.at)) ", in an earlier run" } }
                @if check.tries > 1 { dt { "tries" } dd { (check.tries) ": the first said nothing" } }
            }
            @for timeline in &check.timelines { (run(timeline)) }
            @if !check.stderr.is_empty() {
                details {
                    summary { "The end of what the subject wrote to stderr" }
                    pre { (plain(&check.stderr.join("\n"))) }
                }
            }
        }
    }
}

/// What was observed: named facts as a table, words as sentences above it.
fn facts(facts: &[Fact]) -> Markup {
    let (words, named): (Vec<_>, Vec<_>) = facts.iter().partition(|fact| fact.name.is_empty());
    html! {
        @for fact in words { p { (plain(&fact.shown)) } }
        @if !named.is_empty() {
            table class="figures" { @for fact in named {
                tr {
                    th scope="row" { (plain(&fact.name)) }
                    td class=[fact.value.map(|_| "number")] { (plain(&fact.shown)) }
                }
            } }
        }
    }
}

/// A load run: its figure, and the same data as a table.
fn run(timeline: &Timeline) -> Markup {
    html! {
        figure {
            figcaption {
                strong { (plain(&timeline.label)) } " " span class="soft" { (plain(&timeline.schedule)) }
            }
            (PreEscaped(timeline_svg(timeline)))
            @for (what, words) in [("latency", &timeline.latency), ("send lag", &timeline.send_lag)] {
                @if !words.is_empty() { p { span class="soft" { (what) } " " (plain(words)) } }
            }
            details {
                summary { "Second by second" }
                div class="scroll" tabindex="0" role="region" aria-label="Second by second" { (seconds(timeline)) }
            }
        }
    }
}

fn seconds(timeline: &Timeline) -> Markup {
    let outcomes: Vec<_> = occurring(timeline).collect();
    let millis = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.1}"));
    html! {
        table {
            thead { tr {
                @for head in ["second", "offered"] { th scope="col" class="number" { (head) } }
                @for outcome in &outcomes { th scope="col" class="number" { (outcome.words()) } }
                @for head in ["in flight", "median, ms", "longest, ms"] { th scope="col" class="number" { (head) } }
            } }
            tbody { @for second in &timeline.seconds {
                tr {
                    td class="number" { (second.second) }
                    td class="number" { (grouped(second.counts.scheduled)) }
                    @for outcome in &outcomes { td class="number" { (grouped(second.counts.of(*outcome))) } }
                    td class="number" { (grouped(second.counts.in_flight)) }
                    td class="number" { (millis(second.p50_ms)) }
                    td class="number" { (millis(second.max_ms)) }
                }
            } }
            tfoot { tr {
                th scope="row" class="number" { "all" }
                th class="number" { (grouped(timeline.counts.scheduled)) }
                @for outcome in &outcomes { th class="number" { (grouped(timeline.counts.of(*outcome))) } }
            } }
        }
    }
}

fn code(text: &str) -> Markup {
    html! { code { (plain(text)) } }
}

/// The verdict as mark and word: colour alone would not reach everyone.
fn word(word: Word) -> Markup {
    let mark = match word {
        Word::Kept => "✓",
        Word::Broken => "✗",
        Word::Inconclusive => "?",
        Word::SetUp => "!",
    };
    html! { span class="word" { span aria-hidden="true" { (mark) } " " (word.as_str()) } }
}

fn moment(at: OffsetDateTime) -> String {
    let at = at.to_offset(UtcOffset::UTC);
    format!("{} {:02}:{:02}:{:02} UTC", at.date(), at.hour(), at.minute(), at.second())
}

fn took(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

#[cfg(test)]
pub(super) mod sample;
#[cfg(test)]
mod tests;
