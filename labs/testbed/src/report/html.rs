//! A report as one page that needs nothing else: no script, no font, no file beside it.
//!
//! What a subject wrote, and what its answers led to, is not trusted: every text goes through [`escape`].

use std::fmt::Write as _;

use time::{OffsetDateTime, UtcOffset};

use super::figure::{ended, grouped, occurring, timeline_svg};
use super::{CheckReport, Figure, Report, Timeline, Word};

const STYLE: &str = include_str!("html.css");

/// The page of a report.
pub fn page(report: &Report) -> String {
    let title = format!("Lab {} {}", report.lab, report.title);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{}: {}</title>\n\
         <style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n",
        escape(&title),
        words(report)
    );
    header(&mut html, report, &title);
    summary(&mut html, report);
    for check in &report.checks {
        section(&mut html, check);
    }
    html.push_str("</main>\n</body>\n</html>\n");
    html
}

/// A text in which nothing can be taken for markup, in HTML and XML alike. Terminal colours are dropped, and so are
/// control characters, which XML does not allow.
pub(super) fn escape(text: &str) -> String {
    let plain = anstream::adapter::strip_str(text).to_string();
    let mut safe = String::with_capacity(plain.len());
    for character in plain.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\n' | '\t' => safe.push(character),
            _ if character.is_control() || ('\u{fffe}'..='\u{ffff}').contains(&character) => {}
            _ => safe.push(character),
        }
    }
    safe
}

fn header(html: &mut String, report: &Report, title: &str) {
    let _ = writeln!(html, "<header>\n<h1>{}</h1>\n<dl>", escape(title));
    row(html, "subject", &code(&report.subject));
    row(html, "when", &format!("{}, {}", moment(report.started_at), took(report.seconds)));
    let cores = if report.cores == 1 { "core" } else { "cores" };
    row(html, "host", &format!("{} {cores}", report.cores));
    let services = report.services.iter().map(|service| {
        let (name, image, chosen) = (escape(&service.name), code(&service.image), escape(&service.chosen));
        format!("<li>{name} {image} <span class=\"soft\">{chosen}</span></li>")
    });
    row(html, "services", &list(services));
    row(html, "result", &words(report));
    row(html, "exit code", &format!("{}: {}", report.exit().code(), report.exit().meaning()));
    html.push_str("</dl>\n</header>\n");
}

/// How many checks ended with each word: `11 kept, 1 broken`.
fn words(report: &Report) -> String {
    let said = [Word::Broken, Word::SetUp, Word::Inconclusive, Word::Kept];
    let said = said.map(|word| (report.count(word), word)).into_iter().filter(|(count, _)| *count > 0);
    let words: Vec<String> = said.map(|(count, word)| format!("{count} {}", word.as_str())).collect();
    if words.is_empty() { "no check ran".into() } else { words.join(", ") }
}

fn summary(html: &mut String, report: &Report) {
    html.push_str(
        "<table class=\"summary\">\n<thead><tr><th scope=\"col\">verdict</th><th scope=\"col\">check</th>\
         <th scope=\"col\" class=\"title\">promise</th><th scope=\"col\" class=\"number\">time</th></tr></thead>\n<tbody>\n",
    );
    for check in &report.checks {
        let _ = writeln!(
            html,
            "<tr class=\"{}\"><td>{}</td><td><a href=\"#{name}\">{name}</a></td><td class=\"title\">{}</td>\
             <td class=\"number\">{}</td></tr>",
            check.verdict.as_str(),
            word(check.verdict),
            escape(&check.title),
            took(check.seconds),
            name = escape(&check.name),
        );
    }
    html.push_str("</tbody>\n</table>\n");
}

fn section(html: &mut String, check: &CheckReport) {
    let _ = writeln!(
        html,
        "<section class=\"check {}\" id=\"{name}\">\n<h2>{name}</h2>\n<p>{} · {}</p>\n<dl>",
        check.verdict.as_str(),
        word(check.verdict),
        escape(&check.title),
        name = escape(&check.name),
    );
    let promised: Vec<String> = check.promised.iter().map(|promise| escape(promise)).collect();
    match promised.as_slice() {
        [one] => row(html, "promised", one),
        several => row(html, "promised", &list(several.iter().map(|promise| format!("<li>{promise}</li>")))),
    }
    row(html, "observed", &figures(&check.observed));
    row(html, "likely", &escape(check.likely.as_deref().unwrap_or_default()));
    let hole = check.hole.as_ref().map(|hole| format!("{} in {}", escape(&hole.text), code(&hole.at)));
    row(html, "hole", &hole.unwrap_or_default());
    row(html, "next", &escape(check.next.as_deref().unwrap_or_default()));
    // From a report's folder, two below the target folder's own, to the book beside them.
    let read = format!(
        "<a href=\"../../../book/{}\">{}, “{}”</a> (built by <code>cargo lab book build</code>)",
        escape(&check.read.href),
        escape(&check.read.chapter),
        escape(&check.read.section)
    );
    row(html, "read", &read);
    row(html, "again", &code(&check.again));
    html.push_str("</dl>\n");
    check.timelines.iter().for_each(|timeline| run(html, timeline));
    if !check.stderr.is_empty() {
        let _ = writeln!(
            html,
            "<details>\n<summary>The end of what the subject wrote to stderr</summary>\n<pre>{}</pre>\n</details>",
            escape(&check.stderr.join("\n"))
        );
    }
    html.push_str("</section>\n");
}

/// What was observed: named figures as a table, words as sentences above it.
fn figures(figures: &[Figure]) -> String {
    let mut html = String::new();
    for figure in figures.iter().filter(|figure| figure.name.is_empty()) {
        let _ = write!(html, "<p>{}</p>", escape(&figure.shown));
    }
    let mut named = figures.iter().filter(|figure| !figure.name.is_empty()).peekable();
    if named.peek().is_some() {
        html.push_str("<table class=\"figures\">");
        for figure in named {
            let number = if figure.value.is_some() { " class=\"number\"" } else { "" };
            let (name, shown) = (escape(&figure.name), escape(&figure.shown));
            let _ = write!(html, "<tr><th scope=\"row\">{name}</th><td{number}>{shown}</td></tr>");
        }
        html.push_str("</table>");
    }
    html
}

/// A load run: its figure, and the same data as a table.
fn run(html: &mut String, timeline: &Timeline) {
    let _ = writeln!(
        html,
        "<figure>\n<figcaption><strong>{}</strong> <span class=\"soft\">{}</span></figcaption>\n{}",
        escape(&timeline.label),
        escape(&timeline.schedule),
        timeline_svg(timeline)
    );
    for (what, words) in [("latency", &timeline.latency), ("send lag", &timeline.send_lag)] {
        if !words.is_empty() {
            let _ = writeln!(html, "<p><span class=\"soft\">{what}</span> {}</p>", escape(words));
        }
    }
    html.push_str("<details>\n<summary>Second by second</summary>\n");
    html.push_str(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"Second by second\">\n<table>\n",
    );
    let outcomes: Vec<_> = occurring(timeline).collect();
    let mut heads = vec!["second".to_string(), "offered".into()];
    heads.extend(outcomes.iter().map(|outcome| outcome.words().into()));
    heads.extend(["in flight", "median, ms", "longest, ms"].map(Into::into));
    cells(html, "th scope=\"col\"", &heads);
    for second in &timeline.seconds {
        let mut line = vec![second.second.to_string(), grouped(second.scheduled)];
        line.extend(outcomes.iter().map(|outcome| grouped(ended(second, *outcome))));
        let millis = |value: Option<f64>| value.map_or("–".into(), |value| format!("{value:.1}"));
        line.extend([grouped(second.in_flight), millis(second.p50_ms), millis(second.max_ms)]);
        cells(html, "td", &line);
    }
    let mut total = vec!["all".to_string(), grouped(timeline.counts.scheduled)];
    total.extend(outcomes.iter().map(|outcome| grouped(timeline.counts.of(*outcome))));
    cells(html, "th", &total);
    html.push_str("</table>\n</div>\n</details>\n</figure>\n");
}

/// A row of a table of numbers.
fn cells(html: &mut String, tag: &str, cells: &[String]) {
    let end = tag.split(' ').next().unwrap_or(tag);
    let cells: String = cells.iter().map(|cell| format!("<{tag} class=\"number\">{cell}</{end}>")).collect();
    let _ = writeln!(html, "<tr>{cells}</tr>");
}

/// One labelled row of a list of facts; nothing where there is nothing to say. `value` is markup.
fn row(html: &mut String, label: &str, value: &str) {
    if !value.is_empty() {
        let _ = writeln!(html, "<dt>{label}</dt><dd>{value}</dd>");
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: String = items.collect();
    if items.is_empty() { items } else { format!("<ul>{items}</ul>") }
}

fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(text))
}

/// The verdict as mark and word: colour alone would not reach everyone.
fn word(word: Word) -> String {
    let mark = match word {
        Word::Kept => '✓',
        Word::Broken => '✗',
        Word::Inconclusive => '?',
        Word::SetUp => '!',
    };
    format!("<span class=\"word\"><span aria-hidden=\"true\">{mark}</span> {}</span>", word.as_str())
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
