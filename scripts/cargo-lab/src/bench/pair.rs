//! A service beside a program that drives itself.
//!
//! A service is driven by a load, which runs on the same processors. So the load's processor time is measured, and a bar is held by
//! the ratio on what the load leaves. Both ratios are printed.

use super::peers::Goodput;
use super::{judged, median};

/// The rate of a program that drives itself, and then the service's.
pub struct Pair {
    pub direct: f64,
    pub through: Goodput,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.through.rate / self.direct
    }

    /// The ratio, had the service had the processors to itself and what it stands on, as the program has.
    fn beside_load(&self) -> f64 {
        self.ratio() / (1.0 - self.through.load)
    }
}

/// Prints the pairs under the program's name, and says whether the bar was held.
pub fn judge(direct: &str, pairs: &[Pair], bar: f64) -> bool {
    println!(
        "{:<6} {direct:>14} {:>16} {:>8} {:>14} {:>18}",
        "pair", "goodput /s", "ratio", "load's share", "ratio on the rest"
    );
    for (number, pair) in pairs.iter().enumerate() {
        let Pair { direct, through } = pair;
        let (ratio, share, rest) = (pair.ratio(), through.load * 100.0, pair.beside_load());
        println!(
            "{:<6} {direct:>14.0} {:>16.0} {ratio:>8.2} {share:>12.0} % {rest:>18.2}",
            number + 1,
            through.rate
        );
    }
    println!("median of the ratios as they stand: {:.2}", median(pairs.iter().map(Pair::ratio)));
    judged(median(pairs.iter().map(Pair::beside_load)), bar)
}
