//! A stack stands before a lab needs it: instances in zones, a real nginx in front, paths between them, three brokers as a cluster.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

#[path = "stack/cluster.rs"]
mod cluster;
mod common;
#[path = "stack/deployed.rs"]
mod deployed;
#[path = "stack/ends.rs"]
mod ends;
#[path = "stack/faults.rs"]
mod faults;
#[path = "stack/loopback.rs"]
mod loopback;
#[path = "stack/one.rs"]
mod one;
#[path = "stack/reload.rs"]
mod reload;
#[path = "stack/requests.rs"]
mod requests;
#[path = "stack/template.rs"]
mod template;
#[path = "stack/zones.rs"]
mod zones;

use std::path::{Path, PathBuf};
use std::time::Duration;

use testbed::stack::{Instance, Plan, Proxy, Stack, Zones, placeholder};
use testbed::submission::Submission;

/// From one request in a zone to its answer.
const NEAR: Duration = Duration::from_millis(10);
/// Between the two zones.
const FAR: Duration = Duration::from_millis(60);
/// How long nginx waits for a connection, and for an answer.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(300);
const READ_TIMEOUT: Duration = Duration::from_millis(900);

/// The tiny service, with the deploy files of these tests.
fn submission() -> Submission {
    let deploy = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stack/deploy");
    Submission { binary: common::SERVICE.into(), deploy: Some(deploy) }
}

/// Two tiny services, one of them far away, behind a proxy that is near.
fn plan() -> Plan {
    let milliseconds = |time: Duration| format!("{}ms", time.as_millis());
    let environment = [
        ("CONNECT_TIMEOUT".to_owned(), milliseconds(CONNECT_TIMEOUT)),
        ("READ_TIMEOUT".to_owned(), milliseconds(READ_TIMEOUT)),
        ("API_1".to_owned(), placeholder("api-1")),
        ("API_2".to_owned(), placeholder("api-2")),
    ];
    Plan {
        instances: vec![
            Instance::new("api-1", "seoul", [("TINY_NAME", "api-1")]),
            Instance::new("api-2", "taiwan", [("TINY_NAME", "api-2")]),
        ],
        proxy: Some(Proxy { zone: "seoul".to_owned(), environment: environment.into(), ..Proxy::default() }),
        clients: "seoul".to_owned(),
        zones: Zones::inside(NEAR).between("seoul", "taiwan", FAR),
        ..Plan::default()
    }
}

/// The same, with no way that costs anything.
fn plan_in_one_place() -> Plan {
    Plan { zones: Zones::default().between("seoul", "taiwan", Duration::ZERO), ..plan() }
}

async fn start(plan: &Plan) -> Stack {
    Stack::start(plan, &submission()).await.unwrap()
}

/// A folder of one test, with deploy files that it may change.
fn own_deploy(test: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("stack-{test}-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let name = "nginx.conf.template";
    std::fs::copy(submission().deploy.unwrap().join(name), folder.join(name)).unwrap();
    folder
}

/// Changes the template in such a folder.
fn edit(deploy: &Path, from: &str, to: &str) {
    let template = deploy.join("nginx.conf.template");
    let text = std::fs::read_to_string(&template).unwrap();
    assert!(text.contains(from), "the template has no `{from}`");
    // As an editor does it: another file in the place of the old one.
    let new = deploy.join("new");
    std::fs::write(&new, text.replace(from, to)).unwrap();
    std::fs::rename(new, template).unwrap();
}
