//! A lab's stack on a real Swarm of one node: up, under posts while a task dies, down, and nothing is left.
#![allow(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

mod common;

use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use common::{lab, stderr, stdout};
use reqwest::{Client, StatusCode};
use serde_json::{Value, json};
use testbed::{ports, wait};
use tokio::time::interval;

/// Longer than the Swarm takes for anything here.
const SOON: Duration = Duration::from_secs(60);
/// How often somebody posts.
const EVERY: Duration = Duration::from_millis(50);

/// What Docker's command line answers.
fn docker(arguments: &[&str]) -> String {
    let output = Command::new("docker").args(arguments).output().expect("docker is here");
    assert!(output.status.success(), "docker {arguments:?}: {output:?}");
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// All that a stack of ours and its Swarm can leave behind.
fn there() -> Vec<String> {
    let mut there = Vec::new();
    for (what, format) in [
        (["ps", "--all"].as_slice(), "{{.Names}}"),
        (&["network", "ls"], "{{.Name}}"),
        (&["volume", "ls"], "{{.Name}}"),
        (&["image", "ls"], "{{.Repository}}:{{.Tag}}"),
    ] {
        let named = docker(&[what, &["--format", format]].concat());
        let is_ours = |name: &&str| {
            name.starts_with("posts-")
                || name.starts_with("why-servers-die/service")
                || *name == "docker_gwbridge"
                || *name == "ingress"
        };
        there.extend(named.lines().filter(is_ours).map(str::to_owned));
    }
    there
}

/// Takes the stack away, however the test ends.
struct Down;

impl Drop for Down {
    fn drop(&mut self) {
        let _ = lab(&["stack", "down", "04"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stack_comes_up_outlives_a_task_and_leaves_nothing() {
    let state = docker(&["info", "--format", "{{.Swarm.LocalNodeState}}"]);
    if state != "inactive" {
        eprintln!("not tried: this engine is in a Swarm ({state}) that this test did not begin");
        return;
    }
    let before = there();

    let refused = lab(&["stack", "up", "04", "--solution"]);
    assert_eq!(refused.status.code(), Some(2), "nobody was asked: {}", stderr(&refused));
    assert!(stderr(&refused).contains("cargo lab stack up 04 --yes"), "{}", stderr(&refused));
    assert_eq!(docker(&["info", "--format", "{{.Swarm.LocalNodeState}}"]), "inactive");
    assert_eq!(lab(&["stack", "status", "04"]).status.code(), Some(1));

    let down = Down;
    let port = ports::free().unwrap().port().to_string();
    let up = lab(&["stack", "up", "04", "--solution", "--yes", "--port", &port]);
    assert_eq!(up.status.code(), Some(0), "{}{}", stdout(&up), stderr(&up));
    let entry = format!("http://127.0.0.1:{port}");
    assert!(stdout(&up).contains(&entry), "{}", stdout(&up));
    let status = lab(&["stack", "status", "04"]);
    assert_eq!(status.status.code(), Some(0), "{}", stdout(&status));
    assert_eq!(
        stdout(&status).lines().filter(|line| line.contains("healthy")).count(),
        6,
        "{}",
        stdout(&status)
    );
    let other = lab(&["stack", "up", "04", "--port", &port]);
    assert_eq!(other.status.code(), Some(2), "another's stack is up: {}", stderr(&other));

    let client = Client::builder().no_proxy().timeout(Duration::from_secs(10)).build().unwrap();
    let is_over = Arc::new(AtomicBool::new(false));
    let posts = tokio::spawn(post_until(client.clone(), entry.clone(), is_over.clone()));
    let first = container("posts-04_api-1").expect("an instance");
    docker(&["kill", &first]);
    let replaced = wait::until(SOON, async || {
        let other = container("posts-04_api-1").is_some_and(|second| second != first);
        (other && lab(&["stack", "status", "04"]).status.success()).then_some(())
    });
    replaced.await.expect("the Swarm starts another task in its place");
    is_over.store(true, Ordering::SeqCst);
    let (acknowledged, refusals) = posts.await.unwrap();
    assert!(acknowledged.len() > 20, "{} posts, {refusals} refusals", acknowledged.len());
    for (id, content) in &acknowledged {
        let stored = wait::until(SOON, async || {
            let answer = client.get(format!("{entry}/post/{id}")).send().await.ok()?;
            (answer.status() == StatusCode::OK).then_some(answer.json::<Value>().await.ok()?)
        });
        let stored = stored.await.unwrap_or_else(|| panic!("{id} was acknowledged, and is lost"));
        assert_eq!(stored["content"], *content);
    }
    eprintln!("{} posts acknowledged and stored, {refusals} refusals on the way", acknowledged.len());

    let ended = lab(&["stack", "down", "04"]);
    assert_eq!(ended.status.code(), Some(0), "{}{}", stdout(&ended), stderr(&ended));
    assert_eq!(docker(&["info", "--format", "{{.Swarm.LocalNodeState}}"]), "inactive", "{}", stdout(&ended));
    assert_eq!(there(), before, "{}", stdout(&ended));
    let again = lab(&["stack", "down", "04"]);
    assert_eq!((again.status.code(), &*stdout(&again)), (Some(0), "nothing of posts-04 is there\n"));
    drop(down);
}

/// The container of a service's task.
fn container(service: &str) -> Option<String> {
    let filter = format!("label=com.docker.swarm.service.name={service}");
    let ids = docker(&["ps", "--no-trunc", "--quiet", "--filter", &filter]);
    ids.lines().next().map(str::to_owned)
}

/// Posts, each with a key of its own, and repeats with the same key what was refused or not answered. What was acknowledged, id and
/// content, and how often it took another try.
async fn post_until(
    client: Client,
    entry: String,
    is_over: Arc<AtomicBool>,
) -> (Vec<(String, String)>, usize) {
    let (mut acknowledged, mut refusals) = (Vec::new(), 0);
    let mut ticks = interval(EVERY);
    while !is_over.load(Ordering::SeqCst) {
        let content = format!("post {}", acknowledged.len());
        loop {
            ticks.tick().await;
            let ask = client.post(format!("{entry}/post")).header("Idempotency-Key", &content);
            match ask.json(&json!({"content": content})).send().await {
                Ok(answer) if answer.status() == StatusCode::ACCEPTED => {
                    let body: Value = answer.json().await.unwrap();
                    acknowledged.push((body["id"].as_str().unwrap().to_owned(), content));
                    break;
                }
                Ok(answer) => {
                    assert_eq!(
                        answer.status(),
                        StatusCode::SERVICE_UNAVAILABLE,
                        "a refusal has the contract's shape"
                    );
                    refusals += 1;
                }
                Err(_) => refusals += 1,
            }
        }
    }
    (acknowledged, refusals)
}
