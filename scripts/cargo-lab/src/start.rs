//! `cargo lab start`: from a fresh clone to a server that dies before the reader's eyes, one that does not, and why.

use testbed::exit::Exit;
use testbed::report::CheckReport;
use testbed::setup::SetUp;
use testbed::suite::Request;

use crate::check::{Terminal, wrong};
use crate::images::Images;
use crate::prose::folded;
use crate::verify::{Judged, Verify};
use crate::workspace::{Lab, Workspace};
use crate::wrong_answer::WrongAnswer;
use crate::{book, doctor, images, map};

/// The lab whose servers are shown: it needs no container, and it is the first.
const LAB: &str = "00";
/// The wrong answer that dies.
const DIES: &str = "works-on-after-504";

/// The whole first run. It stops at the first thing that has to be mended.
pub fn run() -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    println!("1  the images\n");
    match images::run(&Images { offline: false, force: false })? {
        Exit::Kept => {}
        other => return Ok(other),
    }
    println!("\n2  the set-up\n");
    match doctor::run()? {
        Exit::Kept => {}
        other => return Ok(other),
    }
    println!("\n3  the book\n");
    book::build(&workspace)?;
    println!("built: {}", workspace.shown(&workspace.book().join("index.html")));

    let exit = show(&workspace)?;
    let page = workspace.shown(&workspace.book().join("index.html"));
    println!("\nread   {page}   (or: cargo lab book serve)");
    println!("next   {}", map::next(&workspace)?);
    Ok(exit)
}

/// Two servers under the same load. It is kept when the naive one broke its promise and the solution kept it.
fn show(workspace: &Workspace) -> Result<Exit, SetUp> {
    let missing = |what: &str| SetUp::new(format!("find {what}"), "it is not in the clone", "git checkout .");
    let lab = workspace.lab(LAB)?.ok_or_else(|| missing("lab 00"))?;
    let answers = WrongAnswer::all(workspace, &lab)?;
    let naive = answers.iter().find(|answer| answer.name == DIES).ok_or_else(|| missing(DIES))?;

    println!("\n4  a server dies: three times the load that it can carry\n");
    wrong::tell(naive);
    let mut reader = Terminal::live();
    let Judged { exit, report } = wrong::judge(workspace, &lab, naive, &[], &mut reader)?;
    let first = report.as_ref().and_then(|report| report.checks.first());
    let dead = match (exit, first) {
        (Exit::Broken, Some(check)) => check,
        (Exit::Kept, _) => {
            println!("\n{}", folded("", "It held, which it must not. Once more: cargo lab start"));
            return Ok(Exit::Inconclusive);
        }
        (other, _) => return Ok(other),
    };

    println!("\n5  the same load on a server that says no in time, and then drops the work\n");
    let Judged { exit, report } = judge_solution(workspace, &lab, &naive.check, &mut reader)?;
    let Some(report) = report else { return Ok(exit) };
    let page = report.keep_in(&workspace.report(&lab.solution()))?;
    if let (Exit::Kept, Some(alive)) = (exit, report.checks.first()) {
        println!("\n{}", folded("", &seen(dead, alive)));
    }
    println!("\nreport {}", workspace.shown(&page));
    Ok(exit)
}

fn judge_solution(
    workspace: &Workspace,
    lab: &Lab,
    check: &str,
    reader: &mut Terminal,
) -> Result<Judged, SetUp> {
    let solution = lab.solution();
    let Some(verify) = Verify::build(workspace, &solution)? else {
        return Ok(Judged { exit: Exit::Broken, report: None });
    };
    let request = Request {
        only: vec![check.to_owned()],
        again: format!("cargo lab check {} --solution", lab.number),
        ..Request::default()
    };
    verify.judge(&request, reader, |_| {})
}

/// What was seen in both runs, in their own figures.
fn seen(dead: &CheckReport, alive: &CheckReport) -> String {
    let figure = |check: &CheckReport, name: &str| {
        let found = check.observed.iter().find(|figure| figure.name == name);
        found.map_or_else(|| "?".to_owned(), |figure| figure.shown.clone())
    };
    format!(
        "This is how a server dies. Both were sent {} requests, three times what they can serve. The first answered 504 to \
         whoever waited too long, and did the work all the same: its goodput was {}, {} of its capacity, while all \
         its workers were busy for those who had their answer. The second drops the work together with the wait, \
         and its goodput was {}, {} of its capacity, under the same load.",
        figure(dead, "offered"),
        figure(dead, "goodput"),
        figure(dead, "of capacity"),
        figure(alive, "goodput"),
        figure(alive, "of capacity"),
    )
}

#[cfg(test)]
mod tests {
    use testbed::fact::Fact;
    use testbed::report::{Company, Listed, Read};

    use super::*;

    fn check(goodput: f64, share: f64) -> CheckReport {
        let read = Read { chapter: String::new(), section: String::new(), href: String::new() };
        let listed =
            Listed { name: "goodput-holds".into(), title: String::new(), read, company: Company::Any };
        let mut check = CheckReport::of(listed, "again".into());
        check.observed = vec![
            Fact::measure("goodput", goodput, "/s"),
            Fact::measure("of capacity", share, "%"),
            Fact::count("offered", 810),
        ];
        check
    }

    #[test]
    fn what_was_seen_is_told_in_the_figures_of_both_runs() {
        let told = folded("", &seen(&check(2.0, 3.3), &check(59.3, 98.9)));
        let plain = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(plain.contains("sent 810 requests"), "{told}");
        assert!(plain.contains("its goodput was 2.0 /s, 3.3% of its capacity, while"), "{told}");
        assert!(plain.contains("its goodput was 59.3 /s, 98.9% of its capacity, under"), "{told}");
        assert!(told.lines().all(|line| line.chars().count() <= 84), "{told}");
    }
}
