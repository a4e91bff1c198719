//! The page alone on a disk: no network, no error, and a figure also without scripts.

use serde_json::json;

use crate::book;
use crate::page::Page;

#[test]
fn it_asks_the_network_for_nothing_and_has_no_errors() {
    let mut page = Page::of_simulator();
    page.prefer("prefers-reduced-motion", "reduce");
    for fields in
        [json!({ "arrivalRate": 150 }), json!({ "abandoned": "served", "arrivals": "even", "queue": 0 })]
    {
        page.set::<bool>(&fields, "true");
    }
    let urls: Vec<String> = page
        .events("Network.requestWillBeSent")
        .iter()
        .map(|event| event["request"]["url"].as_str().unwrap_or_default().to_owned())
        .collect();
    assert!(urls.iter().any(|url| url.contains("simulator-model")), "nothing was watched: {urls:?}");
    let outside: Vec<&String> =
        urls.iter().filter(|url| !["file:", "data:"].iter().any(|scheme| url.starts_with(scheme))).collect();
    assert!(outside.is_empty(), "{outside:?}");

    assert_eq!(page.events("Runtime.exceptionThrown"), [&json!(null); 0]);
    let complaints: Vec<_> = page
        .events("Log.entryAdded")
        .into_iter()
        .filter(|event| event["entry"]["level"] == "error")
        .chain(page.events("Runtime.consoleAPICalled").into_iter().filter(|event| event["type"] == "error"))
        .collect();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[test]
fn without_scripts_the_figure_stands() {
    let mut page = Page::empty();
    page.call("Emulation.setScriptExecutionDisabled", json!({ "value": true }));
    page.open(book::simulator());
    let document = page.call("DOM.getDocument", json!({ "depth": -1 }));
    let mut count = |selector: &str| -> usize {
        let found = page.call(
            "DOM.querySelectorAll",
            json!({ "nodeId": document["root"]["nodeId"], "selector": format!(".overload-simulator {selector}") }),
        );
        found["nodeIds"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(count("form"), 0);
    assert_eq!(count(".overload-figure svg .overload-waiting"), 1);
    assert_eq!(count(".overload-totals tbody tr"), 4);
    page.picture("simulator-without-scripts");
}
