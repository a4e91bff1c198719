//! A template that does not hold is the submission's fault, told with nginx's own line.

use testbed::stack::{Fault, Stack};
use testbed::submission::Submission;

use super::common::docker;
use super::{edit, own_deploy, plan_in_one_place, submission};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_that_does_not_hold_is_told_with_nginxs_own_line() {
    let wrong = [
        ("worker_connections 64;", "worker_connection 64;", "unknown directive \"worker_connection\""),
        ("listen ${LISTEN};", "listen ${LISTEN}; listen 8080;", "`listen 8080`"),
        ("listen ${LISTEN};", "", "`listen *:80`"),
        ("${API_1}", "${API_7}", "host not found in upstream"),
        ("user nginx;", "user nobody_here;", "nobody_here"),
        ("worker_processes 1;", "worker_processes auto;", "`worker_processes auto;`"),
        ("/var/log/nginx/error.log notice", "/dev/null", "`error_log /dev/null`"),
    ];
    for (from, to, words) in wrong {
        let deploy = own_deploy("template");
        edit(&deploy, from, to);
        let line = refused(Submission { deploy: Some(deploy.clone()), ..submission() }).await;
        println!("{line}");
        assert!(line.contains(words), "no `{words}` in `{line}`");
        std::fs::remove_dir_all(deploy).unwrap();
    }
    for deploy in [None, Some("/nonexistent".into())] {
        let line = refused(Submission { deploy, ..submission() }).await;
        assert!(line.contains("no folder with deploy files") || line.contains("No such file"), "{line}");
    }
}

async fn refused(submission: Submission) -> String {
    let Err(Fault::Deploy(fault)) = Stack::start(&plan_in_one_place(), &submission).await else {
        panic!("nginx took it");
    };
    fault.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_configuration_can_be_read_as_nginx_has_it() {
    let stack = super::start(&plan_in_one_place()).await;
    let text = stack.proxy().unwrap().configuration().await.unwrap();
    let first = stack.path("proxy", "api-1").unwrap().addr();
    assert!(text.contains(&format!("server {first} max_fails=0;")), "{text}");
    assert!(text.contains("test is successful"), "{text}");
    let id = docker(&["ps", "--quiet", "--filter", &label()]);
    assert!(!id.is_empty());
    stack.stop().await.unwrap();
}

fn label() -> String {
    format!("label={}={}", testbed::run::LABEL, testbed::run::RunId::current().as_str())
}
