//! What was seen: a count, a measure, or words, each with the name that a reader knows it by.

use serde::{Deserialize, Serialize};

/// One fact of the evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// What is counted or measured; empty for plain words.
    pub name: String,
    /// The value as it is shown, with its unit.
    pub shown: String,
    /// The value as a number, where it is one.
    pub value: Option<f64>,
}

impl Fact {
    /// A count.
    pub fn count(name: impl Into<String>, value: impl TryInto<u64>) -> Self {
        let value = value.try_into().unwrap_or(u64::MAX);
        Self { name: name.into(), shown: value.to_string(), value: Some(value as f64) }
    }

    /// A measure, shown with one decimal and its unit.
    pub fn measure(name: impl Into<String>, value: f64, unit: &str) -> Self {
        let space = if unit == "%" || unit.is_empty() { "" } else { " " };
        Self { name: name.into(), shown: format!("{value:.1}{space}{unit}"), value: Some(value) }
    }

    /// A duration, in the unit in which it is easiest to read.
    pub fn duration(name: impl Into<String>, value: std::time::Duration) -> Self {
        let seconds = value.as_secs_f64();
        let shown =
            if seconds < 1.0 { format!("{:.0} ms", seconds * 1e3) } else { format!("{seconds:.1} s") };
        Self { name: name.into(), shown, value: Some(seconds) }
    }

    /// Words.
    pub fn text(shown: impl Into<String>) -> Self {
        Self { name: String::new(), shown: shown.into(), value: None }
    }

    /// A named thing that is not a number.
    pub fn named(name: impl Into<String>, shown: impl Into<String>) -> Self {
        Self { name: name.into(), shown: shown.into(), value: None }
    }
}

impl std::fmt::Display for Fact {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.name.is_empty() {
            f.write_str(&self.shown)
        } else {
            write!(f, "{} {}", self.name, self.shown)
        }
    }
}
