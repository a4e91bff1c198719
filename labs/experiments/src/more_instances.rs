//! One, two, four and eight instances of lab 01's service on one database: inserts that take their own time, and inserts that share a
//! lock. What does each more instance bring?

use std::time::Duration;

use promises::contract::prelude::*;
use serde_json::json;
use testbed::bed::Bed;
use testbed::load::Schedule;
use testbed::verdict::Stop;

use crate::figure::{Bar, Bars, Ink};
use crate::findings::{Findings, Table, claim};
use crate::scaling::Fitted;
use crate::subject::{PATIENCE, server};

const INSTANCES: [usize; 4] = [1, 2, 4, 8];
/// What an insert takes of its own, on average.
const OWN: Duration = Duration::from_millis(30);
/// What it takes more, and for how much of that it holds the lock, where there is one.
const LOCKED: Duration = Duration::from_millis(10);
/// What each instance is offered: three times what its one connection carries.
const OFFERED: f64 = 75.0;
const LENGTH: Duration = Duration::from_secs(7);
/// The first posts find every connection free.
const WARM: Duration = Duration::from_secs(1);

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    // The table is there when a service was ready.
    server(&bed).pool(1).start().await?.kill().await?;
    bed.database().locked_time(OWN + LOCKED, Duration::ZERO).await?;
    let apart = measure(&bed, "nothing shared").await?;
    bed.database().locked_time(OWN, LOCKED).await?;
    let locked = measure(&bed, "one lock").await?;

    let mut table = Table::of(&[
        "instances",
        "nothing shared /s",
        "times one",
        "one lock /s",
        "times one",
        "by the law /s",
    ]);
    let unfit = || Stop::Inconclusive("some number of instances accepted nothing".to_owned());
    let (free, fitted) = (Fitted::to(apart).ok_or_else(unfit)?, Fitted::to(locked).ok_or_else(unfit)?);
    for ((instances, apart_of), (_, locked_of)) in apart.iter().zip(&locked) {
        table.row([
            instances.to_string(),
            format!("{apart_of:.0}"),
            format!("{:.1}", apart_of / apart[0].1),
            format!("{locked_of:.0}"),
            format!("{:.1}", locked_of / locked[0].1),
            format!("{:.0}", fitted.law.throughput(*instances)),
        ]);
    }
    let gain = |of: &[(usize, f64); 4]| of[3].1 / of[0].1;
    let most = 1.0 / LOCKED.as_secs_f64();
    let sentence = format!(
        "Where nothing is shared, eight instances do {:.1} times the work of one. Where each insert holds one lock for {} ms, \
         they do {:.1} times, and more than {most:.0} posts a second there cannot be. The law for these four figures: {}.",
        gain(&apart),
        LOCKED.as_millis(),
        gain(&locked),
        fitted.words()
    );
    let bars = |of: &[(usize, f64); 4]| -> Vec<Bar> {
        let bar = |(instances, posts): &(usize, f64)| Bar {
            label: format!("{instances}"),
            parts: vec![(Ink::Good, *posts)],
            shown: format!("{posts:.0}"),
        };
        of.iter().map(bar).collect()
    };
    let figure = Bars {
        id: "more-instances",
        title: "accepted posts a second, by the number of instances".to_owned(),
        groups: vec![("nothing shared".to_owned(), bars(&apart)), ("one lock".to_owned(), bars(&locked))],
        legend: Vec::new(),
    };
    Ok(Findings {
        table,
        sentence,
        claims: vec![
            claim(
                "where nothing is shared, eight do at least seven times the work of one",
                gain(&apart) >= 7.0,
            ),
            claim("with one lock, eight do less than five times the work of one", gain(&locked) < 5.0),
            claim("no more is done than the lock allows", locked[3].1 <= 1.05 * most),
            claim("what was measured with the lock is within a fifth of the law", fitted.worst() <= 0.2),
        ],
        figures: vec![("more-instances", figure.svg())],
        data: json!({ "nothing shared": apart, "one lock": locked, "law": [free.words(), fitted.words()] }),
    })
}

/// Accepted posts a second, by the number of instances, each with one connection to the database.
async fn measure(bed: &Bed, label: &str) -> Result<[(usize, f64); 4], Stop> {
    let mut measured = INSTANCES.map(|instances| (instances, 0.0));
    for (instances, accepted) in &mut measured {
        let mut servers = Vec::new();
        for n in 0..*instances {
            servers.push(server(bed).pool(1).named(&format!("instance {n}")).start().await?);
        }
        let loads: Vec<_> = servers
            .iter()
            .enumerate()
            .map(|(n, server)| {
                let posts = bed.posts(server, Schedule::constant(OFFERED, LENGTH)).patience(PATIENCE);
                posts.label(&format!("{label}, {instances} instances, {n}")).start()
            })
            .collect();
        for load in loads {
            *accepted += load.finish().await?.goodput(WARM..LENGTH);
        }
        bed.database().end_connections().await?;
    }
    Ok(measured)
}
