//! `cargo lab trace`: where one post spends its time, and how many are under way at once for that.

mod account;
mod log;

use std::fmt;
use std::time::{Duration, Instant};

pub use promises::contract::RATE;
use promises::contract::{PLACES, broker_time};
use serde_json::json;
use testbed::bed::Bed;
use testbed::fact::Fact;
use testbed::path::Counts;
use testbed::progress::Progress;
use testbed::setup::SetUp;
use testbed::submission::Submission;
use testbed::verdict::{Stop, promise};
use testbed::wait;

use crate::findings::wrapped;
use crate::ping;
use crate::placed::{self, Pair, Placed};
use account::{Account, Leg, Little};
use log::Logged;

/// These open the connections that stay open.
const WARM_UP: usize = 10;
/// How many posts are looked at. Two and three instances take the same number of them, each.
const POSTS: usize = 24;
/// How long an access log may take to tell of a request that was answered.
const SOON: Duration = Duration::from_secs(5);

/// What was found.
pub struct Trace {
    account: Account,
    little: Little,
}

/// Starts the submission's stack, sends some posts, each when the last one was answered, and takes their time apart. `rate`, in posts a
/// second, is for the reckoning of how many are under way.
///
/// # Errors
/// A stack that does not start, a post that is not accepted, and faults of the set-up.
pub async fn run(submission: Submission, rate: f64, progress: Progress) -> Result<Trace, Stop> {
    placed::with("trace", submission, progress, async |bed: &Bed, placed: &Placed| {
        let account = walk(bed, placed).await?;
        let little = Little { rate, time: account.mean(), places: PLACES };
        Ok(Trace { account, little })
    })
    .await
}

async fn walk(bed: &Bed, placed: &Placed) -> Result<Account, Stop> {
    let pairs = placed.on_a_posts_way();
    let mut round_trips = Vec::new();
    for pair in &pairs {
        bed.says(format!("{} → {}", pair.from, pair.to));
        round_trips.push(ping::round_trip(bed, pair).await?);
    }
    let client = Client::of(placed)?;
    bed.says(format!("{WARM_UP} posts to warm up"));
    for _ in 0..WARM_UP {
        client.post().await?;
    }
    let before: Vec<Counts> = pairs.iter().map(|pair| pair.path.counts()).collect();
    let mut posts = Vec::new();
    for number in 1..=POSTS {
        bed.says(format!("post {number} of {POSTS}"));
        posts.push(client.post().await?);
    }
    let walked = pairs.iter().zip(&before).zip(round_trips);
    let legs =
        walked.map(|((pair, before), round_trip)| leg(pair, &pair.path.counts().since(before), round_trip));
    let legs = legs.collect();
    let told: Vec<Duration> = posts.iter().filter_map(|post| post.broker).collect();
    Ok(Account {
        legs,
        took: posts.iter().map(|post| post.took).collect(),
        // A time that some of them tell is no mean of all.
        broker: (told.len() == POSTS).then(|| account::mean(&told)),
        logged: logged(placed).await?,
    })
}

fn leg(pair: &Pair<'_>, walked: &Counts, round_trip: Duration) -> Leg {
    Leg {
        from: pair.from.clone(),
        to: pair.to.clone(),
        connects: walked.connections,
        exchanges: walked.turn_arounds,
        round_trip,
    }
}

/// What the proxy's access log tells of the posts, when it tells of all of them.
async fn logged(placed: &Placed) -> Result<Option<Logged>, SetUp> {
    let proxy = placed.stack().proxy()?;
    wait::try_until(SOON, async || {
        let posts = log::posts(&proxy.logs().await?.stdout);
        Ok::<_, SetUp>((posts.len() >= WARM_UP + POSTS).then(|| Logged::mean(&posts[posts.len() - POSTS..])))
    })
    .await
}

/// One client that keeps its connection, and sends its next post when it has the answer to the last one.
struct Client {
    http: reqwest::Client,
    url: String,
}

/// A post that was accepted.
struct Post {
    /// From its first byte to the last one of its answer.
    took: Duration,
    /// What its answer says of the broker.
    broker: Option<Duration>,
}

impl Client {
    fn of(placed: &Placed) -> Result<Client, SetUp> {
        let http = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(10)).build();
        let http = http.map_err(|error| SetUp::from_cause("make an HTTP client", error))?;
        Ok(Client { http, url: format!("http://{}/post", placed.stack().entry()?.addr()) })
    }

    async fn post(&self) -> Result<Post, Stop> {
        let started = Instant::now();
        let answered = async {
            let answer = self.http.post(&self.url).json(&json!({"content": "traced"})).send().await?;
            let (status, headers) = (answer.status().as_u16(), answer.headers().clone());
            Ok::<_, reqwest::Error>((status, headers, answer.bytes().await?))
        };
        let accepted = "a post that is sent alone is answered 202";
        let (status, headers, _) = answered.await.map_err(|error| {
            promise(accepted)
                .observed(Fact::named("POST /post", error.to_string()))
                .likely(
                    true,
                    "the proxy or an instance ended without an answer",
                    "begin with `cargo lab check 04 --only deploys`",
                )
                .is_broken()
        })?;
        promise(accepted)
            .observed(Fact::named("POST /post", format!("answered {status}")))
            .likely(
                true,
                "the proxy reaches no instance, or this one cannot reach the broker",
                "begin with `cargo lab check 04 --only deploys`",
            )
            .kept_if(status == 202)?;
        let told = headers.get("server-timing").and_then(|value| value.to_str().ok());
        Ok(Post { took: started.elapsed(), broker: told.and_then(broker_time) })
    }
}

/// The table, and how many are under way.
impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{POSTS} posts, one at a time, after {WARM_UP} that warmed up; what one of them pays on average\n"
        )?;
        writeln!(f, "{}", self.account.table())?;
        if let Some(unknown) = self.account.unknown() {
            writeln!(f, "{}\n", wrapped(unknown))?;
        }
        writeln!(f, "{}", wrapped(&self.little.to_string()))
    }
}
