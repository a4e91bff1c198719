//! Every starter compiles, and breaks exactly the promises that it declares, each for the hole that it declares, if it has holes
//! that are open.

use testbed::report::{CheckReport, Report, Word};
use testbed::suite::Request;

use super::solutions::{judge, missing, steady, unlike_the_book};
use super::{Context, Proof, lanes_for_the_wrong};
use crate::workspace::Lab;

/// Judges each starter and holds it against its `[package.metadata.lab]`.
pub fn break_what_they_declare(context: &Context) -> Proof {
    let (mut wrong, mut unsteady, mut red) = (Vec::new(), Vec::new(), 0);
    for lab in context.labs()? {
        let again = format!("cargo lab check {}", lab.number);
        // What the lab inherits may hold already.
        let own = Request { lanes: lanes_for_the_wrong(), again: again.clone(), ..Request::default() };
        let expected = |check: &CheckReport| unlike(&lab, check).is_none();
        let Some(report) = judge(context, &lab.starter(), &own, expected, &mut unsteady)? else {
            wrong.push(format!("{} does not compile", lab.starter()));
            continue;
        };
        wrong.extend(report.checks.iter().filter_map(|check| unlike(&lab, check)));
        wrong.extend(missing(&lab.starter(), &report));
        wrong.extend(unknown(&lab, &report));
        wrong.extend(unlike_the_book(context, &again, &report)?);
        red += report.count(Word::Broken);
    }
    let words = format!("{red} promises broken, each as declared");
    Ok(if wrong.is_empty() { Ok(steady(words, &unsteady)) } else { Err(wrong) })
}

/// Where a check did not end as the starter declares, if so.
fn unlike(lab: &Lab, check: &CheckReport) -> Option<String> {
    let starter = lab.starter();
    let hole = check.hole.as_ref().map(|hole| hole.text.as_str());
    let declared = lab.about.hole_of(&check.name);
    match check.verdict {
        Word::Kept if lab.about.keeps(&check.name) => None,
        word if lab.about.keeps(&check.name) => {
            Some(format!("{starter}: {} is {}, declared as kept", check.name, word.as_str()))
        }
        Word::Broken if hole == declared => None,
        Word::Broken => {
            Some(format!("{starter}: {} is broken for {hole:?}, declared is {declared:?}", check.name))
        }
        word => Some(format!("{starter}: {} is {}, declared as broken", check.name, word.as_str())),
    }
}

/// What `red` and `kept` say of checks that the lab has not got.
fn unknown(lab: &Lab, report: &Report) -> Vec<String> {
    let is_check = |name: &str| report.checks.iter().any(|check| check.name == name);
    let declared = lab.about.red.keys().map(|name| ("red", name));
    let declared = declared.chain(lab.about.kept.iter().map(|name| ("kept", name)));
    let names = declared.filter(|(_, name)| !is_check(name));
    names
        .map(|(list, name)| {
            format!("{}: `{list}` names {name}, and the lab has no such check", lab.starter())
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use testbed::report::{Company, Hole, Listed, Read};

    use super::*;
    use crate::workspace::About;

    fn check(verdict: Word, hole: Option<&str>) -> CheckReport {
        let read = Read { chapter: String::new(), section: String::new(), href: String::new() };
        let listed = Listed { name: "a".into(), title: String::new(), read, company: Company::Any };
        let hole = hole.map(|text| Hole { text: text.into(), at: String::new() });
        CheckReport { verdict, hole, ..CheckReport::of(listed, String::new()) }
    }

    fn lab(first: &str, red: &[(&str, &str)]) -> Lab {
        let red = red.iter().map(|(check, hole)| (check.to_string(), hole.to_string())).collect();
        let about = About { first: first.into(), red, ..About::default() };
        Lab { number: "01".into(), folder: "01-x".into(), about }
    }

    #[test]
    fn an_exception_goes_before_the_first_hole() {
        let lab = lab("lab 01: insert", &[("a", "lab 01: list")]);
        assert_eq!(unlike(&lab, &check(Word::Broken, Some("lab 01: list"))), None);
        assert!(unlike(&lab, &check(Word::Broken, Some("lab 01: insert"))).is_some());
    }

    #[test]
    fn a_starter_that_works_is_red_without_a_hole_and_keeps_what_it_declares() {
        let mut lab = lab("", &[]);
        assert_eq!(unlike(&lab, &check(Word::Broken, None)), None);
        for other in [check(Word::Kept, None), check(Word::Broken, Some("lab 01: insert"))] {
            assert!(unlike(&lab, &other).is_some(), "{other:?}");
        }
        lab.about.kept = vec!["a".to_owned()];
        assert_eq!(unlike(&lab, &check(Word::Kept, None)), None);
        assert!(unlike(&lab, &check(Word::Broken, None)).is_some());
    }

    #[test]
    fn a_starter_is_red_only_for_the_hole_it_declares() {
        let lab = lab("lab 01: insert", &[]);
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
