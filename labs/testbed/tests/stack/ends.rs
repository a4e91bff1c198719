//! Whatever the way a run with a stack or a cluster ends, nothing of it is left.

use rustix::process::Signal;
use testbed::{leftovers, services};

use super::common::{Run, until};

/// The setting with which the tiny lab is swept and cleared without a service of the whole run.
const NEEDS: (&str, &str) = ("TINY_NEEDS", "proxy");

#[test]
fn a_stack_that_kept_its_promise() {
    let mut run = Run::start("stacks", &[NEEDS, ("TINY_END", "keeps")]);
    run.end().with(0);
    assert_eq!(run.left(), [""; 0]);
}

#[test]
fn a_panic_with_a_stack() {
    let mut run = Run::start("stacks", &[NEEDS, ("TINY_END", "panics")]);
    run.end().with(3);
    assert_eq!(run.left(), [""; 0]);
}

#[test]
fn ctrl_c_and_sigterm_with_a_stack() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut run = Run::start("stacks", &[NEEDS]);
        stands(&run);
        run.signal(signal);
        run.end().with(130);
        assert_eq!(run.left(), [""; 0]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn sigkill_with_a_stack_and_then_a_sweep() {
    let mut run = Run::start("stacks", &[NEEDS]);
    stands(&run);
    run.signal(Signal::KILL);
    run.end();
    sweep().await;
    assert_eq!(run.left(), [""; 0]);
}

#[test]
fn ctrl_c_while_the_brokers_find_each_other() {
    let mut run = Run::start("clusters", &[NEEDS]);
    until("a broker runs in the network", || {
        (!run.networks().is_empty() && !run.containers().is_empty()).then_some(())
    });
    run.signal(Signal::INT);
    run.end().with(130);
    assert_eq!(run.left(), [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn sigkill_while_the_brokers_find_each_other_and_then_a_sweep() {
    let mut run = Run::start("clusters", &[NEEDS]);
    until("two brokers run in the network", || (run.containers().len() >= 2).then_some(()));
    run.signal(Signal::KILL);
    run.end();
    assert!(!run.networks().is_empty());
    sweep().await;
    assert_eq!(run.left(), [""; 0]);
}

/// Waits until both instances run, and the proxy.
fn stands(run: &Run) {
    until("the stack stands", || run.stderr().contains("the stack stands").then_some(()));
    assert_eq!(run.left().len(), 3, "{:?}", run.left());
}

async fn sweep() {
    let engine = services::engine().await.unwrap();
    leftovers::sweep(Some(&engine)).await.unwrap();
}
