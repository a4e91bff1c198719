//! The Universal Scalability Law, fitted to throughputs that somebody has measured: an experiment, or a reader (`cargo lab fit`).

use std::fmt;

use testbed::theory::scaling::Scaling;

use crate::findings::{Table, wrapped};

/// What was measured, and the law that comes nearest to it.
pub struct Fitted {
    measured: Vec<(usize, f64)>,
    /// The law.
    pub law: Scaling,
}

impl Fitted {
    /// The law for throughputs by the number of instances, in their order.
    ///
    /// `None` without the throughput of one instance and those of two other numbers.
    pub fn to(measured: impl IntoIterator<Item = (usize, f64)>) -> Option<Fitted> {
        let mut measured: Vec<(usize, f64)> = measured.into_iter().collect();
        measured.sort_by_key(|(instances, _)| *instances);
        let law = Scaling::fit(&measured)?;
        Some(Fitted { measured, law })
    }

    /// How far from the law the worst of what was measured is, in parts of the law.
    pub fn worst(&self) -> f64 {
        let away = |(instances, measured): &(usize, f64)| {
            let law = self.law.throughput(*instances);
            (measured - law).abs() / law
        };
        self.measured.iter().map(away).fold(0.0, f64::max)
    }

    /// α, β, and where the curve is highest, in a few words.
    pub fn words(&self) -> String {
        let Scaling { alpha, beta, .. } = self.law;
        let peak = match self.law.peak() {
            Some(peak) => format!("the curve is highest at {peak:.1} instances"),
            None => "each one more brings something".to_owned(),
        };
        format!("α = {alpha:.3}, β = {beta:.4}: {peak}")
    }
}

/// The table of what was measured beside the law, what the law says of a few more, and its parameters.
impl fmt::Display for Fitted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = Table::of(&["instances", "measured /s", "times one", "by the law /s"]);
        let one = self.law.one;
        for (instances, measured) in &self.measured {
            table.row([
                instances.to_string(),
                format!("{measured:.0}"),
                format!("{:.2}", measured / one),
                format!("{:.0}", self.law.throughput(*instances)),
            ]);
        }
        let most = self.measured.last().map_or(1, |(instances, _)| *instances);
        let none = || "-".to_owned();
        for more in [most + 1, 2 * most] {
            table.row([more.to_string(), none(), none(), format!("{:.0}", self.law.throughput(more))]);
        }
        writeln!(f, "{table}")?;
        writeln!(f, "{}", wrapped(&format!("{}.", self.words())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_holds_the_measured_ones_and_says_what_more_would_bring() {
        let fitted = Fitted::to([(4, 260.0), (1, 100.0), (2, 180.0)]).unwrap();
        let table = fitted.to_string();
        assert!(table.contains("4                   260        2.60             260"), "{table}");
        assert!(table.contains("8                     -           -             249"), "{table}");
        assert!(table.contains("highest at 5.3 instances"), "{table}");
        assert!(fitted.worst() < 0.001);
    }
}
