//! `cargo lab start`: from a fresh clone to a server that dies before the reader's eyes, and why.

use testbed::exit::Exit;
use testbed::report::CheckReport;
use testbed::setup::SetUp;
use testbed::suite::Request;

use crate::check::Terminal;
use crate::images::Images;
use crate::verify::{Judged, Verify};
use crate::workspace::Workspace;
use crate::{book, doctor, images};

/// The check that shows it.
const SHOWN: &str = "three-times-capacity";

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
    println!("built: {}", shown(&workspace, &workspace.book().join("index.html")));

    println!("\n4  a server under three times the load that it can carry\n");
    let Some(lab) = workspace.lab("01")? else {
        return Err(SetUp::new("find lab 01", "labs/01-direct-write is missing", "git checkout labs"));
    };
    let solution = lab.solution();
    let Some(verify) = Verify::build(&workspace, &solution)? else { return Ok(Exit::Broken) };
    let folder = workspace.report(&solution);
    let request = Request {
        only: vec![SHOWN.to_owned()],
        again: "cargo lab check 01 --solution".to_owned(),
        ..Request::default()
    };
    let mut reader = Terminal::live();
    let Judged { exit, report } = verify.judge(&request, &mut reader, |_| {})?;
    if let Some(report) = &report {
        let page = report.keep_in(&folder)?;
        reader.close(report, &page)?;
        if let (Exit::Kept, Some(check)) = (exit, report.checks.first()) {
            tell(check);
        }
    }
    println!(
        "\nread    {}   (or: cargo lab book serve)",
        shown(&workspace, &workspace.book().join("index.html"))
    );
    println!("report  {}", shown(&workspace, &folder.join("report.html")));
    println!("next    open labs/01-direct-write/src, fill a hole, and ask: cargo lab check 01");
    Ok(exit)
}

/// Why two of three posts were refused, in the figures of the run that has just been seen.
fn tell(check: &CheckReport) {
    let figure = |name: &str| {
        let found = check.observed.iter().find(|figure| figure.name == name);
        found.map_or_else(|| "?".to_owned(), |figure| figure.shown.clone())
    };
    println!(
        "\nThis is how a server dies. Each insert keeps a connection busy for 100 ms, and the pool has 6: that is 60 posts"
    );
    println!(
        "a second, and no code around it makes it more. Offered were {} posts at 180 a second; {} were accepted,",
        figure("offered"),
        figure("accepted")
    );
    println!(
        "at a rate of {}, and {} of them were not. What this service does well is to say so at once.",
        figure("goodput"),
        figure("not accepted")
    );
}

fn shown(workspace: &Workspace, path: &std::path::Path) -> String {
    path.strip_prefix(&workspace.root).unwrap_or(path).display().to_string()
}
