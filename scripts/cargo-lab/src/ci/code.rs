//! What the tools of the language prove.

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
    "path",
    "run",
    "set_up",
    "simulator",
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
/// tests are red until its holes are filled.
pub fn unit_tests(context: &Context) -> Proof {
    let mut arguments = vec!["test", "--no-fail-fast", "--lib", "--bins"];
    for test in TESTS {
        arguments.extend(["--test", test]);
    }
    cargo(context, &arguments, "all tests passed")
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

    use super::TESTS;

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
}
