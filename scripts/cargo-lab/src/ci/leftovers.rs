//! Nothing of ours is left when everything has run.

use std::collections::BTreeSet;

use testbed::run::{FOLDER, LABEL, RunId, VARIABLE};
use testbed::setup::SetUp;

use super::{Context, Proof};
use crate::process;

/// Looks for our containers, processes and folders with the system's own tools, not with the code that removes them. What belongs to
/// another run that is still alive is its own: somebody works on the same machine.
pub fn nothing_is_left(_: &Context) -> Proof {
    // Each prints a line for what it finds: the run's name, a blank, and where it is.
    let looks = [
        ("container", format!("docker ps --all --filter label={LABEL} --format '{{{{.Label \"{LABEL}\"}}}} {{{{.ID}}}}'")),
        (
            "network",
            format!("docker network ls --filter label={LABEL} --format '{{{{.Label \"{LABEL}\"}}}} {{{{.Name}}}}'"),
        ),
        (
            "process",
            format!(
                "for environ in /proc/[0-9]*/environ; do
                     tr '\\0' '\\n' 2>/dev/null <\"$environ\" | sed -n \"s|^{VARIABLE}=\\(.*\\)|\\1 $environ|p\"
                 done 2>/dev/null || true"
            ),
        ),
        (
            "folder",
            format!("find \"${{TMPDIR:-/tmp}}\" -maxdepth 1 -name '{FOLDER}*' | sed 's|.*/{FOLDER}\\(.*\\)|\\1 &|'"),
        ),
    ];
    let (mut left, mut others) = (Vec::new(), BTreeSet::new());
    for (what, look) in looks {
        for line in found(&look).map_err(|cause| SetUp::from_cause(format!("look for a {what}"), cause))? {
            let (run, place) = line.split_once(' ').unwrap_or(("", &line));
            match RunId::named(run).filter(|run| run != RunId::current() && run.is_alive()) {
                Some(other) => {
                    others.insert(other.as_str().to_owned());
                }
                None => left.push(format!("a {what} is left: {place}, of the run {run}")),
            }
        }
    }
    let others = match others.len() {
        0 => String::new(),
        _ => format!(
            "; not counted is what belongs to runs that are alive: {}",
            Vec::from_iter(others).join(", ")
        ),
    };
    Ok(if left.is_empty() { Ok(format!("nothing is left{others}")) } else { Err(left) })
}

/// The lines that a look prints.
fn found(look: &str) -> Result<Vec<String>, String> {
    let mut command = std::process::Command::new("sh");
    command.args(["-c", look]);
    let output = process::output(command).map_err(|fault| fault.to_string())?;
    let lines = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    output.status.success().then_some(lines).ok_or_else(|| format!("`{look}` failed"))
}
