//! Ctrl-C at the worst moment: the engine has been asked for something, and has not answered yet.

use rustix::process::Signal;

use super::NEEDS;
use super::common::{Run, until};
use super::held_engine::HeldEngine;

#[test]
fn ctrl_c_between_the_wish_for_a_container_and_its_creation() {
    interrupted_at("/containers/create");
}

#[test]
fn ctrl_c_between_a_containers_creation_and_its_start() {
    interrupted_at("/start ");
}

#[track_caller]
fn interrupted_at(request: &'static str) {
    let engine = HeldEngine::before(request);
    let mut run = Run::start("hangs", &[NEEDS, ("DOCKER_HOST", &engine.address())]);
    engine.reached.recv().unwrap();
    run.signal(Signal::INT);
    until("the signal is heard", || run.stderr().contains("interrupted").then_some(()));
    // Now it either waits for the engine's answer, as it should, or has given up by the time that the engine goes on.
    let mut looks = 0..30;
    until("the run had its chance to give up", || (run.has_ended() || looks.next().is_none()).then_some(()));
    engine.go_on.send(()).unwrap();
    engine.answered.recv().unwrap();
    run.end().with(130);
    assert_eq!(run.left(), [""; 0]);
}
