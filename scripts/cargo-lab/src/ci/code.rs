//! What the tools of the language prove.

use super::{Context, Proof};
use crate::process;

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
    let mut arguments = ["test", "--no-fail-fast", "--lib", "--bins"].map(str::to_owned).to_vec();
    for test in ["cli", "images", "leaks", "link", "load", "set_up", "subject"] {
        arguments.extend(["--test".to_owned(), test.to_owned()]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
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
