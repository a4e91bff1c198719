//! The proxy is reloaded under load: nobody on a new connection notices, and the new template holds.

use testbed::services::Refused;
use testbed::stack::Stack;
use testbed::submission::Submission;

use super::requests::{Stream, client, get, new_each_time, until_from};
use super::{edit, own_deploy, plan_in_one_place, submission};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reload_takes_the_new_template_and_costs_no_request() {
    let deploy = own_deploy("reload");
    let changed = Submission { deploy: Some(deploy.clone()), ..submission() };
    let stack = Stack::start(&plan_in_one_place(), &changed).await.unwrap();
    let (entry, proxy) = (stack.entry().unwrap().addr(), stack.proxy().unwrap());
    let load = Stream::start(3, new_each_time, entry, "/");
    until_from("api-1", entry, "/").await;
    for _ in 0..2 {
        let before = proxy.workers().await.unwrap();
        proxy.reload().await.unwrap();
        assert!(!proxy.workers().await.unwrap().iter().all(|worker| before.contains(worker)));
    }

    // The first instance is left out.
    edit(&deploy, "server ${API_1} max_fails=0;\n        server ${API_2}", "server ${API_2}");
    proxy.reload().await.unwrap();
    let alone = Stream::start(1, new_each_time, entry, "/");
    for _ in 0..10 {
        let answer = get(&new_each_time(), entry, "/").await;
        assert!(answer.is_from("api-2"), "{answer:?}");
    }
    assert!(alone.stop().await.iter().all(|answer| answer.is_from("api-2")));

    // A template that does not hold changes nothing.
    edit(&deploy, "keepalive 8;", "keep_alive 8;");
    let Err(Refused::Template(line)) = proxy.reload().await else { panic!("nginx took it") };
    assert!(line.contains("[emerg]") && line.contains("unknown directive \"keep_alive\""), "{line}");
    assert!(get(&client(), entry, "/").await.is_from("api-2"));

    let answers = load.stop().await;
    let failed: Vec<_> = answers.iter().filter(|answer| answer.status() != Some(200)).collect();
    assert!(failed.is_empty(), "of {} requests failed {failed:?}", answers.len());
    stack.stop().await.unwrap();
    std::fs::remove_dir_all(deploy).unwrap();
}
