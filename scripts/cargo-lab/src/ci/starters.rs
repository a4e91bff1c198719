//! Every starter compiles, and breaks exactly the promises that it declares, each for the hole that it declares.

use testbed::report::{CheckReport, Word};

use super::solutions::{judge, unlike_the_book};
use super::{Context, Proof};
use crate::workspace::Lab;

/// Judges each starter and holds it against its `[package.metadata.lab]`.
pub fn break_what_they_declare(context: &Context) -> Proof {
    let (mut wrong, mut red) = (Vec::new(), 0);
    for lab in context.labs()? {
        let again = format!("cargo lab check {}", lab.number);
        let Some(report) = judge(context, &lab.starter(), &again)? else {
            wrong.push(format!("{} does not compile", lab.starter()));
            continue;
        };
        wrong.extend(report.checks.iter().filter_map(|check| unlike(&lab, check)));
        wrong.extend(unlike_the_book(context, &again, &report)?);
        red += report.count(Word::Broken);
    }
    Ok(if wrong.is_empty() { Ok(format!("{red} promises broken, each for its hole")) } else { Err(wrong) })
}

/// Where a check did not end as the starter declares, if so.
fn unlike(lab: &Lab, check: &CheckReport) -> Option<String> {
    let starter = lab.starter();
    let hole = check.hole.as_ref().map(|hole| hole.text.as_str());
    match (lab.about.red.get(&check.name), check.verdict) {
        (None, Word::Kept) => None,
        (None, word) => Some(format!("{starter}: {} is {} and not declared", check.name, word.as_str())),
        (Some(declared), Word::Broken) if hole == Some(declared) => None,
        (Some(declared), Word::Broken) => {
            Some(format!("{starter}: {} is broken for {hole:?}, declared is {declared:?}", check.name))
        }
        (Some(_), word) => {
            Some(format!("{starter}: {} is {}, declared as broken", check.name, word.as_str()))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use testbed::report::{Hole, Listed, Read};

    use super::*;
    use crate::workspace::About;

    fn check(verdict: Word, hole: Option<&str>) -> CheckReport {
        let read = Read { chapter: String::new(), section: String::new(), href: String::new() };
        let listed = Listed { name: "a".into(), title: String::new(), read };
        let hole = hole.map(|text| Hole { text: text.into(), at: String::new() });
        CheckReport { verdict, hole, ..CheckReport::of(listed, String::new()) }
    }

    #[test]
    fn a_starter_is_red_only_for_the_hole_it_declares() {
        let red = BTreeMap::from([("a".to_owned(), "lab 01: insert".to_owned())]);
        let about = About { title: String::new(), chapter: String::new(), red };
        let lab = Lab { number: "01".into(), folder: "01-x".into(), about };
        assert_eq!(unlike(&lab, &check(Word::Broken, Some("lab 01: insert"))), None);
        for other in [
            check(Word::Broken, Some("lab 01: list")),
            check(Word::Broken, None),
            check(Word::Kept, None),
            check(Word::Inconclusive, None),
            check(Word::SetUp, Some("lab 01: insert")),
        ] {
            assert!(unlike(&lab, &other).is_some(), "{other:?}");
        }
    }
}
