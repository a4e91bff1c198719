//! The simulator's page in a browser: what a reader sees and presses, and the model behind it.

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::book;
use crate::browser::Browser;

/// A page in a browser of its own.
pub struct Page {
    browser: Browser,
    media: &'static str,
    features: BTreeMap<&'static str, &'static str>,
}

/// What `OverloadSimulator.run` gives; book/theme/simulator-model.js tells of each.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Run {
    /// Of the whole run.
    pub totals: Totals,
    /// Of those alone that arrived in the second half.
    pub settled: Totals,
    /// In seconds.
    pub first_failure: Option<f64>,
    /// One a second, and one more for what is answered later.
    pub rows: Vec<Row>,
}

/// What became of requests, each in one outcome.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Totals {
    /// All of them.
    pub arrivals: u64,
    /// Served.
    pub accepted: u64,
    /// Turned away by a full line.
    pub refused: u64,
    /// Waited too long in the line.
    pub timed_out: u64,
    /// The share that was refused or timed out, from 0 to 1.
    pub loss: f64,
    /// Of the accepted, from arrival to answer.
    pub median_ms: Option<f64>,
}

/// One second.
#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct Row {
    /// That came in it.
    pub arrivals: u64,
    /// Answered 200 in it.
    pub accepted: u64,
    /// Answered 503 in it.
    pub refused: u64,
    /// Answered 504 in it.
    pub timed_out: u64,
    /// In the line at its end.
    pub waiting: u64,
}

/// What `OverloadSimulator.theory` gives, in the long run.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Theory {
    /// The share that is refused; `None` where only the loss is known.
    pub refused: Option<f64>,
    /// The share that times out.
    pub timed_out: Option<f64>,
    /// The share that is lost.
    pub loss: f64,
}

impl Page {
    /// The simulator's chapter, opened from the disk.
    pub fn of_simulator() -> Page {
        let mut page = Page::empty();
        page.open(book::simulator());
        page
    }

    /// A page with nothing in it yet: to be prepared before it is opened.
    pub fn empty() -> Page {
        let mut page = Page { browser: Browser::start(), media: "", features: BTreeMap::new() };
        for domain in ["Page", "Runtime", "Log", "Network"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        page
    }

    /// Opens a file and waits until it is loaded.
    pub fn open(&mut self, file: &Path) {
        self.follow(&format!("file://{}", file.display()));
    }

    /// Opens an address, as of a link, and waits until it is loaded.
    pub fn follow(&mut self, address: &str) {
        self.browser.devtools.open(address);
    }

    /// Calls a method of the DevTools protocol.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.browser.devtools.call(method, parameters)
    }

    /// The parameters of the protocol's events of this name so far.
    pub fn events(&self, event: &str) -> Vec<&Value> {
        self.browser.devtools.events(event)
    }

    /// The value of an expression in the page.
    pub fn value<T: DeserializeOwned>(&mut self, expression: &str) -> T {
        self.browser.devtools.value(expression)
    }

    /// Waits until a condition holds in the page.
    pub fn until(&mut self, condition: &str) {
        self.browser.devtools.until(condition);
    }

    /// Runs the model with these parameters, and its defaults for those not given.
    pub fn run(&mut self, parameters: &Value) -> Run {
        self.value(&format!("OverloadSimulator.run({parameters})"))
    }

    /// What theory says of these parameters.
    pub fn theory(&mut self, parameters: &Value) -> Theory {
        self.value(&format!("OverloadSimulator.theory({{ ...OverloadSimulator.defaults, ...{parameters} }})"))
    }

    /// Presses and releases a key: `Tab`, `Enter`, `ArrowRight`, or the character that it writes.
    pub fn press(&mut self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, None),
            "ArrowRight" => (39, None),
            "ArrowDown" => (40, None),
            "Enter" => (13, Some("\r")),
            _ => (key.bytes().next().map_or(0, |byte| byte.to_ascii_uppercase()), Some(key)),
        };
        let mut event = json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code });
        if let Some(text) = text {
            event["text"] = json!(text);
        }
        self.call("Input.dispatchKeyEvent", event);
        self.call(
            "Input.dispatchKeyEvent",
            json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code }),
        );
    }

    /// Presses Tab until the control of this name has the focus, as a reader without a mouse does.
    pub fn tab_to(&mut self, name: &str) {
        for _ in 0..100 {
            if self.value::<Option<String>>("document.activeElement.name ?? null").as_deref() == Some(name) {
                return;
            }
            self.press("Tab");
        }
        panic!("a hundred times Tab does not lead to `{name}`");
    }

    /// Writes over the number that has the focus.
    pub fn write(&mut self, number: u32) {
        self.value::<Value>("document.activeElement.select()");
        number.to_string().chars().for_each(|digit| self.press(&digit.to_string()));
    }

    /// Puts values into the simulator's fields and runs it; then looks at an expression, before anything else happens.
    pub fn set<T: DeserializeOwned>(&mut self, fields: &Value, look: &str) -> T {
        self.value(&format!(
            "(() => {{
                const form = document.querySelector('.overload-controls');
                Object.entries({fields}).forEach(([name, value]) => (form.elements[name].value = value));
                form.requestSubmit();
                return {look};
            }})()"
        ))
    }

    /// What the reader's system prefers: `prefer("prefers-color-scheme", "dark")`.
    pub fn prefer(&mut self, feature: &'static str, value: &'static str) {
        self.features.insert(feature, value);
        self.emulate();
    }

    /// Shows the page as it is printed, in the rules of `@media print` and after the event that tells of it.
    pub fn print(&mut self) {
        self.media = "print";
        self.value::<bool>("dispatchEvent(new Event('beforeprint'))");
        self.emulate();
    }

    fn emulate(&mut self) {
        let features: Vec<Value> =
            self.features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.call("Emulation.setEmulatedMedia", json!({ "media": self.media, "features": features }));
    }

    /// Shows the page on a screen of this width in CSS pixels.
    pub fn resize(&mut self, width: u32) {
        let is_phone = width < 600;
        self.call(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": width, "height": 800, "deviceScaleFactor": 1, "mobile": is_phone }),
        );
        // Two frames: one to lay it out, one in which the figure has been drawn anew at its width.
        self.value::<bool>(
            "new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done(true))))",
        );
    }

    /// Keeps a picture of the simulator in `target/book-browser`, for a human to look at.
    pub fn picture(&mut self, name: &str) {
        let clip: Value = self.value(
            "(() => {
                const box = document.querySelector('.overload-simulator').getBoundingClientRect();
                return { x: box.x + scrollX - 8, y: box.y + scrollY - 8, width: box.width + 16, height: box.height + 16 };
            })()",
        );
        let bytes = self.browser.devtools.picture(clip);
        let path = book::target().join("book-browser").join(format!("{name}.png"));
        std::fs::write(&path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}
