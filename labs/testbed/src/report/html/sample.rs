//! A report with everything in it that a report can hold.

use time::OffsetDateTime;

use crate::fact::Fact;
use crate::load::{Counts, Second};
use crate::report::{CheckReport, Company, Hole, Listed, Read, Report, ServiceUsed, Timeline, Word};

/// What a hostile subject writes.
pub(in crate::report) const HOSTILE: &str =
    "<script>alert(\"1\")</script> & </pre><img src=x onerror='alert(2)'>";

/// Eight seconds at three times a capacity of 60 a second, and four more until the last request ended.
pub(in crate::report) fn overload() -> Timeline {
    let mut seconds = Vec::new();
    for second in 0..12 {
        let offered = if second < 8 { 180 } else { 0 };
        let accepted = [58, 60, 61, 60, 60, 59, 61, 60, 60, 41, 0, 0][second];
        let refused = [0, 95, 118, 121, 119, 120, 118, 98, 20, 3, 0, 0][second];
        let counts = Counts {
            scheduled: offered,
            accepted,
            refused,
            timed_out: [0, 0, 0, 2, 4, 3, 4, 3, 6, 5, 3, 2][second],
            reset: if second == 7 { 16 } else { 0 },
            in_flight: [122, 147, 148, 145, 142, 140, 137, 140, 54, 5, 2, 0][second],
            ..Counts::default()
        };
        seconds.push(Second {
            second: second as u64,
            counts,
            p50_ms: (accepted >= 20).then_some(150.0 + 90.0 * second as f64),
            max_ms: (accepted > 0).then_some(400.25 + 120.0 * second as f64),
        });
    }
    let sum = seconds.iter().fold(Counts::default(), |sum, second| sum + second.counts);
    let counts = Counts { in_flight: 0, ..sum };
    Timeline {
        label: "three times capacity".into(),
        schedule: "constant 180/s for 8 s (1440 requests)".into(),
        capacity: Some(60.0),
        seconds,
        stored: Vec::new(),
        counts,
        latency: "p50 602 ms · p99 1.9 s · max 2.0 s (640 samples)".into(),
        send_lag: "p50 0.1 ms · p99 0.3 ms · max 1.2 ms".into(),
    }
}

fn check(name: &str, title: &str, verdict: Word) -> CheckReport {
    let read = Read {
        chapter: "01 Direct write".into(),
        section: "Answer after the commit".into(),
        href: "01-direct-write.html#answer-after-the-commit".into(),
    };
    let listed = Listed { name: name.into(), title: title.into(), read, company: Company::Any };
    CheckReport {
        verdict,
        seconds: 3.1,
        at: started(),
        promised: vec!["every post answered 201 is in the table after the restart".into()],
        observed: vec![Fact::count("answered", 412), Fact::count("stored", 371), Fact::count("lost", 41)],
        ..CheckReport::of(listed, format!("cargo lab check 01 --only {name}"))
    }
}

fn started() -> OffsetDateTime {
    OffsetDateTime::UNIX_EPOCH + time::Duration::days(20_780)
}

/// A run in which every word was said.
pub(in crate::report) fn report() -> Report {
    let kept = check("create-then-read", "a created post reads back", Word::Kept);
    let broken = CheckReport {
        likely: Some(
            "the answer left before the commit: the 41 were answered within 1 ms, an insert takes 20 ms"
                .into(),
        ),
        next: Some("wait for the insert before you answer (src/store.rs, hole \"insert\")".into()),
        hole: Some(Hole {
            text: "lab 01: insert the post and answer after the commit".into(),
            at: "labs/01-direct-write/src/store.rs:41".into(),
        }),
        stderr: vec![
            "\u{1b}[2m2026-11-23T01:02:03Z\u{1b}[0m \u{1b}[31mERROR\u{1b}[0m it broke".into(),
            HOSTILE.into(),
        ],
        ..check("answered-is-committed", "an answered post survives kill -9", Word::Broken)
    };
    let overload = CheckReport {
        promised: vec![
            "at three times capacity goodput stays at 90 % of capacity or more".into(),
            "every refusal is a 503 with Retry-After, inside the deadline".into(),
        ],
        observed: vec![
            Fact::text("two posts in three were refused: this is how a server dies"),
            Fact::measure("goodput", 59.9, "posts/s"),
            Fact::measure("refused", 56.4, "%"),
            Fact::named("slowest refusal", HOSTILE),
        ],
        timelines: vec![overload()],
        ..check("overload-is-refused", "above capacity, goodput holds and the rest is refused", Word::Kept)
    };
    let mut unsure = check("below-capacity", "below capacity nothing fails", Word::Inconclusive);
    unsure.observed =
        vec![Fact::text("this host could not keep the schedule: 112 of 1440 requests left late")];
    let mut set_up = check("database-restart", "a restart of the database is survived", Word::SetUp);
    set_up.observed = vec![];
    set_up.next = Some("start the engine: systemctl start docker".into());
    Report {
        lab: "01".into(),
        title: "Direct write".into(),
        subject: "solution-01-direct-write".into(),
        started_at: started(),
        seconds: 41.7,
        cores: 2,
        services: vec![ServiceUsed {
            name: "PostgreSQL".into(),
            image: "postgres:17".into(),
            chosen: "official image, present".into(),
        }],
        listed: Vec::new(),
        checks: vec![kept, broken, overload, unsure, set_up],
    }
}
