//! `cargo lab stack up`: from a lab's program and its deploy files to a stack that runs.

use std::path::PathBuf;

use clap::Args;
use testbed::deploy::Outline;
use testbed::exit::Exit;
use testbed::submission::DeployFault;

use super::docker::{self, Docker};
use super::swarm::{self, Swarm};
use super::{Halt, Names, beside, entry, image, tasks};
use crate::artifact::{Artifact, Target};
use crate::workspace::{DEPLOY, Lab, Whose, Workspace};

/// Which stack, and how.
#[derive(Args)]
pub struct Up {
    /// The lab's number, from 04 on
    pub lab: String,
    /// The stack of the workbook's solution instead of your own
    #[arg(long)]
    solution: bool,
    /// The port of the entry on 127.0.0.1 [default: 8000 and the lab's number]
    #[arg(long)]
    port: Option<u16>,
    /// Begin a Swarm where there is none, and do not ask
    #[arg(long)]
    yes: bool,
}

/// What is deployed.
struct Wanted {
    package: String,
    deploy: PathBuf,
    outline: Outline,
    port: u16,
}

/// Whether the stack is there already.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Found {
    Nothing,
    Running,
}

/// Brings it up, or brings what is up to what `stack.yml` says now.
pub fn run(ask: &Up, workspace: &Workspace, lab: &Lab) -> Result<Exit, Halt> {
    let names = Names::of(lab);
    let whose = Whose::solution(ask.solution);
    let (package, deploy) = (lab.package(whose), workspace.folder(&lab.folder, whose).join(DEPLOY));
    let outline = Outline::read(&deploy).map_err(refused)?;
    image::named(&outline).map_err(refused)?;
    let wanted =
        Wanted { port: ask.port.unwrap_or_else(|| entry::usual_port(&names)), package, deploy, outline };
    // What can be refused is refused before minutes are spent.
    let found = docker::asking(async |docker| look(docker, &names, &wanted, ask.yes).await)?;
    let program = match found {
        Found::Running => None,
        Found::Nothing => {
            anstream::println!("    Building {}", wanted.package);
            match Artifact::of(&wanted.package, Target::Program).build(&workspace.root)? {
                None => {
                    anstream::eprintln!("`{}` does not compile: mend what cargo says above", wanted.package);
                    return Ok(Exit::Broken);
                }
                built => built,
            }
        }
    };
    let ended = docker::working(async |docker| bring_up(docker, &names, &wanted, program).await);
    if let Err(Halt::Ends(Exit::Interrupted)) = ended {
        anstream::eprintln!(
            "interrupted: what was begun is there still\n  go on  cargo lab stack up {0}\n  or     cargo lab stack down {0}",
            lab.number
        );
    }
    ended
}

fn refused(fault: DeployFault) -> Halt {
    anstream::eprintln!("the deploy files do not hold: {fault}");
    Halt::Ends(Exit::Broken)
}

async fn look(docker: &Docker, names: &Names, wanted: &Wanted, yes: bool) -> Result<Found, Halt> {
    let found = match Swarm::look(docker).await? {
        Swarm::None => {
            swarm::consent(yes, &names.lab)?;
            Found::Nothing
        }
        Swarm::Node(_) if tasks::look(docker, names).await?.is_empty() => Found::Nothing,
        Swarm::Node(_) => Found::Running,
    };
    let own = entry::address(docker, names).await?;
    entry::is_free(
        wanted.port,
        own.is_some_and(|own| own.ends_with(&format!(":{}", wanted.port))),
        &names.lab,
    )?;
    if found == Found::Running
        && let Some(package) = image::package(docker, names).await?
        && package != wanted.package
    {
        anstream::eprintln!(
            "the stack {} is up, and it is that of {package}: first take it away, cargo lab stack down {}",
            names.stack,
            names.lab
        );
        return Err(Halt::Ends(Exit::Usage));
    }
    Ok(found)
}

async fn bring_up(
    docker: &Docker,
    names: &Names,
    wanted: &Wanted,
    program: Option<PathBuf>,
) -> Result<Exit, Halt> {
    match program {
        Some(program) => {
            let images = image::named(&wanted.outline).map_err(refused)?;
            image::build(docker, names, &images, &wanted.package, &program).await?;
        }
        None => anstream::println!(
            "  the stack is up: its program stays, and stack.yml is deployed as it stands now"
        ),
    }
    docker.go_on()?;
    swarm::ready(docker, Swarm::look(docker).await?).await?;
    docker.go_on()?;
    deploy(docker, names, wanted).await?;
    docker.go_on()?;
    entry::open(docker, names, wanted.port).await?;
    tasks::all_run(docker, names).await?;
    look_up_again(docker, names).await?;
    let address = format!("http://127.0.0.1:{}", wanted.port);
    if !entry::answers(docker, &address).await? {
        anstream::eprintln!(
            "every service runs, and GET {address}/health is not answered 200: look at what nginx says, docker service logs {}_nginx",
            names.stack
        );
        return Err(Halt::Ends(Exit::Broken));
    }
    anstream::println!(
        "\neverything runs\n  entry    {address}   (nginx; nothing else is published)\n  \
           post     curl -i {address}/post -H 'content-type: application/json' -d '{{\"content\":\"my post\"}}'\n  \
           posts    curl {address}/posts\n  \
           status   cargo lab stack status {lab}\n  \
           tasks    docker stack ps {stack}\n  \
           logs     docker service logs {stack}_api-1\n  \
           the end  cargo lab stack down {lab}",
        lab = names.lab,
        stack = names.stack,
    );
    Ok(Exit::Kept)
}

async fn deploy(docker: &Docker, names: &Names, wanted: &Wanted) -> Result<(), Halt> {
    let others = beside::other_images(&docker.engine, &wanted.outline).await?;
    let second = beside::text(&wanted.outline.version, &others);
    anstream::println!("  a second file, for this machine alone:");
    second.lines().for_each(|line| anstream::println!("    | {line}"));
    let file = wanted.deploy.join(testbed::deploy::STACK);
    let file = file.to_string_lossy();
    let command = [
        "stack",
        DEPLOY,
        "--resolve-image",
        "never",
        "--compose-file",
        &file,
        "--compose-file",
        "-",
        &names.stack,
    ];
    let deployed = docker.tell_with(&command, &second).await;
    deployed.map(drop).map_err(|mut fault| {
        if fault.cause.contains("only updates to Labels are allowed") {
            fault.mend = format!(
                "a config is never changed: what was written into nginx.conf.template needs a new stack, cargo lab stack down {0}, then up {0}; \
                 or a new name of the config in stack.yml",
                names.lab
            );
        }
        fault.into()
    })
}

/// nginx looks a name up once, when it starts, and the tasks that it found then may have been followed by others since.
async fn look_up_again(docker: &Docker, names: &Names) -> Result<(), Halt> {
    let service = format!("label=com.docker.swarm.service.name={}_nginx", names.stack);
    for id in docker.list(&["ps", "--quiet", "--filter", &service]).await? {
        docker.tell(&["exec", &id, "nginx", "-s", "reload"]).await?;
    }
    Ok(())
}
