//! Nothing of a stack is reachable but on 127.0.0.1: seen with the system's own tables, not with the code on trial.

use std::collections::HashSet;
use std::fs;

use testbed::run::{LABEL, RunId};
use testbed::services::Contained as _;

use super::common::docker;
use super::{plan_in_one_place, start};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_listens_but_on_loopback() {
    let stack = start(&plan_in_one_place()).await;
    published_on_loopback_alone();
    let mut ids = vec![std::process::id()];
    ids.extend(["api-1", "api-2"].map(|name| stack.instance(name).unwrap().id().unwrap()));
    let ours = listeners(&ids);
    // The paths, the instances; and at least those.
    assert!(ours.len() >= 5, "{ours:?}");
    let proxy: Vec<u32> =
        stack.proxy().unwrap().container().processes().await.unwrap().iter().map(|(pid, _)| *pid).collect();
    let theirs = listeners(&proxy);
    assert_eq!(theirs.len(), 1, "{theirs:?}");
    for listener in ours.iter().chain(&theirs) {
        assert!(listener.starts_with("0100007F:"), "reachable from outside: {listener}");
    }
    stack.stop().await.unwrap();
}

/// What this run's containers publish is published on 127.0.0.1.
#[track_caller]
pub fn published_on_loopback_alone() {
    let all = docker(&["ps", "--filter", &label(), "--format", "{{.Ports}}"]);
    for port in all.lines().flat_map(|line| line.split(", ")).filter(|port| port.contains("->")) {
        assert!(port.starts_with("127.0.0.1:"), "published to all: {port}");
    }
}

/// This run's networks.
pub fn networks() -> String {
    docker(&["network", "ls", "--quiet", "--filter", &label()])
}

fn label() -> String {
    format!("label={LABEL}={}", RunId::current().as_str())
}

/// Where these processes listen, as the kernel writes it: `0100007F:1F90`.
fn listeners(ids: &[u32]) -> Vec<String> {
    let sockets: HashSet<String> = ids
        .iter()
        .flat_map(|id| fs::read_dir(format!("/proc/{id}/fd")).unwrap().flatten())
        .filter_map(|descriptor| fs::read_link(descriptor.path()).ok())
        .filter_map(|target| Some(target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let tables =
        ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| fs::read_to_string(table).unwrap_or_default());
    let lines = tables.iter().flat_map(|table| table.lines().skip(1));
    let rows = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    // The state 0A is LISTEN; the tenth column is the socket's inode.
    rows.filter(|row| row[3] == "0A" && sockets.contains(row[9])).map(|row| row[1].to_owned()).collect()
}
