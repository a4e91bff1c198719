//! `cargo lab tour nofile`: a proxy that runs out of open files, and is given more while it runs. The reader does it, the tour looks on.

mod deploy;
mod screen;
mod steps;
mod worker;

use clap::Args;
use promises::contract::places;
use testbed::bed::Bed;
use testbed::exit::Exit;
use testbed::images::Service;
use testbed::progress::Progress;
use testbed::run::Run;
use testbed::setup::SetUp;
use testbed::stack::Plan;
use testbed::submission::Submission;
use testbed::verdict::Stop;

use crate::artifact::{Artifact, Target};
use crate::check;
use crate::placed;
use crate::workspace::{DEPLOY, Whose, Workspace, read};

/// The lab that the tour leads to.
const LAB: &str = "05";
/// The proxy's limits, whatever the deploy files say.
const SOFT: u64 = 64;
const HARD: u64 = 4096;
/// At least so many connections, so that descriptors run out and connections do not.
const WORKER_CONNECTIONS: u64 = 512;

/// Whose deploy files the proxy has.
#[derive(Args)]
#[command(after_help = "\
Two terminals: the tour in one, your shell in the other. It starts the stack of lab 05 with a proxy that may have 64 files open, and 150 clients
that keep a connection each. Then you

  1  find the error in nginx's log             docker logs CONTAINER
  2  find the process and raise its limit      prlimit --pid PID --nofile=4096:
  3  watch the errors end, in the same process
  4  reload nginx, and see what does not last  docker exec CONTAINER nginx -s reload

The tour prints each command with the pid and the container of this run, in the form that this machine permits: as root, root may raise any
process's limit (CAP_SYS_RESOURCE); without that right only who has the process's own user and group may. It ticks off what it sees done, and
changes no limit itself. Once a second it tells

  served    requests answered 200 in that second
  5xx       answered with an error: nginx had no descriptor for a connection to an instance
  stalled   clients that wait longer than a second, or gave up: nginx had no descriptor to accept them
  open      the worker's descriptors, beside its soft and hard limit

Your own labs/05-nofile/deploy is started, or the solution's; a `worker_rlimit_nofile` in it is left out. The program is the solution's: the
proxy runs short here, and your service may still have holes.
Needs Docker and Linux. It ends after the last step; Ctrl-C ends it before. Either way nothing is left.")]
pub struct Nofile {
    /// The deploy files of the workbook's solution instead of your own
    #[arg(long)]
    solution: bool,
}

/// Starts the stack, and looks on while the reader works in another terminal.
pub fn run(ask: &Nofile) -> Result<Exit, SetUp> {
    if cfg!(not(target_os = "linux")) {
        let cause = "it runs in a virtual machine of the engine's, and this system has no /proc";
        return Err(SetUp::new("look at a process of nginx", cause, "take the tour on Linux"));
    }
    let workspace = Workspace::find()?;
    let Some(lab) = workspace.lab(LAB)? else { return check::unknown(&workspace, LAB) };
    let own = workspace.folder(&lab.folder, Whose::solution(ask.solution)).join(DEPLOY);
    let package = lab.solution();
    anstream::eprintln!("    Building {package}");
    let Some(binary) = Artifact::of(&package, Target::Program).build(&workspace.root)? else {
        anstream::eprintln!("`{package}` does not compile: mend what cargo says above");
        return Ok(Exit::Broken);
    };
    println!("starting the stack of {}; this takes some seconds\n", workspace.shown(&own));
    println!("  program    solution {LAB}'s: the proxy runs short here, and no hole is to stand in the way");
    println!(
        "  proxy      may have {SOFT} files open (soft), and up to {HARD} when it is told (hard): the tour's limits"
    );
    let progress = Progress::detect();
    Run::hold(true, |run| {
        let (deploy, left_out) = deploy::without_a_limit(&own)?;
        if let Some(left_out) = left_out {
            println!("             `{left_out}` is left out, in a copy: it would raise the limit at once");
        }
        let submission = Submission { binary, deploy: Some(deploy) };
        let needs = [Service::Postgres, Service::RabbitMq];
        let toured =
            run.block_on(Bed::with_own_services("tour", submission, &needs, progress, async |bed| {
                let stack = bed.stack(&plan(&bed)?).await?;
                progress.clear();
                let ended = steps::take(&stack).await;
                stack.stop().await?;
                ended
            }));
        progress.clear();
        placed::ended(toured.map(|()| AFTERWARDS))
    })
}

/// What is said at the end.
const AFTERWARDS: &str = "\
What was raised was one process's limit, and it went with that process. What lasts is said where the proxy is started: `ulimits` in
stack.yml, and `worker_rlimit_nofile` in its template. The stack is gone, too. Next: book/src/05-nofile/README.md, then cargo lab check 05
";

/// The submission's plan, with the tour's limits for the proxy.
fn plan(bed: &Bed) -> Result<Plan, Stop> {
    let mut plan = bed.planned(&places(bed))?;
    if let Some(proxy) = &mut plan.proxy {
        proxy.nofile = Some((SOFT, HARD));
        let name = "WORKER_CONNECTIONS";
        let said = proxy.environment.get(name).and_then(|count| count.parse().ok()).unwrap_or(0);
        proxy.environment.insert(name.to_owned(), WORKER_CONNECTIONS.max(said).to_string());
    }
    Ok(plan)
}
