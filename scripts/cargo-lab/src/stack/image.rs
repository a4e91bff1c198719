//! The image of the service: the lab's own program on a small Debian, by the name that `stack.yml` gives it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use testbed::deploy::Outline;
use testbed::images;
use testbed::setup::SetUp;
use testbed::submission::DeployFault;

use super::docker::Docker;
use super::{Names, PACKAGE, STACK};

/// How the names of the service's images begin. The tag is the lab's number.
const SERVICE: &str = "why-servers-die/service:";
/// Where the program is in the image.
const PROGRAM: &str = "/usr/local/bin/service";

/// The names of the image in a stack.
///
/// # Errors
/// No service runs from it.
pub fn named(outline: &Outline) -> Result<BTreeSet<&str>, DeployFault> {
    let images = outline.images.values().map(String::as_str).filter(|image| image.starts_with(SERVICE));
    let images: BTreeSet<&str> = images.collect();
    let none = format!("no service runs from `{SERVICE}NN`, the image with the lab's program");
    if images.is_empty() { Err(DeployFault::of(testbed::deploy::STACK, none)) } else { Ok(images) }
}

/// Builds the image, and has it say whether the program can run in it.
pub async fn build(
    docker: &Docker,
    names: &Names,
    images: &BTreeSet<&str>,
    package: &str,
    program: &Path,
) -> Result<(), SetUp> {
    let base = images::base(&docker.engine).await?;
    let context = context(&base, program)?;
    let folder = context.path().to_string_lossy();
    let labels = [format!("{STACK}={}", names.stack), format!("{PACKAGE}={package}")];
    let mut command = vec!["build", "--quiet", "--pull=false"];
    command.extend(labels.iter().flat_map(|label| ["--label", label]));
    command.extend(images.iter().flat_map(|image| ["--tag", image]));
    command.push(&folder);
    anstream::println!("  the image: {package} on {base}");
    docker.tell(&command).await?;
    match images.first() {
        Some(image) => runs(docker, image, &base).await,
        None => Ok(()),
    }
}

/// The package whose program is in the stack's image; `None` without one.
pub async fn package(docker: &Docker, names: &Names) -> Result<Option<String>, SetUp> {
    let ids = docker.list(&["image", "ls", "--quiet", "--filter", &names.beside()]).await?;
    let Some(id) = ids.first() else { return Ok(None) };
    let format = format!("{{{{index .Config.Labels \"{PACKAGE}\"}}}}");
    docker.ask(&["image", "inspect", "--format", &format, id]).await.map(Some)
}

/// A folder with what the image is made of.
fn context(base: &str, program: &Path) -> Result<tempfile::TempDir, SetUp> {
    let fault = |error| SetUp::from_cause("lay out what the service's image is made of", error);
    let folder = tempfile::tempdir().map_err(fault)?;
    let recipe = format!(
        "FROM {base}\n\
         COPY service {PROGRAM}\n\
         USER nobody\n\
         ENTRYPOINT [\"{PROGRAM}\"]\n"
    );
    fs::write(folder.path().join("Dockerfile"), recipe).map_err(fault)?;
    fs::copy(program, folder.path().join("service")).map_err(fault)?;
    Ok(folder)
}

/// The program needs a C library as new as the one that it was linked with, and this machine may be newer than the image.
async fn runs(docker: &Docker, image: &str, base: &str) -> Result<(), SetUp> {
    let ask = ["run", "--rm", "--network", "none", "--entrypoint", "ldd", image, PROGRAM];
    let output = docker.run(&ask, None).await?;
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    match said.lines().find(|line| line.contains("not found") || line.contains("not a dynamic executable")) {
        None => Ok(()),
        Some(why) => Err(SetUp::new(
            format!("run the program in `{image}`"),
            why.trim(),
            format!(
                "`{base}` is older than what the program was linked with, or of another system than it: build it in a container of \
                 the image `rust:1-trixie`, or on a machine of Debian 13 or before"
            ),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_image_is_that_of_the_file() {
        let outline = |image: &str| {
            Outline::of(&format!("version: \"3.8\"\nservices:\n  api-1: {{image: '{image}'}}\n")).unwrap()
        };
        let five = outline("why-servers-die/service:05");
        assert_eq!(named(&five).unwrap(), BTreeSet::from(["why-servers-die/service:05"]));
        let fault = named(&outline("somebody/else:1")).unwrap_err().to_string();
        assert!(fault.contains("why-servers-die/service:NN"), "{fault}");
    }
}
