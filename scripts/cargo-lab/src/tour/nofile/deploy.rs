//! The reader's deploy files, without the line by which nginx would raise the limit itself.

use std::fs;
use std::path::{Path, PathBuf};

use testbed::deploy::STACK;
use testbed::run::RunId;
use testbed::services::TEMPLATE;
use testbed::setup::SetUp;

use super::read;

const DIRECTIVE: &str = "worker_rlimit_nofile";

/// The folder as it is, where its template says nothing of a limit; else a copy that goes with the run, and what was left out.
pub(super) fn without_a_limit(folder: &Path) -> Result<(PathBuf, Option<String>), SetUp> {
    // A template that is not there is told by the stack.
    let template = fs::read_to_string(folder.join(TEMPLATE)).unwrap_or_default();
    let Some((rest, left_out)) = cut(&template) else { return Ok((folder.to_owned(), None)) };
    let copy = RunId::current().folder().join("deploy");
    let fault = |error| SetUp::from_cause(format!("copy the deploy files to `{}`", copy.display()), error);
    let stack = read(&folder.join(STACK))?;
    fs::create_dir_all(&copy).map_err(fault)?;
    fs::write(copy.join(TEMPLATE), rest).map_err(fault)?;
    fs::write(copy.join(STACK), stack).map_err(fault)?;
    Ok((copy, Some(left_out)))
}

/// The template without the directive, and the directive.
fn cut(template: &str) -> Option<(String, String)> {
    let mut at = 0;
    for line in template.split_inclusive('\n') {
        let code = line.split('#').next().unwrap_or_default();
        if let Some(begin) = code.find(DIRECTIVE) {
            let begin = at + begin;
            let end = begin + template[begin..].find(';')? + 1;
            return Some((template[..begin].to_owned() + &template[end..], template[begin..end].to_owned()));
        }
        at += line.len();
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_directive_is_left_out() {
        assert_eq!(cut("user nginx;\n# worker_rlimit_nofile 9;\nworker_processes 1;\n"), None);
        let (rest, left_out) =
            cut("a 1;\n# why\nworker_rlimit_nofile 4096; # soft and hard\nb 2;\n").unwrap();
        assert_eq!(rest, "a 1;\n# why\n # soft and hard\nb 2;\n");
        assert_eq!(left_out, "worker_rlimit_nofile 4096;");
    }
}
