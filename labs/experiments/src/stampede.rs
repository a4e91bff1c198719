//! A page in memory that is read anew by whoever finds it old, beside one that a single task reads anew: the same table, the same
//! crowd, one after the other.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use promises::contract::prelude::*;
use serde_json::json;
use testbed::wait;

use crate::figure::{Dots, Panel};
use crate::findings::{Findings, Table, claim, raw};
use crate::reckon::busiest;
use crate::subject::{PATIENCE, Ran, server};

/// Connections to the database. Either service keeps one of them for its own reads of page 1, if only at its start.
const POOL: usize = 6;
/// How long page 1 is kept: the contract's default of REFRESH_MS.
const KEPT: Duration = Duration::from_secs(1);
/// How long a statement that reads the table keeps its connection busy: one whose stampede the pool works off, and one whose
/// stampede it cannot.
const STATEMENTS: [Duration; 2] = [Duration::from_millis(100), Duration::from_millis(500)];
/// Looks at page 1 a second.
const RATE: f64 = 180.0;
const LENGTH: Duration = Duration::from_secs(6);
/// Three pages of posts.
const POSTS: usize = 45;

/// Who reads page 1 anew.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reader {
    /// Each request that finds it old.
    EachRequest,
    /// One task, in the background.
    OneTask,
}

impl Reader {
    const BOTH: [Reader; 2] = [Reader::EachRequest, Reader::OneTask];

    fn words(self) -> &'static str {
        match self {
            Reader::EachRequest => "each request that finds it old",
            Reader::OneTask => "one task, in the background",
        }
    }
}

/// A crowd's looks at page 1, and what they cost the database.
struct Crowd {
    reader: Reader,
    statement: Duration,
    run: Ran,
    /// How many statements there had been, by when it was asked.
    statements: Vec<(Duration, u64)>,
}

pub async fn run(bed: Bed, wrong: PathBuf) -> Result<Findings, Stop> {
    let database = bed.database();
    database.make_table().await?;
    database.plant_numbered(POSTS).await?;
    let mut crowds = Vec::new();
    for statement in STATEMENTS {
        database.read_time(statement).await?;
        for reader in Reader::BOTH {
            let program = match reader {
                Reader::OneTask => server(&bed).role("api"),
                Reader::EachRequest => server(&bed).role("api").named("wrong answer").program(&wrong),
            };
            let service = program.pool(POOL).refresh(KEPT).start().await?;
            crowds.push(looks(&bed, &service, reader, statement).await?);
            // Nobody's statement is counted for the next one.
            service.kill().await?;
            database.end_connections().await?;
        }
    }
    Ok(findings(&crowds))
}

/// The crowd, and the statements that were made meanwhile.
async fn looks(bed: &Bed, service: &Subject, reader: Reader, statement: Duration) -> Result<Crowd, Stop> {
    let label = format!("{}, {} ms", reader.words(), statement.as_millis());
    let (before, began) = (bed.database().reads().await?, Instant::now());
    let mut statements = vec![(Duration::ZERO, 0)];
    let load = bed.gets(service, "/posts", Schedule::constant(RATE, LENGTH));
    let load = load.label(&label).patience(PATIENCE).start();
    let over = wait::try_until(LENGTH + PATIENCE, async || {
        let over = load.counts().ended() == load.counts().scheduled;
        statements.push((began.elapsed(), bed.database().reads().await? - before));
        Ok::<_, Stop>(over.then_some(()))
    });
    over.await?;
    Ok(Crowd { reader, statement, run: load.finish().await?, statements })
}

impl Crowd {
    /// How many statements there were, and how many of them in the busiest second.
    fn statements(&self) -> (u64, u64) {
        let all = self.statements.last().map_or(0, |(_, count)| *count);
        (all, busiest(&self.statements, Duration::from_secs(1)))
    }

    /// One statement in each interval, and one more.
    fn agreed(&self) -> u64 {
        let lasted = self.statements.last().map_or(Duration::ZERO, |(at, _)| *at);
        lasted.div_duration_f64(KEPT).ceil() as u64 + 1
    }

    fn panel(&self) -> Panel {
        let counts = self.run.counts();
        Panel {
            label: format!(
                "{}, {} ms a statement: {} of {} answered",
                self.reader.words(),
                self.statement.as_millis(),
                counts.accepted,
                counts.scheduled
            ),
            dots: self
                .run
                .accepted()
                .map(|sample| (sample.intended, sample.latency_from_intended()))
                .collect(),
        }
    }
}

fn findings(crowds: &[Crowd]) -> Findings {
    let mut table = Table::of(&[
        "who reads page 1 anew",
        "a statement takes",
        "looks",
        "refused",
        "statements",
        "in the busiest second",
    ]);
    for crowd in crowds {
        let (counts, (all, most)) = (crowd.run.counts(), crowd.statements());
        table.row([
            crowd.reader.words().to_owned(),
            format!("{} ms", crowd.statement.as_millis()),
            counts.scheduled.to_string(),
            counts.refused.to_string(),
            all.to_string(),
            most.to_string(),
        ]);
    }
    let [quick, quick_one, slow, slow_one] = crowds else { unreachable!("two services, two statements") };
    let (quick_all, quick_most) = quick.statements();
    // Until the first statement has ended, all who come find the page old.
    let meanwhile = RATE * quick.statement.as_secs_f64();
    let refused = slow.run.counts().refused;
    let sentence = format!(
        "{RATE:.0} looks a second, at a page that is kept for {} s. While a statement of {} ms runs, {meanwhile:.0} looks find the \
         page old. Where each of them reads it, the database met {quick_most} statements in its busiest second, and {quick_all} in \
         all; where one task reads it, {} in all. With statements of {} ms, {refused} of {} looks were refused, at a page that was \
         in memory; with one task {}.",
        KEPT.as_secs(),
        quick.statement.as_millis(),
        quick_one.statements().0,
        slow.statement.as_millis(),
        slow.run.counts().scheduled,
        slow_one.run.counts().refused,
    );
    let figure = Dots {
        id: "stampede",
        title: "how long each look took that was answered".to_owned(),
        panels: vec![quick.panel(), slow.panel(), slow_one.panel()],
        marked: None,
    };
    let one_task = || crowds.iter().filter(|crowd| crowd.reader == Reader::OneTask);
    let answered = |crowd: &Crowd| crowd.run.counts().accepted == crowd.run.counts().scheduled;
    let data: Vec<_> = crowds
        .iter()
        .map(|crowd| {
            json!({
                "reader": crowd.reader.words(), "statement": crowd.statement,
                "statements": crowd.statements, "run": raw(&crowd.run),
            })
        })
        .collect();
    Findings {
        table,
        sentence,
        claims: vec![
            claim(
                "one task makes one statement a second and one more, at most, however long a statement takes",
                one_task().all(|crowd| crowd.statements().0 <= crowd.agreed()),
            ),
            claim("one task: every look is answered", one_task().all(answered)),
            claim(
                "each request: an expiry costs half as many statements as looks come while one runs, at least",
                quick_most as f64 >= meanwhile / 2.0,
            ),
            claim(
                "each request: with slow statements one look in ten is refused, at least",
                refused * 10 >= slow.run.counts().scheduled,
            ),
        ],
        figures: vec![("stampede", figure.svg())],
        data: json!(data),
    }
}
