//! The simulator in the hands of a reader: by keyboard, by screen reader, with and without motion.

use serde_json::{Value, json};

use crate::page::Page;

/// The part of the run that the figure shows, from 0 to 1.
pub const SHOWN: &str = "(() => {
    const axis = document.querySelector('.overload-axis');
    return document.querySelector('.overload-shown').width.baseVal.value / (axis.x2.baseVal.value - axis.x1.baseVal.value);
})()";
const SUMMARY: &str = "document.querySelector('.overload-summary').textContent";

/// Nothing that was pressed led away from the page, or was about to.
fn assert_stays(page: &mut Page) {
    page.until("document.readyState === 'complete'");
    assert_eq!(page.value::<String>("location.search"), "", "the form was sent");
    assert_eq!(page.events("Page.frameRequestedNavigation"), [&json!(null); 0]);
}

/// The page for a reader who wants no motion.
fn calm_page() -> Page {
    let mut page = Page::of_simulator();
    page.prefer("prefers-reduced-motion", "reduce");
    page
}

/// What the page shows must be what the model gives for these parameters.
fn assert_shows(page: &mut Page, parameters: &Value) {
    for (part, function) in [("totals", "totalsTable"), ("seconds", "secondsTable")] {
        let same: bool = page.value(&format!(
            "(() => {{
                const expected = document.createElement('div');
                expected.innerHTML = OverloadSimulator.{function}(OverloadSimulator.run({parameters}));
                return expected.innerHTML === document.querySelector('.overload-{part}-box').innerHTML;
            }})()"
        ));
        assert!(same, "the table of {part} is not that of {parameters}");
    }
    let summary: String = page.value(SUMMARY);
    let expected: String =
        page.value(&format!("OverloadSimulator.summary(OverloadSimulator.run({parameters}))"));
    assert_eq!(summary, expected);
}

#[test]
fn a_keyboard_is_enough() {
    let mut page = calm_page();
    page.tab_to("arrivalRate");
    page.write(150);
    page.press("Enter");
    assert_shows(&mut page, &json!({ "arrivalRate": 150 }));

    page.tab_to("queue");
    page.write(500);
    page.tab_to("abandoned");
    page.press("ArrowDown");
    page.tab_to("run");
    page.press(" ");
    let changed = json!({ "arrivalRate": 150, "queue": 500, "abandoned": "served" });
    assert_shows(&mut page, &changed);

    page.tab_to("again");
    page.press("Enter");
    assert_shows(&mut page, &json!({ "arrivalRate": 150, "queue": 500, "abandoned": "served", "seed": 8 }));

    page.tab_to("arrivalRate");
    let outline: String = page.value("getComputedStyle(document.activeElement).outlineStyle");
    assert_eq!(outline, "solid", "the focus is to be seen");
    assert_stays(&mut page);
}

#[test]
fn a_value_out_of_range_runs_nothing_and_is_said() {
    let mut page = calm_page();
    page.tab_to("servers");
    page.write(0);
    page.press("Enter");
    assert_shows(&mut page, &json!({}));
    let errors = page.events("Runtime.exceptionThrown").len();
    assert_eq!(errors, 0, "the model was asked all the same");
    assert!(page.value::<bool>("document.activeElement.matches(':invalid')"));
}

#[test]
fn the_keys_of_the_book_do_nothing_inside() {
    let mut page = Page::of_simulator();
    assert!(page.value::<bool>("document.querySelector('a[rel~=next], a[rel~=prev]') !== null"));
    page.tab_to("arrivals");
    page.press("s");
    assert_eq!(page.value::<String>("document.activeElement.name"), "arrivals", "a letter opened the search");
    // mdBook itself spares fields, and neither buttons nor a table that scrolls.
    for part in ["[name=run]", ".overload-seconds-box"] {
        page.value::<Value>(&format!("document.querySelector('.overload-simulator {part}').focus()"));
        page.press("ArrowRight");
    }
    assert_stays(&mut page);
    assert!(
        page.value::<bool>("location.pathname.endsWith('simulator.html')"),
        "an arrow key turned the page"
    );
}

#[test]
fn everything_has_a_name_for_who_cannot_see_it() {
    let mut page = Page::of_simulator();
    page.call("Accessibility.enable", json!({}));
    let root = page
        .call("Runtime.evaluate", json!({ "expression": "document.querySelector('.overload-simulator')" }));
    let tree = page.call("Accessibility.queryAXTree", json!({ "objectId": root["result"]["objectId"] }));
    let nodes: Vec<&Value> = tree["nodes"].as_array().expect("a tree has nodes").iter().collect();
    for (role, count) in [
        ("spinbutton", 7),
        ("combobox", 4),
        ("button", 3),
        ("form", 1),
        ("image", 1),
        ("table", 2),
        ("region", 1),
    ] {
        let found: Vec<&str> = nodes
            .iter()
            .filter(|node| node["role"]["value"] == role && node["ignored"] != true)
            .map(|node| node["name"]["value"].as_str().unwrap_or_default())
            .collect();
        assert_eq!(found.len(), count, "{role}: {found:?}");
        assert!(found.iter().all(|name| !name.trim().is_empty()), "{role}: {found:?}");
    }
    let unlabelled: Vec<String> = page.value(
        "[...document.querySelectorAll('.overload-simulator :is(input, select)')]
            .filter((control) => control.labels.length !== 1).map((control) => control.name)",
    );
    assert_eq!(unlabelled, [""; 0], "no label");
    let unscoped: u32 =
        page.value("document.querySelectorAll('.overload-simulator :is(th:not([scope]), table:not(:has(caption)))').length");
    assert_eq!(unscoped, 0);
}

#[test]
fn without_motion_the_end_is_there_at_once() {
    let (fields, look) = (json!({ "arrivalRate": 150 }), format!("[{SHOWN}, {SUMMARY}]"));
    let mut page = calm_page();
    let (shown, summary): (f64, String) = page.set(&fields, &look);
    assert_eq!(shown, 1.0);
    assert!(summary.contains("150 a second"), "{summary}");
    assert_shows(&mut page, &fields);

    let (shown, summary): (f64, String) = Page::of_simulator().set(&fields, &look);
    assert_eq!((shown, summary.as_str()), (0.0, "Running."), "with motion a run begins at its beginning");
}

#[test]
fn a_run_plays_pauses_goes_on_and_says_its_end_once() {
    let mut page = Page::of_simulator();
    page.value::<bool>(
        "(window.said = [], new MutationObserver(() => said.push(document.querySelector('.overload-summary').textContent))
            .observe(document.querySelector('.overload-summary'), { childList: true, characterData: true }), true)",
    );
    // As in life: two minutes, so that the pause comes before the end on the slowest machine.
    page.set::<bool>(&json!({ "speed": 1 }), "true");
    page.until(&format!(
        "{SHOWN} > 0.01 && document.querySelectorAll('.overload-seconds tbody tr').length > 0"
    ));
    page.tab_to("pause");
    page.press("Enter");
    let paused: f64 = page.value(SHOWN);
    assert!((0.01..1.0).contains(&paused), "{paused} is shown");
    let later: f64 = page.value(&format!(
        "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done({SHOWN}))))"
    ));
    assert_eq!(later, paused, "it does not stand still");
    assert_eq!(page.value::<String>("document.activeElement.textContent"), "Go on");

    page.press("Enter");
    page.until(&format!("{SHOWN} > {paused} && {SHOWN} < 1"));
    page.value::<i32>("(document.querySelector('[name=speed]').value = 0)");
    page.until(&format!("{SHOWN} === 1"));
    assert_shows(&mut page, &json!({}));
    let said: Vec<String> = page.value("said");
    assert_eq!(said.len(), 2, "{said:?}");
}
