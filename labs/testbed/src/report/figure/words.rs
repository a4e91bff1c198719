//! The words and numbers in a figure.

use std::fmt::Write as _;

use super::occurring;
use crate::load::{Outcome, Second};
use crate::report::Timeline;

/// What the picture shows, for those who do not see it.
pub(super) fn description(timeline: &Timeline) -> String {
    let counts = &timeline.counts;
    let mut text = format!("{}. Of {} requests: ", timeline.schedule, grouped(counts.scheduled));
    let ended: Vec<String> = occurring(timeline)
        .map(|outcome| {
            let count = counts.of(outcome);
            format!("{} {} ({})", grouped(count), outcome.words(), share(count, counts.scheduled))
        })
        .collect();
    text.push_str(if ended.is_empty() { "none ended" } else { "" });
    text.push_str(&ended.join(", "));
    text.push('.');
    if let Some(capacity) = timeline.capacity {
        let _ = write!(text, " Capacity: {} a second.", tenths(capacity));
    }
    if !timeline.stored.is_empty() {
        let _ = write!(text, " Stored meanwhile and afterwards: {}.", grouped(timeline.stored.iter().sum()));
    }
    text
}

pub(super) fn told(second: &Second) -> String {
    let mut text = format!("second {}: offered {}", second.second, second.counts.scheduled);
    for outcome in Outcome::ALL {
        let count = second.counts.of(outcome);
        if count > 0 {
            let _ = write!(text, ", {} {count}", outcome.words());
        }
    }
    text
}

/// A count with its thousands apart: `1,440`.
pub(in crate::report) fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

pub(super) fn tenths(value: f64) -> String {
    if value.fract() == 0.0 { grouped(value as u64) } else { format!("{value:.1}") }
}

/// A share in percent, never rounded to none or to all.
pub(super) fn share(count: u64, of: u64) -> String {
    let percent = 100.0 * count as f64 / of.max(1) as f64;
    match percent {
        _ if count == 0 || count == of => format!("{percent:.0}%"),
        _ if percent < 0.1 => "<0.1%".into(),
        _ if percent > 99.9 => ">99.9%".into(),
        _ => format!("{percent:.1}%"),
    }
}
