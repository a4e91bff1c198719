//! What the chapter shows of the model's runs is what the model gives: `INSTA_UPDATE=always cargo test -p book-browser
//! recorded` records it anew.

use serde_json::{Value, json};

use crate::book;
use crate::page::Page;

/// The runs of the chapter's experiments, by the names they have there.
fn experiments() -> Vec<(&'static str, Value)> {
    vec![
        ("1: 80 a second", json!({})),
        ("2: 150 a second", json!({ "arrivalRate": 150 })),
        ("3: and 500 places", json!({ "arrivalRate": 150, "queue": 500 })),
        ("4a: as 2, 8 workers", json!({ "arrivalRate": 150, "servers": 8 })),
        ("4b: and 80 ms each", json!({ "arrivalRate": 150, "servers": 8, "serviceMs": 80 })),
        ("4c: as 3, timeout 2 s", json!({ "arrivalRate": 150, "queue": 500, "timeoutMs": 2000 })),
        (
            "4d: and they are served",
            json!({ "arrivalRate": 150, "queue": 500, "timeoutMs": 2000, "abandoned": "served" }),
        ),
    ]
}

fn first_answer() -> Vec<(&'static str, Value)> {
    let with_places =
        |queue: u32| json!({ "arrivalRate": 240, "servers": 6, "serviceMs": 50, "queue": queue });
    vec![("100 places", with_places(100)), ("1,000 places", with_places(1000))]
}

fn third_answer() -> Vec<(&'static str, Value)> {
    let with_places = |queue: u32| json!({ "arrivalRate": 95, "queue": queue });
    vec![
        ("no queue", with_places(0)),
        ("5 places", with_places(5)),
        ("50 places", with_places(50)),
        (
            "no queue, all even",
            json!({ "arrivalRate": 95, "queue": 0, "arrivals": "even", "services": "even" }),
        ),
    ]
}

fn assert_recorded(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path(book::source().join("recorded"));
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.set_description(name);
    settings.bind(|| insta::assert_snapshot!(name, text));
}

#[test]
fn the_recorded_figure_is_that_of_the_start_values() {
    let mut page = Page::of_simulator();
    let figure: String = page.value(
        "(() => {
            const result = OverloadSimulator.run();
            return OverloadSimulator.figure(result, { width: 560, id: 0 }) + OverloadSimulator.totalsTable(result);
        })()",
    );
    let shown: bool = page.value(
        "document.querySelector('.overload-summary').textContent === OverloadSimulator.summary(OverloadSimulator.run())",
    );
    assert!(shown, "the chapter starts with other values than the model's own");
    assert_recorded("simulator-figure", &figure.replace("><", ">\n<"));
}

#[test]
fn the_recorded_tables_are_those_of_their_runs() {
    let mut page = Page::of_simulator();
    for (name, runs) in [
        ("simulator-experiments", experiments()),
        ("simulator-answer-1", first_answer()),
        ("simulator-answer-3", third_answer()),
    ] {
        assert_recorded(name, &table(&mut page, &runs));
    }
}

/// These runs as a table in Markdown.
fn table(page: &mut Page, runs: &[(&str, Value)]) -> String {
    let mut table = String::from(
        "| run | refused | timed out | lost | in theory | first failure | median latency |\n\
         |---|--:|--:|--:|--:|--:|--:|\n",
    );
    for (name, parameters) in runs {
        let (run, theory) = (page.run(parameters), page.theory(parameters));
        let failure = run.first_failure.map_or_else(|| "none".to_owned(), |at| format!("{at:.1}\u{a0}s"));
        table += &format!(
            "| {name} | {} | {} | {:.1}\u{a0}% | {:.1}\u{a0}% | {failure} | {:.2}\u{a0}s |\n",
            run.totals.refused,
            run.totals.timed_out,
            100.0 * run.totals.loss,
            100.0 * theory.loss,
            run.totals.median_ms.expect("each accepts some") / 1000.0,
        );
    }
    table
}
