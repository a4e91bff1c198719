//! The tour, taken by a reader who does in the management API what the page does.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use reqwest::{Client, Method};
use serde_json::{Value, json};

/// A tour takes no longer to show what was done.
const SOON: Duration = Duration::from_secs(60);

struct Tour {
    child: Child,
    lines: Receiver<String>,
}

impl Tour {
    fn start() -> Tour {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-lab"));
        let mut child = command.arg("tour").stdout(Stdio::piped()).spawn().expect("the CLI runs");
        let (say, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        Tour { child, lines }
    }

    /// The next line that holds `words`.
    fn says(&self, words: &str) -> String {
        loop {
            let line = self.lines.recv_timeout(SOON).unwrap_or_else(|_| panic!("it never said `{words}`"));
            if line.contains(words) {
                return line;
            }
        }
    }
}

impl Drop for Tour {
    fn drop(&mut self) {
        // Ended already when the test went well. Its container is removed by the next run otherwise.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[tokio::test]
async fn each_step_is_ticked_off_when_it_is_done() {
    let mut tour = Tour::start();
    let page = tour.says("page  ").trim().trim_start_matches("page").trim().to_owned();
    let user = tour.says("user").replace("user", "").trim().to_owned();
    let password = tour.says("password").replace("password", "").trim().to_owned();
    let ask = async |method, path: &str, body: Value| {
        let request = Client::new().request(method, format!("{page}api/{path}")).json(&body);
        let answer = request.basic_auth(&user, Some(&password)).send().await.expect("the page answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
    };

    let declare = json!({"durable": true, "arguments": {"x-queue-type": "quorum"}});
    ask(Method::PUT, "queues/%2F/CREATE_POST_QUEUE", declare).await;
    assert!(tour.says("1 ✓").contains("quorum, durable"));

    let payload = r#"{"content":"my post"}"#;
    let publish = json!({
        "properties": {}, "routing_key": "CREATE_POST_QUEUE", "payload": payload, "payload_encoding": "string"
    });
    ask(Method::POST, "exchanges/%2F/amq.default/publish", publish).await;
    assert!(tour.says("2 ✓").contains(payload));

    let get = json!({"count": 1, "ackmode": "ack_requeue_false", "encoding": "auto"});
    ask(Method::POST, "queues/%2F/CREATE_POST_QUEUE/get", get).await;
    assert!(tour.says("3 ✓").contains("it is gone"));
    tour.says("The broker is gone");
    assert!(tour.child.wait().expect("it ends by itself").success());
}
