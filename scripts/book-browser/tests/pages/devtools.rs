//! The DevTools protocol over a pair of pipes: JSON messages, each ended by a NUL.
//!
//! No port is bound, no second program drives the browser, and a browser whose pipes are closed ends by itself,
//! whatever ended the test.

use std::io::{BufRead, BufReader, Read, Write};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use base64::prelude::{BASE64_STANDARD, Engine};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// How long one answer or event may take: a cold browser on a busy machine needs seconds.
const PATIENCE: Duration = Duration::from_secs(60);

/// A conversation with a browser, and after [`DevTools::attach`] with one of its pages.
pub struct DevTools {
    requests: Option<Box<dyn Write>>,
    messages: Receiver<Value>,
    events: Vec<Value>,
    session: Option<String>,
    asked: u64,
}

impl DevTools {
    /// Speaks into `requests` and listens to `answers`, in a thread that ends with them.
    pub fn new(requests: impl Write + 'static, answers: impl Read + Send + 'static) -> DevTools {
        let (sender, messages) = channel();
        std::thread::spawn(move || {
            for message in BufReader::new(answers).split(0).map_while(Result::ok) {
                let message = serde_json::from_slice(&message).expect("the browser speaks JSON");
                if sender.send(message).is_err() {
                    return;
                }
            }
        });
        DevTools { requests: Some(Box::new(requests)), messages, events: Vec::new(), session: None, asked: 0 }
    }

    /// Opens an empty page and speaks with it from now on.
    pub fn attach(&mut self) {
        let target = self.call("Target.createTarget", json!({ "url": "about:blank" }));
        let attached =
            self.call("Target.attachToTarget", json!({ "targetId": target["targetId"], "flatten": true }));
        self.session = attached["sessionId"].as_str().map(str::to_owned);
    }

    /// Calls a method and waits for its result.
    ///
    /// # Panics
    /// When the browser refuses, is gone, or does not answer in time.
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.asked += 1;
        let mut request = json!({ "id": self.asked, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            request["sessionId"] = json!(session);
        }
        let requests = self.requests.as_mut().expect("the conversation is open");
        let sent = write!(requests, "{request}\0").and_then(|()| requests.flush());
        sent.unwrap_or_else(|error| panic!("{method}: the browser is gone: {error}"));
        loop {
            let message = self.next(method);
            if message["id"] == self.asked {
                assert!(message["error"].is_null(), "{method}: {}", message["error"]);
                return message["result"].clone();
            }
            self.events.push(message);
        }
    }

    /// Waits for an event of this name, one that has come since the last look included.
    pub fn wait_for(&mut self, event: &str) {
        while !self.events.iter().any(|known| known["method"] == event) {
            let message = self.next(event);
            self.events.push(message);
        }
    }

    /// The parameters of the events of this name so far.
    pub fn events(&self, event: &str) -> Vec<&Value> {
        self.events.iter().filter(|known| known["method"] == event).map(|known| &known["params"]).collect()
    }

    /// Opens an address and waits until it is loaded; the events of the page before it are forgotten. Those of the domain `Page` must be
    /// on.
    pub fn open(&mut self, url: &str) {
        self.events.clear();
        let opened = self.call("Page.navigate", json!({ "url": url }));
        assert!(opened["errorText"].is_null(), "{url}: {}", opened["errorText"]);
        self.wait_for("Page.loadEventFired");
    }

    /// The value of an expression in the page.
    pub fn value<T: DeserializeOwned>(&mut self, expression: &str) -> T {
        let found = self.call(
            "Runtime.evaluate",
            json!({ "expression": expression, "returnByValue": true, "awaitPromise": true }),
        );
        let thrown = &found["exceptionDetails"];
        assert!(thrown.is_null(), "{expression}: {}", thrown["exception"]["description"]);
        serde_json::from_value(found["result"]["value"].clone())
            .unwrap_or_else(|error| panic!("{expression} is {}: {error}", found["result"]))
    }

    /// Waits until a condition holds in the page.
    pub fn until(&mut self, condition: &str) {
        let holds: bool = self.value(&format!(
            "new Promise((done) => {{
                const end = performance.now() + 20000;
                const look = () => ({condition}) ? done(true) : performance.now() > end ? done(false) : setTimeout(look, 10);
                look();
            }})"
        ));
        let thrown = self.events("Runtime.exceptionThrown");
        assert!(
            holds,
            "within 20 s it did not become true that {condition}; the page's scripts threw {thrown:?}"
        );
    }

    /// The PNG of a part of the page, `{ x, y, width, height }` in CSS pixels from the page's corner.
    pub fn picture(&mut self, mut clip: Value) -> Vec<u8> {
        clip["scale"] = json!(1);
        let shot =
            self.call("Page.captureScreenshot", json!({ "captureBeyondViewport": true, "clip": clip }));
        BASE64_STANDARD.decode(shot["data"].as_str().unwrap_or_default()).expect("it is base64")
    }

    fn next(&self, what: &str) -> Value {
        self.messages.recv_timeout(PATIENCE).unwrap_or_else(|error| match error {
            RecvTimeoutError::Timeout => panic!("{what}: nothing from the browser within {PATIENCE:?}"),
            RecvTimeoutError::Disconnected => panic!("{what}: the browser has ended"),
        })
    }

    /// Closes the conversation and waits until the browser has ended; `false` if it has not within `patience`.
    pub fn close(&mut self, patience: Duration) -> bool {
        drop(self.requests.take());
        loop {
            match self.messages.recv_timeout(patience) {
                Ok(_) => {}
                Err(RecvTimeoutError::Disconnected) => return true,
                Err(RecvTimeoutError::Timeout) => return false,
            }
        }
    }
}
