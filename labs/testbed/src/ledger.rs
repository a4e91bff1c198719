//! What was answered, and what is stored. Exact, by id.

use std::collections::{HashMap, HashSet};

use uuid::Uuid;

use crate::fact::Fact;
use crate::load::{Outcome, Sample};
use crate::verdict::Observed;

/// One row that is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// Its id, which the answer told.
    pub id: Uuid,
    /// The number of the request that made it; `None` when none of this run did.
    pub made_by: Option<usize>,
}

/// The reckoning of a load run against the table.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Requests that were answered as accepted.
    pub answered: usize,
    /// Requests that were answered with a refusal or another status.
    pub refused: usize,
    /// Rows that this run's requests made.
    pub stored: usize,
    /// Requests answered as accepted whose row is not there. An answer without an id names no row, and is lost.
    pub lost: Vec<usize>,
    /// Requests that made more than one row.
    pub doubled: Vec<usize>,
    /// Rows that no request of this run made.
    pub unexpected: Vec<Uuid>,
    /// Requests with no answer, or a broken one, whose row is there all the same.
    pub recovered: Vec<usize>,
    /// Requests answered with a refusal whose row is there all the same: ambiguous, and allowed where ids make a retry safe.
    pub refused_yet_stored: Vec<usize>,
}

impl Ledger {
    /// Compares what was answered with what is stored.
    pub fn reckon(samples: &[Sample], rows: &[Row]) -> Ledger {
        let mut rows_of: HashMap<usize, usize> = HashMap::new();
        let mut ledger = Ledger::default();
        let requested: HashSet<usize> = samples.iter().map(|sample| sample.n).collect();
        for row in rows {
            match row.made_by.filter(|n| requested.contains(n)) {
                Some(n) => *rows_of.entry(n).or_default() += 1,
                None => ledger.unexpected.push(row.id),
            }
        }
        ledger.stored = rows_of.values().sum();
        let stored: HashSet<Uuid> = rows.iter().map(|row| row.id).collect();
        for sample in samples {
            let rows = rows_of.get(&sample.n).copied().unwrap_or(0);
            if rows > 1 {
                ledger.doubled.push(sample.n);
            }
            match sample.outcome {
                Outcome::Accepted => {
                    ledger.answered += 1;
                    if !sample.receipt.is_some_and(|id| stored.contains(&id)) {
                        ledger.lost.push(sample.n);
                    }
                }
                Outcome::Refused | Outcome::OtherStatus => {
                    ledger.refused += 1;
                    if rows > 0 {
                        ledger.refused_yet_stored.push(sample.n);
                    }
                }
                _ if rows > 0 => ledger.recovered.push(sample.n),
                _ => {}
            }
        }
        ledger
    }

    /// Nothing lost, nothing doubled, nothing that nobody sent.
    pub fn is_clean(&self) -> bool {
        self.lost.is_empty() && self.doubled.is_empty() && self.unexpected.is_empty()
    }
}

impl Observed for &Ledger {
    fn facts(&self) -> Vec<Fact> {
        let ambiguous = self.recovered.len() + self.refused_yet_stored.len();
        vec![
            Fact::count("answered", self.answered),
            Fact::count("stored", self.stored),
            Fact::count("lost", self.lost.len()),
            Fact::count("doubled", self.doubled.len()),
            Fact::count("unexpected", self.unexpected.len()),
            Fact::count("not accepted yet stored", ambiguous),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn sample(n: usize, outcome: Outcome) -> Sample {
        let receipt = (outcome == Outcome::Accepted).then(|| id(n));
        Sample {
            n,
            intended: Duration::ZERO,
            sent: Some(Duration::ZERO),
            ended: Duration::ZERO,
            outcome,
            status: None,
            retry_after: false,
            problem: false,
            receipt,
        }
    }

    fn id(n: usize) -> Uuid {
        Uuid::from_u128(n as u128 + 1)
    }

    fn row(n: usize) -> Row {
        Row { id: id(n), made_by: Some(n) }
    }

    fn reckon(samples: &[Sample], rows: &[Row]) -> Ledger {
        Ledger::reckon(samples, rows)
    }

    #[test]
    fn all_answered_and_all_stored_is_clean() {
        let samples: Vec<Sample> = (0..100).map(|n| sample(n, Outcome::Accepted)).collect();
        let rows: Vec<Row> = (0..100).map(row).collect();
        let ledger = reckon(&samples, &rows);
        assert!(ledger.is_clean());
        assert_eq!((ledger.answered, ledger.stored), (100, 100));
    }

    #[test]
    fn planted_losses_doubles_and_strangers_are_found_exactly() {
        let mut samples: Vec<Sample> = (0..200).map(|n| sample(n, Outcome::Accepted)).collect();
        samples[150] = sample(150, Outcome::TimedOut);
        samples[151] = sample(151, Outcome::Reset);
        samples[152] = sample(152, Outcome::Refused);
        let mut rows: Vec<Row> = (0..200).filter(|n| ![3, 77, 151].contains(n)).map(row).collect();
        rows.push(Row { id: Uuid::from_u128(9_001), made_by: Some(12) });
        let stranger = Row { id: Uuid::from_u128(9_002), made_by: None };
        rows.extend([stranger.clone(), Row { id: Uuid::from_u128(9_003), made_by: Some(200) }]);

        let ledger = reckon(&samples, &rows);
        assert_eq!(ledger.lost, [3, 77]);
        assert_eq!(ledger.doubled, [12]);
        assert_eq!(
            ledger.unexpected,
            [stranger.id, Uuid::from_u128(9_003)],
            "a number that was never sent is a stranger"
        );
        assert_eq!(ledger.recovered, [150]);
        assert_eq!(ledger.refused, 1);
        assert_eq!(ledger.refused_yet_stored, [152]);
        assert_eq!((ledger.answered, ledger.stored), (197, 198));
        assert!(!ledger.is_clean());
    }

    #[test]
    fn an_answer_without_an_id_and_one_with_a_wrong_id_name_no_row() {
        let mut samples = [sample(0, Outcome::Accepted), sample(1, Outcome::Accepted)];
        samples[0].receipt = None;
        samples[1].receipt = Some(Uuid::from_u128(999));
        let ledger = reckon(&samples, &[row(0), row(1)]);
        assert_eq!(ledger.lost, [0, 1]);
    }
}
