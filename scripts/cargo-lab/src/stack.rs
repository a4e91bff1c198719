//! `cargo lab stack`: a lab's stack on a real Swarm of one node, which is this machine: up, looked at, and gone.
//!
//! The work is Docker's own command line, and each command that changes something is shown before it runs. What was made is found again by
//! labels and names alone, so that `down` needs to know nothing of `up`.

mod beside;
mod docker;
mod down;
mod entry;
mod image;
mod swarm;
mod tasks;
mod up;

use clap::{Args, Subcommand};
use testbed::exit::Exit;
use testbed::setup::SetUp;

use crate::check;
use crate::workspace::{Lab, Whose, Workspace};

/// What is done with a stack.
#[derive(Args)]
#[command(after_help = "\
Examples:
  cargo lab stack up 04               your own stack, as labs/04-colocation/deploy says, on a Swarm of one node
  cargo lab stack up 04 --solution    the solution's
  cargo lab stack status 04           each service: what its task does, and whether it is healthy
  cargo lab stack up 04               again: deploys stack.yml as it stands now, with the same program
  cargo lab stack down 04             everything is gone, and so are the posts

The ways in are two. From this machine: the entry, a container that passes connections on from 127.0.0.1 to nginx. From inside:
docker exec into a container of the stack. Needs Docker, and takes about a minute. The commands that it runs are shown, so that you can
do the same by hand, on nodes of your own.
Exit codes: 0 everything runs (up, status), nothing is left (down) · 1 something does not run · 2 wrong usage · 3 the set-up is at
fault · 130 interrupted: what was begun stays, and both `up` and `down` go on from there.")]
pub struct StackOf {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Build the program and its image, deploy the stack, and wait until everything runs and is healthy
    Up(up::Up),
    /// What each service's task does, a line each
    Status(Named),
    /// Remove the stack with its posts, the entry and the image; leave the Swarm if `up` began it
    Down(Named),
}

/// Which lab's stack.
#[derive(Args)]
struct Named {
    /// The lab's number, from 04 on
    lab: String,
}

/// Does it.
pub fn run(ask: &StackOf) -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    let name = match &ask.what {
        What::Up(up) => &up.lab,
        What::Status(named) | What::Down(named) => &named.lab,
    };
    let Some(lab) = workspace.lab(name)? else { return check::unknown(&workspace, name) };
    if workspace.deploy(&lab, Whose::Learner).is_none() {
        anstream::eprintln!(
            "lab {} has no deploy files, and so no stack: the labs from 04 on have one",
            lab.number
        );
        return Ok(Exit::Usage);
    }
    let ended = match &ask.what {
        What::Up(ask) => up::run(ask, &workspace, &lab),
        What::Status(_) => docker::asking(async |docker| tasks::status(docker, &Names::of(&lab)).await),
        What::Down(_) => docker::working(async |docker| down::run(docker, &Names::of(&lab)).await),
    };
    match ended {
        Ok(exit) | Err(Halt::Ends(exit)) => Ok(exit),
        Err(Halt::Fault(fault)) => Err(fault),
    }
}

/// What ends a command before its end.
enum Halt {
    Fault(SetUp),
    /// Why has been told.
    Ends(Exit),
}

impl From<SetUp> for Halt {
    fn from(fault: SetUp) -> Halt {
        Halt::Fault(fault)
    }
}

/// How a lab's stack is called, and everything of it.
struct Names {
    /// The lab's number.
    lab: String,
    /// Of the stack: `posts-04`. Swarm puts it before each name in the file.
    stack: String,
    /// Of the container through which this machine gets in.
    entry: String,
}

/// How the names of all stacks of ours begin.
const OURS: &str = "posts-";
/// On all that a Swarm makes of a stack: which one.
const NAMESPACE: &str = "com.docker.stack.namespace";
/// On the image and the entry: whose stack they are for.
const STACK: &str = "why-servers-die.stack";
/// On the image: the package whose program is in it.
const PACKAGE: &str = "why-servers-die.package";

impl Names {
    fn of(lab: &Lab) -> Names {
        let stack = format!("{OURS}{}", lab.number);
        Names { lab: lab.number.clone(), entry: format!("{stack}-entry"), stack }
    }

    /// A filter for what the Swarm made.
    fn made(&self) -> String {
        format!("label={NAMESPACE}={}", self.stack)
    }

    /// A filter for what `up` made beside it.
    fn beside(&self) -> String {
        format!("label={STACK}={}", self.stack)
    }

    /// A service as the file calls it.
    fn short<'a>(&self, service: &'a str) -> &'a str {
        service.strip_prefix(&*self.stack).and_then(|rest| rest.strip_prefix('_')).unwrap_or(service)
    }
}
