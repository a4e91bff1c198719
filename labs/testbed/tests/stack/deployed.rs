//! A submission's deploy files become a running stack: zones, settings and limits as they say, over paths of the test-bed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use testbed::bed::Bed;
use testbed::deploy::{Backend, Deploy, Layout};
use testbed::progress::Voice;
use testbed::services::Services;
use testbed::stack::{Fault, Stack, Zones, placeholder};
use testbed::submission::Submission;

use super::one::echo;
use super::requests::{client, get};
use super::{FAR, NEAR, common};

/// So many requests at the least, and at the most: a busy host only ever adds, so one of them is as quick as its way.
const REQUESTS: u64 = 5;
const MOST: u64 = 50;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stack/deployed")
}

/// Two machines and a clock in two zones, and a small proxy.
async fn layout() -> Layout {
    let url = format!("clock://own@{}/own", placeholder("clock"));
    Layout::new(Zones::inside(NEAR).between("seoul", "taiwan", FAR), "seoul")
        .machine("api-1", "seoul")
        .machine("api-2", "taiwan")
        .proxy("nginx")
        .server(Backend::of("clock", "CLOCK_URL", echo().await, url))
        .worker_connections(24)
        .log_format("tiny", &["$status $upstream_addr"])
}

async fn bed(deploy: PathBuf) -> Bed {
    let submission = Submission { binary: common::SERVICE.into(), deploy: Some(deploy) };
    let services = Arc::new(Services::start(&[]).await.unwrap());
    Bed::make("deployed", submission, services, Voice::to(|_| {})).await.unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deploy_files_become_a_stack() {
    let bed = bed(folder()).await;
    let stack = bed.deployed(&layout().await).await.unwrap();
    let (entry, client) = (stack.entry().unwrap().addr(), client());
    // To the proxy, to the instance, and a new connection to the clock with one question on it.
    for (path, name, way) in
        [("/first", "api-1", 2 * NEAR + 2 * FAR), ("/second", "api-2", NEAR + FAR + 2 * NEAR)]
    {
        let (behind, clock) = (stack.path("proxy", name).unwrap(), stack.path(name, "clock").unwrap());
        let before = (behind.counts(), clock.counts());
        let (mut best, mut asked) = (FAR * 100, 0);
        while asked < REQUESTS || best >= way + FAR && asked < MOST {
            asked += 1;
            let answer = get(&client, entry, path).await;
            assert!(answer.is_from(name), "{answer:?}");
            best = best.min(answer.took);
        }
        println!("{name}: best {best:?}, by its way {way:?}");
        assert!(best + FAR / 10 >= way && best < way + FAR, "{name}: {best:?}, by its way {way:?}");
        let (behind, clock) = (behind.counts().since(&before.0), clock.counts().since(&before.1));
        assert_eq!((behind.connections, behind.turn_arounds), (1, asked), "{name}");
        assert_eq!((clock.connections, clock.turn_arounds), (asked, asked), "{name}");
    }
    assert_eq!(stack.paths_to("clock").count(), 2);
    is_limited(&stack);
    let configuration = stack.proxy().unwrap().configuration().await.unwrap();
    assert!(configuration.contains("worker_connections 24;"), "{configuration}");
    // What they say is the bed's to tell.
    assert_eq!(bed.voices().lines(4), ["[api-1] listening", "[api-2] listening"]);
    stack.stop().await.unwrap();
}

/// The limits of the file are those of the process.
fn is_limited(stack: &Stack) {
    let id = stack.instance("api-1").unwrap().id().unwrap();
    let limits = std::fs::read_to_string(format!("/proc/{id}/limits")).unwrap();
    let open = limits.lines().find(|line| line.starts_with("Max open files")).unwrap();
    let values: Vec<&str> = open.split_whitespace().skip(3).take(2).collect();
    assert_eq!(values, ["256", "512"], "{open}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_instance_that_is_left_out_is_not_there() {
    let layout = layout().await;
    let text = std::fs::read_to_string(folder().join("stack.yml")).unwrap();
    let at = |service: &str| text.find(&format!("\n  {service}:\n")).unwrap();
    let alone = [&text[..at("api-2")], &text[at("clock")..]].concat();
    let plan = Deploy::of(&alone, &layout).unwrap().plan(&layout).unwrap();
    let submission = Submission { binary: common::SERVICE.into(), deploy: Some(folder()) };
    // Its template still names it, and nginx says so.
    let Err(Fault::Deploy(fault)) = Stack::start(&plan, &submission).await else { panic!("nginx took it") };
    println!("{fault}");
    assert!(fault.to_string().contains("host not found in upstream \"api-2:8080\""), "{fault}");
    assert_eq!(fault.file, "nginx.conf.template");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_an_instance_is_told_of_another_leads_there() {
    let layout = layout().await;
    let text = std::fs::read_to_string(folder().join("stack.yml")).unwrap();
    let asks = text.replacen("TINY_ASKS: clock:7", "PEER: api-2:8080", 1);
    let plan = Deploy::of(&asks, &layout).unwrap().plan(&layout).unwrap();
    let submission = Submission { binary: common::SERVICE.into(), deploy: Some(folder()) };
    let stack = Stack::start(&plan, &submission).await.unwrap();
    let path = stack.path("api-1", "api-2").unwrap();
    let answer = client().get(format!("http://{}/", path.addr())).send().await.unwrap();
    assert_eq!(answer.text().await.unwrap(), "api-2");
    stack.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_that_do_not_hold_start_nothing() {
    let bed = bed("/nonexistent".into()).await;
    let Err(Fault::Deploy(fault)) = bed.deployed(&layout().await).await else { panic!("it started") };
    assert!(fault.to_string().contains("/nonexistent/stack.yml"), "{fault}");
    assert!(bed.voices().lines(9).is_empty());
}
