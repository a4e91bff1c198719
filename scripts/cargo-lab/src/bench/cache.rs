//! What page 1 from memory costs beside the same bytes from a handler that does nothing else, and what lab 03's solution asks of the
//! database under as many looks as the load generator carries.

use std::path::{Path, PathBuf};

use promises::contract::{PostTable as _, ReadsOfPosts as _, Settings as _};
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
/// The first rate at which the handler is asked for its best, and by how much each is above the one before. They end where it
/// falls behind by more than a tenth.
const FIRST: f64 = 8_000.0;
const STEP: f64 = 1.25;
const BEHIND: f64 = 0.9;
/// The rates that either is offered, in parts of the handler's best. They go on above it: nobody answers more than is offered.
const OFFERED: [f64; 4] = [0.85, 0.95, 1.05, 1.2];

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
        let best = self.best(&handler).await?;
        let rates = OFFERED.map(|part| part * best);
        let mut pairs = Vec::new();
        for _ in 0..PAIRS {
            let (mut direct, mut cached) = (0.0_f64, 0.0_f64);
            // In turn at each rate: whatever else the machine does then meets both.
            for rate in rates {
                direct = direct.max(best_goodput(&self.load, handler.addr(), &[rate]).await?.rate);
                cached = cached.max(best_goodput(&self.load, self.service.addr(), &[rate]).await?.rate);
            }
            pairs.push((direct, cached));
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

    /// About how many looks a second the handler answers, at the best.
    async fn best(&self, handler: &Subject) -> Result<f64, SetUp> {
        let (mut best, mut rate) = (0.0_f64, FIRST);
        loop {
            let answered = best_goodput(&self.load, handler.addr(), &[rate]).await?.rate;
            best = best.max(answered);
            if answered < BEHIND * rate {
                return Ok(best);
            }
            rate *= STEP;
        }
    }
}
