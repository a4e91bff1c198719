//! A run that a signal ends: early, or while its database cannot answer. (`killed.rs` ends with one in the middle of a check.)

use rustix::process::Signal;

use super::common::{Run, docker, until};
use super::{NEEDS, WithContainer};

#[test]
fn sigterm_while_the_database_is_frozen_and_services_are_started() {
    let mut it = WithContainer::start("restarts", &[]);
    it.run.under_way();
    until("the database is frozen", || {
        let status = docker(&["inspect", "--format", "{{.State.Status}}", &it.container]);
        (status == "paused").then_some(())
    });
    it.run.signal(Signal::TERM);
    it.run.end().with(130);
    it.nothing_is_left();
}

#[test]
fn ctrl_c_while_the_database_makes_itself_ready() {
    let mut it = WithContainer::start("hangs", &[]);
    it.run.signal(Signal::INT);
    it.run.end().with(130);
    it.nothing_is_left();
}

#[test]
fn a_closed_terminal_before_anything_is_there() {
    let mut run = Run::start("hangs", &[NEEDS]);
    until("the signals are heard", || heard(run.id()).then_some(()));
    run.signal(Signal::HUP);
    run.end().with(130);
    assert_eq!(run.left(), [""; 0]);
}

/// Whether the process catches SIGHUP.
fn heard(pid: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap().trim();
    u64::from_str_radix(caught, 16).unwrap() & 1 == 1
}
