//! The experiments as a reader meets them: the list, a run's words and files, its exit code.

mod common;

use std::path::{Path, PathBuf};

use common::{lab, stderr, stdout};
use serde_json::Value;

/// The file that the run says it has written, by the word before its path.
fn file(said: &str, word: &str) -> PathBuf {
    let named =
        said.lines().find_map(|line| line.strip_prefix(word)).unwrap_or_else(|| panic!("no {word}: {said}"));
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(named.trim())
}

#[test]
fn without_a_name_it_lists_the_experiments_and_what_each_needs() {
    let output = lab(&["run"]);
    assert_eq!(output.status.code(), Some(0));
    let list = stdout(&output);
    let needs_docker = list.lines().filter(|line| line.ends_with("Docker"));
    let needs_docker: Vec<&str> = needs_docker.filter_map(|line| line.split(' ').next()).collect();
    assert_eq!(
        needs_docker,
        [
            "io-bound",
            "young-queue",
            "redundancy",
            "moved-broker",
            "stampede",
            "shifting-pages",
            "more-instances",
            "one-host",
            "finale"
        ],
        "{list}"
    );
    assert!(list.contains("longer-queue"), "{list}");
    assert!(stdout(&lab(&["run", "--help"])).contains("cargo lab run longer-queue"));
}

#[test]
fn an_unknown_experiment_is_wrong_usage() {
    let output = lab(&["run", "nonsense"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(stderr(&output).contains("kill-9"), "{}", stderr(&output));
}

#[test]
fn what_the_finale_alone_can_do_is_wrong_usage_elsewhere() {
    for option in ["--mine", "--short"] {
        let output = lab(&["run", "kill-9", option]);
        assert_eq!(output.status.code(), Some(2));
        assert!(stderr(&output).contains("cargo lab run finale"), "{}", stderr(&output));
    }
}

/// One test, so that the two never measure at the same time.
#[test]
fn the_two_quickest_print_a_table_and_keep_a_figure_and_the_raw_data() {
    for (name, row) in [("kill-9", "in memory at the kill"), ("five-timeouts", "full accept backlog")] {
        let output = lab(&["run", name]);
        let said = stdout(&output);
        // 4: this host could not carry it, which says nothing, or is built otherwise, which the table shows.
        let code = output.status.code();
        assert!(matches!(code, Some(0 | 4)), "{code:?}: {said}{}", stderr(&output));
        assert_eq!(code == Some(4), said.contains("not seen: ") || said.contains("says nothing: "), "{said}");
        if said.contains("says nothing: ") {
            continue;
        }
        assert!(said.lines().any(|line| line.starts_with(row)), "{said}");

        let figure = std::fs::read_to_string(file(&said, "figure ")).expect("the figure");
        assert!(figure.starts_with("<svg ") && figure.contains("<title"), "{figure}");
        let data = std::fs::read(file(&said, "data ")).expect("the raw data");
        let data: Value = serde_json::from_slice(&data).expect("JSON");
        assert_eq!(data["experiment"], name);
        assert!(data["table"]["rows"].as_array().is_some_and(|rows| rows.len() >= 4), "{data}");
        assert!(data["claims"].as_array().is_some_and(|claims| !claims.is_empty()), "{data}");
    }
}
