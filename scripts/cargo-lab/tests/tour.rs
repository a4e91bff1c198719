//! The tours, taken by a reader who does in the management API what the page does, and in a shell what the tour prints.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use reqwest::{Client, Method};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};

/// A whole stack starts in less, and its program is built before where it is not yet.
const START: Duration = Duration::from_secs(900);
/// A tour takes no longer to show what was done.
const SOON: Duration = Duration::from_secs(60);

struct Tour {
    child: Child,
    lines: Receiver<String>,
}

impl Tour {
    fn start(arguments: &[&str]) -> Tour {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-lab"));
        let mut child =
            command.arg("tour").args(arguments).stdout(Stdio::piped()).spawn().expect("the CLI runs");
        let (say, lines) = channel();
        let stdout = BufReader::new(child.stdout.take().expect("it is piped"));
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| say.send(line)));
        Tour { child, lines }
    }

    /// The next line that holds `words`.
    fn says(&self, words: &str) -> String {
        self.says_within(SOON, words)
    }

    /// As [`says`](Self::says), where a line a second comes that is not it.
    fn says_within(&self, longest: Duration, words: &str) -> String {
        let end = Instant::now() + longest;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).unwrap_or_else(|_| panic!("it never said `{words}`"));
            if line.contains(words) {
                return line;
            }
        }
    }
}

impl Drop for Tour {
    fn drop(&mut self) {
        // Ended already when the test went well. Else it is asked to, and removes what it started.
        if let Ok(None) = self.child.try_wait() {
            let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
            let _ = self.child.wait();
        }
    }
}

/// A shell's command, as the tour printed it: whether it went well, and what it said.
fn typed(command: &str) -> (bool, String) {
    let output = Command::new("sh").args(["-c", command]).output().expect("there is a shell");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[cfg(target_os = "linux")]
#[test]
fn the_limit_of_open_files_is_raised_by_the_command_that_the_tour_prints() {
    let mut tour = Tour::start(&["nofile", "--solution"]);
    let command = |words: &str| {
        let line = tour.says_within(START, words);
        line.split_once("$ ").unwrap_or_else(|| panic!("no command: {line}")).1.to_owned()
    };
    // The solution's template raises the limit itself.
    tour.says_within(START, "`worker_rlimit_nofile 4096;` is left out");
    let container = tour.says_within(START, "container  ").replace("container", "").trim().to_owned();
    let (_, log) = typed(&command("docker logs"));
    assert!(tour.says("1 ✓").contains("Too many open files"), "{log}");
    let (read, limits) = typed(&command("/limits"));
    assert!(read && limits.contains("Max open files            64                   4096"), "{limits}");

    let raise = command("prlimit --pid");
    let (raised, said) = typed(&raise);
    if !raised {
        assert!(said.contains("not permitted"), "{raise}: {said}");
        eprintln!("not seen: nobody may raise another process's limit here; `{raise}` says {said}");
        return;
    }
    assert!(tour.says("2 ✓").contains("may have 4096 files open"));
    let pid = tour.says("3 ✓").split("pid ").nth(1).expect("it tells the pid").to_owned();
    let (reloaded, said) = typed(&command("nginx -s reload"));
    assert!(reloaded, "{said}");
    let undone = tour.says("4 ✓");
    assert!(undone.contains("the old limit, 64") && !undone.contains(&format!("pid {pid} ")), "{undone}");
    tour.says("Next: book/src/05-nofile/README.md");
    assert!(tour.child.wait().expect("it ends by itself").success());
    let (_, left) = typed(&format!("docker ps --all --quiet --filter id={container}"));
    assert_eq!(left, "", "the proxy is left");
}

#[tokio::test]
async fn each_step_is_ticked_off_when_it_is_done() {
    let mut tour = Tour::start(&[]);
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
