//! Nothing of ours is left when everything has run.

use testbed::run::{FOLDER, LABEL, VARIABLE};

use super::{Context, Proof};
use crate::process;

/// Looks for our containers, processes and folders with the system's own tools, not with the code that removes them.
pub fn nothing_is_left(_: &Context) -> Proof {
    let mut left = Vec::new();
    let looks = [
        ("container", format!("docker ps --all --quiet --filter label={LABEL}")),
        ("network", format!("docker network ls --quiet --filter label={LABEL}")),
        (
            "process",
            format!(
                "grep --files-with-matches --null-data --no-messages '^{VARIABLE}=' /proc/[0-9]*/environ || true"
            ),
        ),
        ("folder", format!("find \"${{TMPDIR:-/tmp}}\" -maxdepth 1 -name '{FOLDER}*'")),
    ];
    for (what, look) in looks {
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &look]);
        let output = process::output(command)?;
        if !output.status.success() {
            left.push(format!("could not look for a {what}: `{look}` failed"));
        }
        left.extend(
            String::from_utf8_lossy(&output.stdout).lines().map(|line| format!("a {what} is left: {line}")),
        );
    }
    Ok(if left.is_empty() { Ok("nothing is left".to_owned()) } else { Err(left) })
}
