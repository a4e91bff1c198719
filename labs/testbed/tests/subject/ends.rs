use std::os::unix::process::ExitStatusExt as _;

use super::*;

#[tokio::test]
async fn sigkill_ends_the_children_too() {
    let subject = start(tiny("family")).await.unwrap();
    let (parent, child) = (subject.id().unwrap(), child(&subject).await);
    assert!(runs(parent) && runs(child));
    subject.kill().await.unwrap();
    assert!(!runs(parent) && !runs(child), "gone when the call returns");
    assert!(matches!(subject.kill().await, Err(Stop::Broken(_))), "nobody is there to be killed twice");
}

#[tokio::test]
async fn dropping_it_ends_the_children_too() {
    let subject = start(tiny("family")).await.unwrap();
    let (parent, child) = (subject.id().unwrap(), child(&subject).await);
    drop(subject);
    assert_eq!(wait::until(LONG, async || (!runs(parent) && !runs(child)).then_some(())).await, Some(()));
}

#[tokio::test]
async fn sigterm_tells_the_exit_status_and_leaves_no_children() {
    let subject = start(tiny("family")).await.unwrap();
    let child = child(&subject).await;
    let ended = subject.terminate().await.unwrap();
    assert_eq!(ended.status.and_then(|status| status.code()), Some(0));
    assert!(ended.took < Duration::from_secs(8), "{ended:?}");
    assert!(!runs(child), "a service that ends takes its children with it, or the test-bed does");
}

#[tokio::test]
async fn a_service_that_outlives_its_grace_is_killed() {
    let patience = Patience { grace: Duration::from_millis(300), ..Patience::default() };
    let subject = Subject::start_within(patience, tiny("deaf"), Stderr::default()).await.unwrap();
    let pid = subject.id().unwrap();
    let ended = subject.terminate().await.unwrap();
    assert!(ended.status.is_none() && ended.took >= patience.grace, "{ended:?}");
    assert!(!runs(pid));
}

#[tokio::test]
async fn a_service_that_is_killed_from_elsewhere_tells_how_it_ended() {
    let subject = start(tiny("")).await.unwrap();
    let pid = rustix::process::Pid::from_raw(subject.id().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    let ended = subject.terminate().await.unwrap();
    assert_eq!(ended.status.and_then(|status| status.signal()), Some(9), "{ended:?}");
}
