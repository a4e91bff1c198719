//! Which checks run side by side, and on which services.

use super::Suite;
use super::request::Options;
use crate::report::Company;

/// The chosen checks by their place in the suite, each in one of three parts.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Lanes {
    /// These run side by side, as many as there are lanes, on the services that all share.
    pub shared: Vec<usize>,
    /// These run one by one beside them, on services that only they use.
    pub hurting: Vec<usize>,
    /// These run one by one when all others have ended.
    pub alone: Vec<usize>,
}

impl Lanes {
    pub(super) fn of(suite: &Suite, options: &Options) -> Lanes {
        let chosen = suite.checks.iter().enumerate().filter(|(_, check)| options.wants(check));
        Lanes::divide(chosen.map(|(at, check)| (at, check.company)), options.lanes)
    }

    fn divide(chosen: impl Iterator<Item = (usize, Company)>, lanes: usize) -> Lanes {
        let mut divided = Lanes::default();
        for (at, company) in chosen {
            match company {
                _ if lanes == 1 => divided.alone.push(at),
                Company::Any => divided.shared.push(at),
                Company::OnOtherServices => divided.hurting.push(at),
                Company::None => divided.alone.push(at),
            }
        }
        // Where nobody is beside them, they need no services of their own.
        if divided.shared.is_empty() {
            divided.alone.append(&mut divided.hurting);
            divided.alone.sort_unstable();
        }
        divided
    }

    /// What runs before the checks that are alone, in the order of the suite.
    pub(super) fn beside(&self) -> Vec<usize> {
        let mut beside = [&self.shared[..], &self.hurting].concat();
        beside.sort_unstable();
        beside
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SUITE: [Company; 5] =
        [Company::OnOtherServices, Company::Any, Company::None, Company::OnOtherServices, Company::Any];

    fn divided(places: &[usize], lanes: usize) -> Lanes {
        Lanes::divide(places.iter().map(|at| (*at, SUITE[*at])), lanes)
    }

    #[test]
    fn what_hurts_services_runs_beside_what_does_not() {
        let lanes = divided(&[0, 1, 2, 3, 4], 2);
        assert_eq!(lanes, Lanes { shared: vec![1, 4], hurting: vec![0, 3], alone: vec![2] });
        assert_eq!(lanes.beside(), [0, 1, 3, 4]);
    }

    #[test]
    fn without_lanes_all_run_in_the_order_of_the_suite() {
        let lanes = divided(&[0, 1, 2, 3, 4], 1);
        assert_eq!(lanes, Lanes { alone: vec![0, 1, 2, 3, 4], ..Lanes::default() });
    }

    #[test]
    fn what_hurts_services_has_none_of_its_own_where_nobody_is_beside_it() {
        let lanes = divided(&[0, 2, 3], 2);
        assert_eq!(lanes, Lanes { alone: vec![0, 2, 3], ..Lanes::default() });
    }
}
