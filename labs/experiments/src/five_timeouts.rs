//! Five faults that look alike to a user, and what tells them apart.

mod faults;

use std::time::Duration;

use serde_json::json;
use testbed::bed::Bed;
use testbed::verdict::Stop;

use crate::figure::{Bar, Bars, Ink};
use crate::findings::{Findings, Table, claim};

use faults::Seen;

/// So long a user waits. Every fault here outlasts it.
const USER: Duration = Duration::from_millis(500);

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let pool = faults::pool(&bed).await?;
    let backlog = faults::backlog(&bed).await?;
    let descriptors = faults::descriptors(&bed).await?;
    let slow = faults::slow(&bed).await?;
    let network = faults::network(&bed).await?;
    let seen = [&pool, &backlog, &descriptors, &slow, &network];
    let mut table = Table::of(&[
        "what it is",
        "connected",
        "first byte",
        "status",
        "beside it",
        "at the server",
        "steps",
    ]);
    let ms = |time: Duration| format!("{} ms", time.as_millis());
    for seen in seen {
        let [beside, there] = [seen.beside, seen.there].map(|took| took.map_or("nothing".to_owned(), ms));
        let steps: Vec<String> =
            seen.steps.iter().map(|step| format!("{:.1} s", step.as_secs_f64())).collect();
        let steps = if steps.is_empty() { "-".to_owned() } else { steps.join(", ") };
        let (connected, first) = (ms(seen.probe.connect), ms(seen.probe.first_byte));
        let status = seen.probe.status.map_or("none".to_owned(), |status| status.to_string());
        table.row([seen.what.to_owned(), connected, first, status, beside, there, steps]);
    }
    let whole_seconds = |steps: &[Duration]| {
        !steps.is_empty() && steps.iter().all(|step| (0.5..1.6).contains(&step.as_secs_f64()))
    };
    let near = Duration::from_millis(300);
    let sentence = format!(
        "After 0.5 s a user sees nothing in any of the five. A full backlog shows in the connect ({} ms); a wait for a worker \
         in the status ({}) beside a quick /health; used-up descriptors in answers that come in steps of {:.1} s on \
         connections that opened at once; a slow handler in a 200 after the handler's own time ({} ms). A path that loses packets \
         looks like none of them from the server's own host: there /health takes {} ms, while the user sees nothing.",
        backlog.probe.connect.as_millis(),
        pool.probe.status.unwrap_or_default(),
        descriptors.steps.last().map_or(0.0, Duration::as_secs_f64),
        slow.probe.first_byte.as_millis(),
        network.there.unwrap_or_default().as_millis()
    );
    Ok(Findings {
        table,
        sentence,
        claims: vec![
            claim("all five outlast a user's 0.5 s", seen.iter().all(|seen| seen.probe.whole() > USER)),
            claim("only the full backlog delays the connect", {
                let others =
                    [&pool, &descriptors, &slow, &network].iter().all(|seen| seen.probe.connect < near);
                others && backlog.probe.connect > USER
            }),
            claim("who waits for a worker gets 504, and /health answers at once beside it", {
                pool.probe.status == Some(504) && pool.beside.is_some_and(|beside| beside < near)
            }),
            claim("without descriptors nothing is accepted, and then in steps of about a second", {
                descriptors.beside.is_none() && whole_seconds(&descriptors.steps[1..])
            }),
            claim("a slow handler answers 200 after its own time, and /health at once beside it", {
                slow.probe.status == Some(200) && slow.beside.is_some_and(|beside| beside < near)
            }),
            claim(
                "over a path that loses packets nothing comes, and at the server /health answers at once",
                network.beside.is_none() && network.there.is_some_and(|there| there < near),
            ),
        ],
        figures: vec![("five-timeouts", figure(&seen))],
        data: json!(seen.map(Seen::data)),
    })
}

fn figure(seen: &[&Seen]) -> String {
    let bar = |seen: &&Seen| Bar {
        label: seen.what.to_owned(),
        parts: vec![
            (Ink::Connection, seen.probe.connect.as_secs_f64()),
            (Ink::Lost, seen.probe.first_byte.as_secs_f64()),
        ],
        shown: match seen.probe.status {
            Some(status) => format!("{} ms, {status}", seen.probe.whole().as_millis()),
            None => format!("{} ms", seen.probe.whole().as_millis()),
        },
    };
    let figure = Bars {
        id: "five-timeouts",
        title: "where the time of one request went".to_owned(),
        groups: vec![(String::new(), seen.iter().map(bar).collect())],
        legend: vec![
            (Ink::Connection, "until the connection was open".to_owned()),
            (Ink::Lost, "from then to the first byte".to_owned()),
        ],
    };
    figure.svg()
}
