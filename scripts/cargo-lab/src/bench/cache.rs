//! What page 1 from memory costs beside the same bytes from a handler that does nothing else, and what lab 03's solution asks of the
//! database under as many looks as the load generator carries.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use promises::contract::{PostTable as _, Settings as _};
use testbed::bed::Bed;
use testbed::endpoint::Endpoint as _;
use testbed::images::Service;
use testbed::run::Run;
use testbed::setup::SetUp;
use testbed::subject::{Launch, Subject};
use testbed::verdict::Stop;

use super::peers::{best_goodput, quiet};
use super::{PAIRS, example, on_a_bed, refresh, table};
use crate::workspace::Workspace;

/// Connections of the solution.
const POOL: usize = 10;
/// More than a page of posts, and how long each is.
const POSTS: usize = 45;
const CHARACTERS: usize = 64;
/// The bar: looks at page 1 in parts of what the handler answers.
const BAR: f64 = 0.9;
/// The first rate that either is offered, and by how much each is above the one before.
const FIRST: f64 = 12_000.0;
const STEP: f64 = 1.3;
/// Who answers less than this part of what is offered has fallen behind.
const BEHIND: f64 = 0.95;

/// What is measured, and the load that measures it.
pub struct Bench {
    pub bed: Bed,
    /// The solution.
    pub service: Subject,
    /// The example that offers looks.
    pub load: PathBuf,
}

/// Measures, prints, and says whether the bars were held.
pub fn measure(run: &Run, workspace: &Workspace) -> Result<bool, SetUp> {
    let load = example(workspace, "promises", "offer_looks")?;
    let peer = example(workspace, "experiments", "bare_bytes")?;
    let (package, needs) = ("solution-03-first-page-cache", [Service::Postgres, Service::RabbitMq]);
    on_a_bed(run, workspace, package, &needs, async |bed| all(bed, load, &peer).await)
}

async fn all(bed: Bed, load: PathBuf, peer: &Path) -> Result<bool, Stop> {
    let filler = "x".repeat(CHARACTERS);
    bed.database().make_table().await?;
    bed.database().plant((0..POSTS).map(|n| format!("{n} {filler}"))).await?;
    let service = quiet(&bed).role("api").pool(POOL).start().await?;
    let bench = Bench { bed, service, load };
    let (as_quick, most) = bench.beside(peer).await?;
    Ok(refresh::measure(&bench, most).await? && as_quick)
}

impl Bench {
    /// Page 1 beside the same bytes: whether the bar was held, and the most looks a second that were answered.
    async fn beside(&self, peer: &Path) -> Result<(bool, f64), Stop> {
        println!("looks at page 1, beside a handler of the same bytes in the same server");
        let handler = self.handler(peer).await?;
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            pairs.push(self.climb(handler.addr(), self.service.addr()).await?);
        }
        let most = pairs.iter().map(|(_, cached)| *cached).fold(0.0, f64::max);
        Ok((table(("handler /s", "page 1 /s"), &pairs, BAR), most))
    }

    /// The handler, with the bytes that the solution serves now.
    async fn handler(&self, peer: &Path) -> Result<Subject, Stop> {
        let body = self.bed.folder()?.join("page.json");
        let page = self.service.get("/posts").send().await?;
        std::fs::write(&body, page.body)
            .map_err(|error| SetUp::from_cause("write the bytes of page 1", error))?;
        let environment = [("BODY".to_owned(), body.display().to_string())].into();
        let launch = Launch { binary: peer.to_owned(), arguments: Vec::new(), environment, nofile: None };
        Subject::start(launch, self.bed.voices().of("handler")).await
    }

    /// The most looks a second that each of the two answers. The rates go on until both have fallen behind: before that, both answer
    /// what is offered, and their ratio says nothing. They are asked in turn, so that whatever else the machine does meets both.
    async fn climb(&self, one: SocketAddr, other: SocketAddr) -> Result<(f64, f64), SetUp> {
        let (mut most, mut rate) = ((0.0_f64, 0.0_f64), FIRST);
        loop {
            let answered = (
                best_goodput(&self.load, one, &[rate]).await?.rate,
                best_goodput(&self.load, other, &[rate]).await?.rate,
            );
            most = (most.0.max(answered.0), most.1.max(answered.1));
            if answered.0.max(answered.1) < BEHIND * rate {
                return Ok(most);
            }
            rate *= STEP;
        }
    }
}
