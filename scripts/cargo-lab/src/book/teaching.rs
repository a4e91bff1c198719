//! What a page owes its reader: headings that can be pointed at, no answer in sight, and a figure where one was asked for.

use std::path::Path;

use testbed::setup::SetUp;

use super::includes::{Include, Page, includes, pages, part};
use super::markdown;

/// What is wrong with the pages, a line each.
pub fn check(source: &Path) -> Result<Vec<String>, SetUp> {
    let mut wrong = Vec::new();
    for page in pages(source)? {
        // An include that cannot be read is told by the check of includes.
        let included = |include: &Include<'_>| {
            let target = page.path.parent().unwrap_or(source).join(include.path);
            let text = std::fs::read_to_string(target).unwrap_or_default();
            part(&text, include.part).unwrap_or_default().join("\n")
        };
        let found = nameless(&page.text).into_iter().chain(in_sight(&page.text, included));
        let found = found.chain(masked(&page.text, included));
        wrong.extend(found.map(|(line, why)| told(&page, line, &why)));
    }
    Ok(wrong)
}

fn told(page: &Page, line: usize, why: &str) -> String {
    format!("{}:{line}: {why}", page.path.display())
}

/// Headings, from the second level, without an explicit id: one that follows the words breaks when they are mended or translated.
fn nameless(text: &str) -> Vec<(usize, String)> {
    let headings = markdown::lines(text).filter(|(_, line)| line.starts_with("##"));
    let nameless = headings.filter(|(_, line)| !(line.contains(" {#") && line.ends_with('}')));
    nameless.map(|(number, line)| (number, format!("the heading `{line}` has no id: {{#…}}"))).collect()
}

/// Includes of a hole as the solution fills it, outside `<details>`.
fn in_sight(text: &str, included: impl Fn(&Include<'_>) -> String) -> Vec<(usize, String)> {
    let mut depth = 0;
    let mut seen = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        depth += line.matches("<details>").count();
        for include in includes(line) {
            if depth == 0 && is_answer(&include, &included) {
                let why = format!("{}:{} shows a filled hole outside <details>", include.path, include.part);
                seen.push((number, why));
            }
        }
        depth = depth.saturating_sub(line.matches("</details>").count());
    }
    seen
}

/// Whether an include is of a solution's code, with a hole in it.
fn is_answer(include: &Include<'_>, included: impl Fn(&Include<'_>) -> String) -> bool {
    let is_code = include.path.contains("/solutions/") && !include.path.contains("/wrong-answers/");
    is_code && (include.part.starts_with("hole-") || included(include).contains("ANCHOR: hole-"))
}

/// Predictions whose next run in the same section is a snapshot with its figures left out.
fn masked(text: &str, included: impl Fn(&Include<'_>) -> String) -> Vec<(usize, String)> {
    let mut asked = None;
    let mut wrong = Vec::new();
    let mut in_console = false;
    for (number, line) in (1..).zip(text.lines()) {
        match line {
            _ if line.starts_with("> **Predict") => asked = Some(number),
            _ if line.starts_with("##") => asked = None,
            "```console" => in_console = true,
            "```" => in_console = false,
            _ => {}
        }
        for include in includes(line).iter().filter(|_| in_console) {
            let is_masked = include.path.ends_with(".snap") && included(include).contains(" #");
            if let Some(asked) = asked.take().filter(|_| is_masked) {
                let why = format!("the prediction is answered by {}, whose figures are `#`", include.path);
                wrong.push((asked, why));
            }
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_heading_without_an_id_is_found() {
        let text = "# Title\n## With {#with}\n## Without\n```sh\n## no heading\n```\n### Nor this\n";
        let lines: Vec<usize> = nameless(text).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [3, 7]);
    }

    #[test]
    fn a_filled_hole_is_found_outside_details_only() {
        let included = |include: &Include<'_>| match include.part {
            "solved" => "a\n// ANCHOR: hole-x\nb".to_owned(),
            _ => "a".to_owned(),
        };
        let text = "{{#include ../solutions/a.rs:given}}\n{{#include ../solutions/a.rs:solved}}\n<details>\n\
                    {{#include ../solutions/a.rs:solved}}\n</details>\n{{#include ../solutions/a.rs:hole-x}}\n\
                    {{#include ../labs/a.rs:solved}}\n";
        let lines: Vec<usize> = in_sight(text, included).into_iter().map(|(line, _)| line).collect();
        assert_eq!(lines, [2, 6]);
    }

    #[test]
    fn a_prediction_that_is_answered_by_a_masked_figure_is_found() {
        let included = |include: &Include<'_>| match include.path {
            "plain.snap" => "    next  publish".to_owned(),
            _ => "    observed  lost #".to_owned(),
        };
        let shown =
            |file: &str| format!("> **Predict.** How many?\n\n```console\n{{{{#include {file}}}}}\n```\n");
        assert_eq!(masked(&shown("w.snap"), included).len(), 1);
        assert_eq!(masked(&shown("w.console"), included), []);
        assert_eq!(masked(&shown("plain.snap"), included), []);
        let later = format!("{}{}", shown("w.console"), "```console\n{{#include w.snap}}\n```\n");
        assert_eq!(masked(&later, included), [], "the first run answers");
        let next = "> **Predict.** How many?\n\n## Next {#next}\n```console\n{{#include w.snap}}\n```\n";
        assert_eq!(masked(next, included), [], "another section");
    }
}
