//! `cargo lab start`: from a fresh clone to a server that dies before the reader's eyes, and why.

use testbed::exit::Exit;
use testbed::report::{CheckReport, Report};
use testbed::setup::SetUp;

use crate::images::Images;
use crate::verify::{Ask, Verify};
use crate::workspace::Workspace;
use crate::{book, doctor, images, process};

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
    println!("built: {}", workspace.shown(&workspace.book().join("index.html")));

    println!("\n4  a server under three times the load that it can carry\n");
    let Some(lab) = workspace.lab("01")? else {
        return Err(SetUp::new("find lab 01", "labs/01-direct-write is missing", "git checkout labs"));
    };
    let solution = lab.solution();
    let Some(verify) = Verify::build(&workspace, &solution)? else { return Ok(Exit::Broken) };
    let folder = workspace.report(&solution);
    let only = [SHOWN.to_owned()];
    let again = "cargo lab check 01 --solution";
    let mut command =
        verify.command(&Ask { binary: None, only: &only, style: "verdicts", again, report: &folder });
    command.env(testbed::progress::LIVE, "1");
    let exit = Exit::of(process::run(command)?);
    let report = Report::read(&folder.join("report.json"))?;
    if let (Exit::Kept, Some(check)) = (exit, report.checks.first()) {
        tell(check);
    }
    println!(
        "\nread    {}   (or: cargo lab book serve)",
        workspace.shown(&workspace.book().join("index.html"))
    );
    println!("report  {}", workspace.shown(&folder.join("report.html")));
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
