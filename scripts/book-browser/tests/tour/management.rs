//! RabbitMQ's management page in a browser, worked by the labels that it shows.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::browser::Browser;

/// Finds the page's controls by their labels.
const HAND: &str = include_str!("hand.js");

/// The page, and a reader logged in to it.
pub struct Management {
    browser: Browser,
}

impl Management {
    /// Opens the page and logs in.
    pub fn open(url: &str, (user, password): (&str, &str)) -> Management {
        let mut page = Management { browser: Browser::start() };
        let devtools = &mut page.browser.devtools;
        devtools.call("Page.enable", json!({}));
        devtools.call("Runtime.enable", json!({}));
        devtools.call("Page.addScriptToEvaluateOnNewDocument", json!({ "source": HAND }));
        // Finer than the book shows a picture, so that its words are sharp on every screen.
        devtools.call(
            "Emulation.setDeviceMetricsOverride",
            json!({ "width": 1000, "height": 900, "deviceScaleFactor": 1.5, "mobile": false }),
        );
        devtools.open(url);
        page.until("hand.has('th', 'Username')");
        page.hand("logIn", json!([user, password]));
        page
    }

    /// Follows a tab or a link in a list, as soon as it is there, to the page that has a section of this heading.
    pub fn follow(&mut self, link: &str, section: &str) {
        self.until(&format!("hand.has('#tabs a, table.list a', {})", json!(link)));
        self.hand("follow", json!([link]));
        self.until(&format!("hand.has('h2', {})", json!(section)));
    }

    /// Unfolds a section.
    pub fn unfold(&mut self, section: &str) {
        self.hand("open", json!([section]));
    }

    /// Writes into a field.
    pub fn fill(&mut self, section: &str, label: &str, text: &str) {
        self.hand("fill", json!([section, label, text]));
    }

    /// Chooses from a menu.
    pub fn choose(&mut self, section: &str, label: &str, choice: &str) {
        self.hand("choose", json!([section, label, choice]));
    }

    /// Presses a button.
    pub fn press(&mut self, section: &str, button: &str) {
        self.hand("press", json!([section, button]));
    }

    /// Presses a button to which the page answers with a small notice.
    pub fn press_and_read(&mut self, section: &str, button: &str, notice: &str) {
        self.hand("forget", json!([]));
        self.press(section, button);
        self.until(&format!(
            "document.querySelector('.form-popup-info')?.textContent.includes({})",
            json!(notice)
        ));
        self.hand("forget", json!([]));
    }

    /// Gets a message: the page's table of facts about it.
    pub fn get(&mut self) -> BTreeMap<String, String> {
        self.hand("forget", json!([]));
        self.press("Get messages", "Get Message(s)");
        self.until("'Payload' in hand.got()");
        self.browser.devtools.value("hand.got()")
    }

    /// Waits until a condition holds in the page.
    pub fn until(&mut self, condition: &str) {
        self.browser.devtools.until(condition);
    }

    /// A picture of a section, as a PNG.
    pub fn picture(&mut self, section: &str) -> Vec<u8> {
        let clip = self.browser.devtools.value(&format!("hand.clip({})", json!(section)));
        self.browser.devtools.picture(clip)
    }

    fn hand(&mut self, what: &str, arguments: Value) {
        let done: bool = self.browser.devtools.value(&format!("hand.{what}(...{arguments})"));
        assert!(done, "{what}");
    }
}
