//! The Universal Scalability Law: what N servers bring, where they share something.
//!
//! Source: N. J. Gunther, *Guerrilla Capacity Planning* (2007), chapters 4 to 6: C(N) = N / (1 + α(N−1) + βN(N−1)).

/// What one server carries, and what more of them cost each other.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Scaling {
    /// The throughput of one, in requests a second.
    pub one: f64,
    /// Contention: the share of the work that all must do one after the other.
    pub alpha: f64,
    /// Coherence: what each costs each other one, in parts of the work of one.
    pub beta: f64,
}

impl Scaling {
    /// The law that comes nearest to throughputs by the number of servers: least squares on its linear form
    /// (N/C(N) − 1)/(N − 1) = α + βN, with neither below 0.
    ///
    /// `None` without the throughput of one server and those of two other numbers, each above 0.
    pub fn fit(measured: &[(usize, f64)]) -> Option<Scaling> {
        let one = measured.iter().find(|(servers, _)| *servers == 1)?.1;
        let linear = |&(servers, throughput): &(usize, f64)| {
            let n = servers as f64;
            (n, (n * one / throughput - 1.0) / (n - 1.0))
        };
        let points: Vec<(f64, f64)> =
            measured.iter().filter(|(servers, _)| *servers > 1).map(linear).collect();
        let differ = points.windows(2).any(|two| two[0].0 != two[1].0);
        if !differ || measured.iter().any(|(servers, throughput)| *servers == 0 || *throughput <= 0.0) {
            return None;
        }
        let mean = |of: fn(&(f64, f64)) -> f64| points.iter().map(of).sum::<f64>() / points.len() as f64;
        let (n, y) = (mean(|point| point.0), mean(|point| point.1));
        let (nn, ny) = (mean(|point| point.0 * point.0), mean(|point| point.0 * point.1));
        let beta = (ny - n * y) / (nn - n * n);
        let alpha = y - beta * n;
        // At a bound the best is where the other alone is fitted.
        let (alpha, beta) = match (alpha < 0.0, beta < 0.0) {
            (true, _) => (0.0, (ny / nn).max(0.0)),
            (_, true) => (y.max(0.0), 0.0),
            _ => (alpha, beta),
        };
        Some(Scaling { one, alpha, beta })
    }

    /// The throughput of so many servers, by the law.
    pub fn throughput(&self, servers: usize) -> f64 {
        let n = servers as f64;
        self.one * n / (1.0 + self.alpha * (n - 1.0) + self.beta * n * (n - 1.0))
    }

    /// The number of servers at which the throughput is highest; `None` where each one more brings something.
    pub fn peak(&self) -> Option<f64> {
        (self.beta > 0.0).then(|| ((1.0 - self.alpha).max(0.0) / self.beta).sqrt().max(1.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn near(one: f64, other: f64) -> bool {
        (one - other).abs() < 1e-6
    }

    #[test]
    fn the_law_is_found_again_in_what_it_makes() {
        let law = Scaling { one: 100.0, alpha: 0.05, beta: 0.001 };
        let measured: Vec<_> = [1, 2, 4, 8, 16].map(|n| (n, law.throughput(n))).into();
        let fitted = Scaling::fit(&measured).unwrap();
        assert!(near(fitted.alpha, 0.05) && near(fitted.beta, 0.001), "{fitted:?}");
        assert!(near(law.peak().unwrap(), (0.95_f64 / 0.001).sqrt()));
    }

    #[test]
    fn the_books_example_has_its_peak_above_five() {
        let fitted = Scaling::fit(&[(1, 100.0), (2, 180.0), (4, 260.0)]).unwrap();
        assert!((fitted.alpha - 0.043).abs() < 0.001 && (fitted.beta - 0.034).abs() < 0.001, "{fitted:?}");
        assert!((5.0..5.5).contains(&fitted.peak().unwrap()));
    }

    #[test]
    fn neither_share_is_below_nothing() {
        let twice = Scaling::fit(&[(1, 50.0), (2, 101.0), (4, 203.0)]).unwrap();
        assert_eq!((twice.alpha, twice.beta, twice.peak()), (0.0, 0.0, None));
        let bent = Scaling::fit(&[(1, 25.0), (2, 50.0), (4, 83.0), (8, 99.0)]).unwrap();
        assert!(bent.alpha == 0.0 && bent.beta > 0.0, "{bent:?}");
    }

    #[test]
    fn without_one_server_or_two_more_there_is_no_law() {
        assert_eq!(Scaling::fit(&[(2, 50.0), (4, 90.0), (8, 100.0)]), None);
        assert_eq!(Scaling::fit(&[(1, 50.0), (2, 90.0)]), None);
        assert_eq!(Scaling::fit(&[(1, 50.0), (2, 90.0), (2, 91.0)]), None);
        assert_eq!(Scaling::fit(&[(1, 50.0), (2, 0.0), (4, 91.0)]), None);
    }
}
