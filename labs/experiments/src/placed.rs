//! A submission's stack as its deploy files place it: who talks to whom, and from which zone to which.

use promises::contract::{BROKER, Deployed, SEOUL};
use testbed::bed::Bed;
use testbed::images::Service;
use testbed::path::Path;
use testbed::progress::Progress;
use testbed::stack::{CLIENTS, PROXY};
use testbed::submission::Submission;
use testbed::verdict::{Stop, promise};

/// The database, by its name in `stack.yml`.
pub const DATABASE: &str = "postgres";
/// The proxy, by its name in `stack.yml`.
const NGINX: &str = "nginx";

/// A stack under way.
pub struct Placed {
    deployed: Deployed,
    /// The instances to which the proxy passes requests on.
    listed: Vec<String>,
}

/// One end of a path, in its zone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// By the name that `stack.yml` gives.
    pub name: String,
    /// Where it is.
    pub zone: String,
}

/// Two that talk.
pub struct Pair<'a> {
    /// Who connects.
    pub from: End,
    /// Who is connected to.
    pub to: End,
    /// The path between them.
    pub path: &'a Path,
}

impl Pair<'_> {
    /// Whether they are in different zones.
    pub fn crosses(&self) -> bool {
        self.from.zone != self.to.zone
    }
}

/// Starts the services and the submission's stack for `body`, and takes all of it apart afterwards.
///
/// # Errors
/// Those of `body`, deploy files that do not hold, an instance that does not start or meets a hole, and faults of the set-up.
pub async fn with<T>(
    name: &str,
    submission: Submission,
    progress: Progress,
    body: impl AsyncFnOnce(&Bed, &Placed) -> Result<T, Stop>,
) -> Result<T, Stop> {
    let needs = [Service::Postgres, Service::RabbitMq];
    let on_the_bed = async |bed: Bed| {
        let voices = bed.voices().clone();
        let work = async {
            let placed = Placed::on(&bed).await?;
            let ended = body(&bed, &placed).await;
            bed.says("taking the stack apart");
            placed.deployed.stack.stop().await?;
            ended
        };
        tokio::select! {
            biased;
            ended = work => ended,
            // What is not written yet answers nothing, and is never waited for.
            hole = voices.until_hole() => Err(promise("the stack serves")
                .likely(true, format!("a hole is still open: \"{}\"", hole.text), format!("fill it ({})", hole.at))
                .is_broken()),
        }
    };
    Bed::with_own_services(name, submission, &needs, progress, on_the_bed).await
}

impl Placed {
    async fn on(bed: &Bed) -> Result<Placed, Stop> {
        let deployed = Deployed::on(bed).await?;
        let listed = deployed.listed().await?.into_iter().map(str::to_owned).collect();
        Ok(Placed { deployed, listed })
    }

    /// The stack itself.
    pub fn stack(&self) -> &testbed::stack::Stack {
        &self.deployed.stack
    }

    /// All that talk, from the clients inwards.
    pub fn pairs(&self) -> Vec<Pair<'_>> {
        let mut pairs = vec![(CLIENTS, PROXY)];
        pairs.extend(self.listed.iter().map(|instance| (PROXY, instance.as_str())));
        for backend in [BROKER, DATABASE] {
            pairs.extend(self.stack().instances().map(|instance| (instance, backend)));
        }
        let pair = |(from, to)| {
            let path = self.stack().path(from, to).ok()?;
            Some(Pair { from: self.end(from), to: self.end(to), path })
        };
        pairs.into_iter().filter_map(pair).collect()
    }

    /// Those that talk while a client waits for the answer to its post.
    pub fn on_a_posts_way(&self) -> Vec<Pair<'_>> {
        let takes_posts = |name: &str| self.listed.iter().any(|listed| listed == name);
        let mut pairs = self.pairs();
        pairs.retain(|Pair { from, to, .. }| {
            from.name == CLIENTS || from.name == NGINX || to.name == BROKER && takes_posts(&from.name)
        });
        pairs
    }

    fn end(&self, name: &str) -> End {
        let zone = self.deployed.zone(name).unwrap_or(SEOUL);
        let name = if name == PROXY { NGINX } else { name };
        End { name: name.to_owned(), zone: zone.to_owned() }
    }
}

impl std::fmt::Display for End {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} ({})", self.name, self.zone)
    }
}
