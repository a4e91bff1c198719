//! What the tools of the language prove.

use std::collections::BTreeSet;

use testbed::setup::SetUp;

use super::solutions::steady;
use super::{Context, Proof};
use crate::process;

/// The integration tests of the tools. `verify` is no such test: it judges.
const TESTS: [&str; 13] = [
    "cli",
    "holes",
    "images",
    "interrupted",
    "leaks",
    "load",
    "pages",
    "path",
    "run",
    "set_up",
    "stack",
    "subject",
    "tour",
];

/// Formatting of the whole workspace.
pub fn format(context: &Context) -> Proof {
    cargo(context, &["fmt", "--all", "--", "--check"], "formatted")
}

/// Lints of the whole workspace, every target.
pub fn lint(context: &Context) -> Proof {
    cargo(
        context,
        &["clippy", "--workspace", "--all-targets", "--quiet", "--", "--deny", "warnings"],
        "no warning",
    )
}

/// Unit and integration tests that judge no lab; `verify` has steps of its own. Only of the default members: a starter's own
/// tests are red until its holes are filled. What fails is run once more, alone, as the checks of the labs are.
pub fn unit_tests(context: &Context) -> Proof {
    let first = tests(context, &[])?;
    if first.held {
        return Ok(Ok("all tests passed".to_owned()));
    }
    // No test failed: it did not compile, or a program died.
    if first.failed.is_empty() {
        return Ok(Err(vec!["cargo test failed".to_owned()]));
    }
    let names: Vec<&str> = first.failed.iter().map(String::as_str).collect();
    println!("once more: {}", names.join(", "));
    let mut alone = vec!["--", "--exact"];
    alone.extend(&names);
    let second = tests(context, &alone)?;
    Ok(match second.held {
        true => Ok(steady("all tests passed".to_owned(), &Vec::from_iter(first.failed))),
        false if second.failed.is_empty() => Err(vec!["cargo test failed".to_owned()]),
        false => Err(second.failed.into_iter().collect()),
    })
}

/// What came of `cargo test`.
struct Tests {
    held: bool,
    failed: BTreeSet<String>,
}

fn tests(context: &Context, more: &[&str]) -> Result<Tests, SetUp> {
    let mut arguments = vec!["test", "--no-fail-fast", "--lib", "--bins"];
    for test in TESTS {
        arguments.extend(["--test", test]);
    }
    arguments.extend(more);
    let mut failed = BTreeSet::new();
    let status = process::follow(process::cargo(&context.workspace.root, &arguments), |line| {
        println!("{line}");
        failed.extend(failed_test(line).map(str::to_owned));
    })?;
    Ok(Tests { held: status.success(), failed })
}

/// The test that this line of libtest says has failed.
fn failed_test(line: &str) -> Option<&str> {
    let name = line.strip_prefix("test ")?.strip_suffix(" ... FAILED")?;
    Some(name.strip_suffix(" - should panic").unwrap_or(name))
}

fn cargo(context: &Context, arguments: &[&str], words: &str) -> Proof {
    let status = process::run(process::cargo(&context.workspace.root, arguments))?;
    Ok(if status.success() {
        Ok(words.to_owned())
    } else {
        Err(vec![format!("cargo {} failed", arguments.join(" "))])
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::{TESTS, failed_test};
    use crate::workspace::{Workspace, read};

    #[test]
    fn the_name_of_a_test_that_failed_is_read() {
        assert_eq!(failed_test("test zones::paths_add_up ... FAILED"), Some("zones::paths_add_up"));
        assert_eq!(failed_test("test zones::paths_add_up ... ok"), None);
        assert_eq!(failed_test("test result: FAILED. 1 passed; 1 failed"), None);
    }

    #[test]
    fn every_test_of_the_tools_is_run() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
        let mut found = BTreeSet::new();
        for tool in ["labs/testbed", "scripts/cargo-lab", "scripts/book-browser"] {
            for entry in root.join(tool).join("tests").read_dir().unwrap().flatten() {
                let path = entry.path();
                if path.join("main.rs").exists()
                    || path.extension().is_some_and(|extension| extension == "rs")
                {
                    found.insert(path.file_stem().unwrap().to_string_lossy().into_owned());
                }
            }
        }
        assert_eq!(found, TESTS.map(str::to_owned).into());
    }

    #[test]
    fn every_lab_has_a_machine_in_the_hosted_ci() {
        let workspace = Workspace::find().unwrap();
        let hosted = read(&workspace.root.join(".github/workflows/ci.yml")).unwrap();
        let given: Vec<&str> = hosted.split("--lab ").skip(1).filter_map(|rest| rest.get(..2)).collect();
        let labs: Vec<String> = workspace.labs().unwrap().into_iter().map(|lab| lab.number).collect();
        assert_eq!(given, labs);
    }
}
