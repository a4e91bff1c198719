//! What the stages showed: the table, each stage's plan and cause, the figure, the claims.

use serde_json::json;
use testbed::load::Outcome;

use super::Ended;
use super::cause::Cause;
use super::seen::{CAPACITY, RATE, Seen};
use super::stage::Stage;
use crate::figure::{Bar, Bars, Ink};
use crate::findings::{Claim, Findings, Table, claim, ms, raw};
use crate::subject::Ran;

/// What is said where something failed for no reason that shows.
const UNKNOWN: &str = "something, and nothing that was observed tells why";

type Staged = (&'static Stage, Seen);

/// Reckons what all stages showed.
pub fn findings(all: &[Staged], ended: Option<&Ended>) -> Findings {
    Findings {
        table: table(all, ended),
        sentence: sentence(all, ended),
        claims: all.iter().flat_map(|(stage, seen)| claims(stage, seen)).collect(),
        figures: vec![("finale", figure(all).svg())],
        data: all.iter().map(|(stage, seen)| data(stage, seen)).collect(),
    }
}

fn table(all: &[Staged], ended: Option<&Ended>) -> Table {
    let mut table = Table::of(&[
        "stage",
        "offered",
        "failed posts",
        "failed reads",
        "lost",
        "doubled",
        "p50 of posts",
        "p99 of posts",
    ]);
    for (stage, seen) in all {
        // Of those that were accepted: what a refusal takes is no wait for a post.
        let latency = seen.posts.latency_from_intended(|sample| sample.outcome == Outcome::Accepted);
        let at = |percent| latency.percentile(percent).map_or("-".to_owned(), ms);
        table.row([
            name(stage),
            (seen.posts.counts().scheduled + seen.reads.counts().scheduled).to_string(),
            seen.signs.failed_posts.to_string(),
            seen.signs.failed_reads.to_string(),
            seen.ledger.lost.len().to_string(),
            seen.ledger.doubled.len().to_string(),
            at(50.0),
            at(99.0),
        ]);
    }
    for (place, (stage, seen)) in all.iter().enumerate() {
        table.note(name(stage));
        seen.plan.iter().for_each(|line| table.note(format!("  {line}")));
        if stage.clients > 0 {
            table.note(format!("  {} clients keep a connection each", stage.clients));
        }
        if place > 0 {
            table.note(format!("  mended by: {}", stage.mends));
        }
        table.note(format!("  fails first: {}", first(seen)));
        table.note(format!("  seen: {}", observed(seen)));
    }
    if !all.is_empty() {
        table.note("-: too few posts were accepted for this percentile; a thousand are needed for p99");
    }
    if let Some(Ended { stage, why }) = ended {
        table.note(name(stage));
        table.note(format!("  the run ends here: {why}"));
    }
    table
}

/// What the cause rests on beside the counts.
fn observed(seen: &Seen) -> String {
    let statements = format!(
        "{} looks at page 1 cost the table {} statements",
        seen.reads.counts().scheduled,
        seen.statements
    );
    match seen.in_flight() {
        Some(many) => format!("{statements}; by L = λW {many:.0} requests are under way at once"),
        None => statements,
    }
}

fn name(stage: &Stage) -> String {
    format!("{} {}", stage.lab, stage.title)
}

fn first(seen: &Seen) -> &'static str {
    match seen.cause() {
        Some(cause) => cause.words(),
        None if seen.signs.failed_posts + seen.signs.failed_reads == 0 => "nothing",
        None => UNKNOWN,
    }
}

/// What each stage is there to show.
fn claims(stage: &Stage, seen: &Seen) -> Vec<Claim> {
    let at = |what: &str| format!("{}: {what}", name(stage));
    let (lost, doubled) = (&seen.ledger.lost, &seen.ledger.doubled);
    let fails = stage.fails.map_or("nothing", Cause::words);
    let mut claims = vec![
        claim(at(&format!("fails first: {fails}")), seen.cause() == stage.fails && first(seen) != UNKNOWN),
        claim(at("no post that was accepted is lost or doubled"), lost.is_empty() && doubled.is_empty()),
    ];
    if stage.is_cached {
        // Each process that answers reads page 1 once a second, and some more at its start.
        let few = seen.statements * 10 <= seen.reads.counts().scheduled;
        claims.push(claim(at("the table is read far less often than page 1"), few));
    }
    claims
}

fn sentence(all: &[Staged], ended: Option<&Ended>) -> String {
    let offered = format!(
        "Each stage was offered {RATE:.0} posts and {RATE:.0} looks at page 1 a second; the database carries {CAPACITY:.0} statements \
         a second for each process."
    );
    let failed = |seen: &Seen| seen.signs.failed_posts + seen.signs.failed_reads;
    match (all.last(), ended) {
        (None, _) => "No stage came to its stress test.".to_owned(),
        (Some((stage, seen)), _) if failed(seen) == 0 => format!(
            "{offered} At each stage before the last something else failed first. At the last one, {}, nothing failed: every post \
             was accepted, is stored, and is stored once.",
            stage.title
        ),
        (Some((stage, seen)), None) => format!(
            "{offered} At each stage something else failed first; the last one is {}, and {} of its requests failed.",
            stage.title,
            failed(seen)
        ),
        (Some((stage, _)), Some(ended)) => format!(
            "{offered} At each stage up to {} something else failed first; {} is still to come.",
            stage.title, ended.stage.title
        ),
    }
}

fn figure(all: &[Staged]) -> Bars {
    let groups = all.iter().map(|(stage, seen)| {
        let bars = vec![bar("posts", &seen.posts), bar("looks at page 1", &seen.reads)];
        (name(stage), bars)
    });
    let legend =
        [(Ink::Good, "succeeded"), (Ink::Refused, "refused"), (Ink::Lost, "no answer, or no proper one")];
    Bars {
        id: "finale",
        title: "what became of the same requests at each stage".to_owned(),
        groups: groups.collect(),
        legend: legend.map(|(ink, words)| (ink, words.to_owned())).into(),
    }
}

fn bar(label: &str, run: &Ran) -> Bar {
    let counts = run.counts();
    let rest = counts.scheduled - counts.accepted - counts.refused;
    let parts = [(Ink::Good, counts.accepted), (Ink::Refused, counts.refused), (Ink::Lost, rest)];
    let parts = parts.into_iter().filter(|(_, count)| *count > 0);
    Bar {
        label: label.to_owned(),
        parts: parts.map(|(ink, count)| (ink, count as f64)).collect(),
        shown: format!("{} of {}", counts.accepted, counts.scheduled),
    }
}

fn data(stage: &Stage, seen: &Seen) -> serde_json::Value {
    json!({
        "stage": name(stage),
        "plan": seen.plan,
        "fails first": first(seen),
        "statements": seen.statements,
        "lost": seen.ledger.lost,
        "doubled": seen.ledger.doubled,
        "posts": raw(&seen.posts),
        "reads": raw(&seen.reads),
    })
}
