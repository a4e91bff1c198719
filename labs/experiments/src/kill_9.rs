//! SIGKILL to a server whose line is full: what became of each request.

use std::time::Duration;

use serde_json::json;
use testbed::bed::Bed;
use testbed::endpoint::Endpoint as _;
use testbed::load::{Sample, Schedule};
use testbed::setup::SetUp;
use testbed::verdict::Stop;
use testbed::wait;

use crate::client::Probe;
use crate::figure::{Ink, Squares};
use crate::findings::{Findings, Table, claim, raw};
use crate::reckon::Fate;
use crate::subject::{PATIENCE, server};

const WORKERS: usize = 4;
const QUEUE: usize = 40;
/// Four workers make 8 a second of it.
const PATH: &str = "/io/500";
const RATE: f64 = 40.0;
/// So many refusals show that the line is full.
const REFUSED: u64 = 30;
/// A request that left so long before the signal has surely arrived.
const ARRIVED: Duration = Duration::from_millis(150);
const LONGEST: Duration = Duration::from_secs(20);

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let server = server(&bed).set("WORKERS", WORKERS).set("QUEUE", QUEUE).set("TIMEOUT_MS", 20_000);
    let server = server.start().await?;
    let load = bed.gets(&server, PATH, Schedule::constant(RATE, LONGEST));
    let load = load.label("filling the line").patience(PATIENCE).start();
    let full = wait::until(LONGEST, async || (load.counts().refused >= REFUSED).then_some(()));
    let full = full.await.is_some();
    let killed = load.elapsed();
    server.kill().await?;
    bed.says("SIGKILL");
    let run = load.stop().await?;
    server.restart().await?;
    let again = Probe::get(server.addr(), "/io/0").await;
    let again = again.map_err(|error| SetUp::from_cause("ask the server that was started again", error))?;

    let samples = run.samples();
    let fates: Vec<Option<Fate>> = samples.iter().map(|sample| Fate::of(sample, killed)).collect();
    let count = |fate: Fate| fates.iter().filter(|found| **found == Some(fate)).count();
    let unknown = fates.iter().filter(|fate| fate.is_none()).count();
    let in_the_air = |sample: &&Sample| {
        Fate::of(sample, killed) == Some(Fate::Lost)
            && sample.sent.is_some_and(|sent| sent + ARRIVED > killed)
    };
    let in_the_air = samples.iter().filter(in_the_air).count();
    let (lost, answered, refused) = (count(Fate::Lost), count(Fate::Answered), count(Fate::Refused));
    let mut table = Table::of(&["what became of it", "requests"]);
    let words = |fate| match fate {
        Fate::Answered => "answered 200 before the kill",
        Fate::Refused => "refused with 503 before it: the client knows",
        Fate::Lost => "in memory at the kill: no answer, ever",
        Fate::After => "sent when nobody was there any more",
    };
    let all = [Fate::Answered, Fate::Refused, Fate::Lost, Fate::After];
    all.iter().for_each(|fate| table.row([words(*fate).to_owned(), count(*fate).to_string()]));
    table.row(["sent in all".to_owned(), samples.len().to_string()]);
    let room = WORKERS + QUEUE;
    let sentence = format!(
        "Of {} requests {answered} were answered and {refused} refused. {lost} were in memory when the process died, in the \
         room that {WORKERS} workers and a line of {QUEUE} make: {room}. Started again, the server answered a new request \
         after {} ms, from an empty line; of the {lost} it knows nothing.",
        samples.len(),
        again.whole().as_millis()
    );
    let ink = |fate: &Option<Fate>| match fate {
        Some(Fate::Answered) => Ink::Good,
        Some(Fate::Refused) => Ink::Refused,
        Some(Fate::Lost) => Ink::Lost,
        Some(Fate::After) | None => Ink::Nobody,
    };
    let occurring = all.into_iter().filter(|fate| count(*fate) > 0);
    let figure = Squares {
        id: "kill-9",
        title: "a square for each request, in the order of sending".to_owned(),
        inks: fates.iter().map(ink).collect(),
        legend: occurring
            .map(|fate| (ink(&Some(fate)), format!("{} {}", count(fate), words(fate))))
            .collect(),
    };
    Ok(Findings {
        table,
        sentence,
        claims: vec![
            claim("the line was full", full),
            claim("every request ended in one of the four ways", unknown == 0),
            claim(
                "as many were lost as ran and waited",
                // Between the end of one and the entry of the next, a place may be free.
                (room - WORKERS..=room + in_the_air).contains(&lost),
            ),
            claim("started again, the line is empty", again.status == 200),
        ],
        figures: vec![("kill-9", figure.svg())],
        data: json!({ "killed": killed, "in the air": in_the_air, "run": raw(&run) }),
    })
}
