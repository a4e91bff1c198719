//! The command line as its users meet it: help that teaches, errors that name the mend, exit codes.

mod common;

use std::process::Command;

use common::{lab, stderr, stdout};

#[test]
fn without_a_command_it_is_the_map() {
    let output = lab(&[]);
    assert_eq!(output.status.code(), Some(0));
    let map = stdout(&output);
    assert!(map.contains("01  Direct write"), "{map}");
    assert!(map.contains("next   "), "{map}");
}

#[test]
fn help_names_the_exit_codes_and_the_way_in() {
    let help = stdout(&lab(&["--help"]));
    assert!(help.contains("cargo lab start"), "{help}");
    assert!(help.contains("3 the set-up is at fault"), "{help}");
    let check = stdout(&lab(&["check", "--help"]));
    assert!(check.contains("--binary ./my-service"), "{check}");
}

#[test]
fn wrong_usage_is_exit_2_and_says_what_would_be_right() {
    let unknown = lab(&["check", "99"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("there is no lab `99`"), "{}", stderr(&unknown));
    assert!(stderr(&unknown).contains("01  Direct write"));

    let absent = lab(&["check", "01", "--binary", "/no/such/service"]);
    assert_eq!(absent.status.code(), Some(2));
    assert!(stderr(&absent).contains("/no/such/service"), "{}", stderr(&absent));

    let both = lab(&["check", "01", "--solution", "--binary", "x"]);
    assert_eq!(both.status.code(), Some(2));

    let step = lab(&["ci", "--only", "nonsense"]);
    assert_eq!(step.status.code(), Some(2));
    assert!(stdout(&step).contains("wrong-answers"), "{}", stdout(&step));
}

#[test]
fn a_stack_is_of_a_lab_that_has_deploy_files() {
    let help = stdout(&lab(&["stack", "--help"]));
    assert!(help.contains("cargo lab stack down 04"), "{help}");
    let none = lab(&["stack", "up", "01"]);
    assert_eq!(none.status.code(), Some(2));
    assert!(stderr(&none).contains("lab 01 has no deploy files"), "{}", stderr(&none));
    let unknown = lab(&["stack", "status", "99"]);
    assert_eq!(unknown.status.code(), Some(2));
    assert!(stderr(&unknown).contains("there is no lab `99`"), "{}", stderr(&unknown));
}

#[test]
fn an_unknown_wrong_answer_is_exit_2_with_the_list() {
    let unknown = lab(&["check", "00", "--wrong", "nonsense"]);
    assert_eq!(unknown.status.code(), Some(2));
    let said = stderr(&unknown);
    assert!(said.contains("lab 00 has no wrong answer `nonsense`; it has"), "{said}");
    assert!(said.contains("  works-on-after-504             504, and the work goes on"), "{said}");
    assert!(stdout(&unknown).is_empty(), "{}", stdout(&unknown));

    let both = lab(&["check", "00", "--wrong", "waits-for-ever", "--solution"]);
    assert_eq!(both.status.code(), Some(2));
}

#[test]
fn the_readme_names_the_first_step() {
    let readme = include_str!("../../../README.md");
    let start = readme.split("## Start").nth(1).and_then(|rest| rest.split("\n## ").next()).expect("a part");
    assert!(start.contains("chapter 00"), "{start}");
    assert!(start.contains("cargo lab check 00"), "{start}");
    assert!(!start.contains("check 01"), "{start}");
}

#[test]
fn a_file_that_cannot_be_executed_is_told_apart_from_an_absent_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("service");
    std::fs::write(&path, "#!/bin/sh\n").expect("a file");
    let output = lab(&["check", "01", "--binary", path.to_str().expect("a plain path")]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("chmod +x"), "{}", stderr(&output));
}

#[test]
fn an_engine_that_is_away_is_a_fault_of_the_set_up_with_its_mend() {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cargo-lab"));
    let output = command
        .args(["doctor"])
        .env("DOCKER_HOST", "unix:///nowhere/docker.sock")
        .output()
        .expect("the CLI runs");
    assert_eq!(output.status.code(), Some(3));
    let said = stdout(&output);
    assert!(said.contains("MISS  engine"), "{said}");
    assert!(said.contains("start the Docker engine"), "{said}");
}

#[test]
fn measured_throughputs_are_fitted_and_too_few_are_wrong_usage() {
    let fitted = lab(&["fit", "4=260", "1=100", "2=180"]);
    assert_eq!(fitted.status.code(), Some(0));
    assert!(stdout(&fitted).contains("highest at 5.3 instances"), "{}", stdout(&fitted));
    let few = lab(&["fit", "1=100", "2=180"]);
    assert_eq!(few.status.code(), Some(2));
    assert!(stderr(&few).contains("cargo lab fit 1=100"), "{}", stderr(&few));
    let wrong = lab(&["fit", "1=none"]);
    assert_eq!(wrong.status.code(), Some(2));
    assert!(stderr(&wrong).contains("4=260"), "{}", stderr(&wrong));
}
