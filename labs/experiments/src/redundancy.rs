//! Three brokers and a quorum queue on all of them: one dies, then another, and both come back.

use std::ops::Range;
use std::time::Duration;

use promises::contract::QUEUE;
use promises::contract::prelude::*;
use serde_json::json;
use testbed::path::Path;
use testbed::services::{self, BROKERS, Cluster};
use testbed::wait;

use crate::findings::{Findings, Table, claim, raw};
use crate::reckon::{Loss, settled};
use crate::subject::{PATIENCE, Ran, reckoned, server, until};

/// Posts a second: few beside what three brokers on one machine can confirm.
const RATE: f64 = 40.0;
/// Longer than all of it takes.
const LONGEST: Duration = Duration::from_secs(300);
/// How many posts a part of the story lasts, at the least.
const PART: usize = 120;
/// How long brokers may take to agree on a leader, or to come back.
const SOON: Duration = Duration::from_secs(120);

/// Which brokers are there.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    All,
    WithoutTheLeader,
    OneAlone,
    AllAgain,
}

impl Part {
    const ORDER: [Part; 4] = [Part::All, Part::WithoutTheLeader, Part::OneAlone, Part::AllAgain];

    fn words(self) -> &'static str {
        match self {
            Part::All => "three brokers",
            Part::WithoutTheLeader => "the leader is dead, two are left",
            Part::OneAlone => "one is left",
            Part::AllAgain => "all three again",
        }
    }
}

/// The posts of the whole run, when each part of it began, and what is stored of them.
struct Seen {
    run: Ran,
    begins: [Duration; 4],
    ledger: Ledger,
}

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    bed.says(format!("starting {BROKERS} brokers as one cluster: a minute or so"));
    let cluster = Cluster::start(&services::engine().await?).await?;
    let seen = on(&bed, &cluster).await;
    bed.says("taking the cluster apart");
    cluster.stop().await?;
    Ok(findings(&seen?))
}

async fn on(bed: &Bed, cluster: &Cluster) -> Result<Seen, Stop> {
    // The service knows one name. Which broker that is, somebody in between decides: a balancer, DNS, or as here a path.
    let way = Path::to(cluster.addr(0), Duration::ZERO)?;
    let service = server(bed).set("AMQP_URL", cluster.url_via(way.addr())).start().await?;
    let leader = led(cluster, 0, BROKERS).await?;
    let (kept, third) = ((leader + 1) % BROKERS, (leader + 2) % BROKERS);
    way.set_upstream(cluster.addr(kept));
    way.cut()?;
    way.heal()?;
    by_hand(&service).await?;

    let load = bed.posts(&service, Schedule::constant(RATE, LONGEST)).patience(PATIENCE).start();
    let mut begins = [Duration::ZERO; 4];
    load.accepted(PART).await?;

    begins[1] = load.elapsed();
    bed.says("SIGKILL to the broker that leads the queue");
    cluster.kill(leader).await?;
    led(cluster, kept, BROKERS - 1).await?;
    let before = load.counts().accepted;
    until(SOON, || load.counts().accepted >= before + PART as u64, "posts are accepted again").await?;

    begins[2] = load.elapsed();
    bed.says("SIGKILL to a second one");
    cluster.kill(third).await?;
    let before = load.counts().refused;
    until(SOON, || load.counts().refused >= before + PART as u64, "posts are refused").await?;

    begins[3] = load.elapsed();
    bed.says("starting both again");
    // One after the other, the last to die first: a broker that meets another one in the middle of its start gives up.
    cluster.start_again(third).await?;
    cluster.start_again(leader).await?;
    cluster.is_whole().await?;
    let before = load.counts().accepted;
    until(SOON, || load.counts().accepted >= before + PART as u64, "posts are accepted again").await?;
    let run = load.stop().await?;

    bed.says("waiting until the queue is worked off");
    let ledger = reckoned(bed, &run, SOON, |ledger| ledger.lost.is_empty()).await?;
    Ok(Seen { run, begins, ledger })
}

/// The leader of the queue, once so many of its members are there.
async fn led(cluster: &Cluster, asked: usize, members: usize) -> Result<usize, Stop> {
    let led = wait::until(SOON, async || {
        let (leader, online) = cluster.led_by(asked, QUEUE).await.ok()??;
        (online.len() == members && online.contains(&leader)).then_some(leader)
    });
    led.await.ok_or_else(|| Stop::Inconclusive(format!("the queue never had {members} members and a leader")))
}

/// One post goes through, now that the way leads elsewhere.
async fn by_hand(service: &Subject) -> Result<(), Stop> {
    let body = json!({ "content": format!("{BY_HAND}: which broker is it?") });
    let posted = wait::until(SOON, async || {
        service.post(&body).send().await.is_ok_and(|answer| answer.status == 202).then_some(())
    });
    posted.await.ok_or_else(|| Stop::Inconclusive("no post went through before the load".to_owned()))
}

impl Seen {
    fn window(&self, part: Part) -> Range<Duration> {
        let place = part as usize;
        self.begins[place]..self.begins.get(place + 1).copied().unwrap_or(Duration::MAX)
    }

    /// The longest time in which no post was confirmed, of what began in this part.
    fn longest_without(&self, part: Part) -> Duration {
        let window = self.window(part);
        let mut confirmed: Vec<Duration> = self.run.accepted().map(|sample| sample.ended).collect();
        confirmed.sort_unstable();
        let gaps = confirmed.windows(2).filter(|pair| window.contains(&pair[0]) && pair[1] > pair[0]);
        gaps.map(|pair| pair[1] - pair[0]).max().unwrap_or_default()
    }
}

fn findings(seen: &Seen) -> Findings {
    let mut table =
        Table::of(&["which brokers are there", "posts", "confirmed", "refused", "without an answer"]);
    let became = |part| Loss::of(seen.run.samples(), seen.window(part));
    for part in Part::ORDER {
        table.row([part.words().to_owned()].into_iter().chain(became(part).cells()));
    }
    let ledger = &seen.ledger;
    let election = seen.longest_without(Part::All).max(seen.longest_without(Part::WithoutTheLeader));
    table.note(settled("confirmed", ledger));
    let Loss { accepted: alone, refused: refused_alone, .. } = became(Part::OneAlone);
    let sentence = format!(
        "When the leader died, no post was confirmed for {:.1} s: then the two that were left had agreed on another. When one broker was \
         left, {refused_alone} posts were refused with 503 and {alone} confirmed. All {} that were ever confirmed are stored, none of them twice.",
        election.as_secs_f64(),
        ledger.answered,
    );
    Findings {
        claims: vec![
            claim("before, posts are confirmed", became(Part::All).accepted >= PART),
            claim("two of three go on", became(Part::WithoutTheLeader).accepted >= PART),
            // What was confirmed by a second broker a moment before it died may be answered a moment after.
            claim("one of three confirms nothing", alone <= RATE as usize && refused_alone >= PART / 2),
            claim("all three take posts again", became(Part::AllAgain).accepted >= PART / 2),
            claim(
                "nothing that was confirmed is lost",
                ledger.lost.is_empty() && ledger.answered >= 3 * PART,
            ),
            claim("nothing is stored twice", ledger.doubled.is_empty()),
        ],
        table,
        sentence,
        figures: Vec::new(),
        data: json!({ "begins": seen.begins, "election": election, "run": raw(&seen.run) }),
    }
}
