//! What a check says of a promise: kept, broken, inconclusive; and how it comes to say so.

use std::fmt;

use crate::fact::Fact;
use crate::setup::SetUp;

/// What a check returns. `?` carries a fault of the set-up past the promises, so that it is never taken for a broken one.
pub type Verdict = Result<Kept, Stop>;

/// The promises that held, with what was observed.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// One line for each promise that was looked at.
    pub promised: Vec<String>,
    /// The facts that back them.
    pub observed: Vec<Fact>,
}

impl Kept {
    /// Joins the evidence of two promises of one check.
    #[must_use]
    pub fn and(mut self, other: Kept) -> Kept {
        self.promised.extend(other.promised);
        for figure in other.observed {
            if !self.observed.contains(&figure) {
                self.observed.push(figure);
            }
        }
        self
    }
}

/// Why a check ended before its promises were all seen to hold.
#[derive(Clone, Debug)]
pub enum Stop {
    /// The subject broke a promise.
    Broken(Box<Broken>),
    /// The run says nothing either way: the host could not carry it.
    Inconclusive(String),
    /// The set-up is at fault, not the subject.
    SetUp(SetUp),
}

/// A broken promise: what was promised, what was observed, and the likeliest cause drawn from it.
#[derive(Clone, Debug, Default)]
pub struct Broken {
    /// The promise, as a sentence that was meant to be true.
    pub promised: String,
    /// What was seen instead.
    pub observed: Vec<Fact>,
    /// The likeliest cause, where what was observed points to one.
    pub likely: Option<String>,
    /// What to do next.
    pub next: Option<String>,
}

impl From<SetUp> for Stop {
    fn from(fault: SetUp) -> Self {
        Stop::SetUp(fault)
    }
}

impl From<sqlx::Error> for Stop {
    /// What PostgreSQL itself says against a statement of the test-bed is the table's fault, and so the subject's: the
    /// statements are right for the contract's table. Anything else is the set-up's.
    fn from(error: sqlx::Error) -> Self {
        let Some(said) = error.as_database_error().map(|said| said.message().to_owned()) else {
            return Stop::SetUp(SetUp::from_cause("look into the check's database", error));
        };
        promise("the service makes the table of the contract: post(id uuid, content text, created_at timestamptz)")
            .observed(Fact::named("PostgreSQL says", said))
            .likely(true, "the table has another shape, or is not there", "create it at the start as labs/openapi.yaml says")
            .is_broken()
    }
}

/// Something with facts to show.
pub trait Observed {
    /// The facts, in the order in which a reader wants them.
    fn facts(&self) -> Vec<Fact>;
}

impl Observed for Fact {
    fn facts(&self) -> Vec<Fact> {
        vec![self.clone()]
    }
}

impl<T: Observed> Observed for Option<T> {
    fn facts(&self) -> Vec<Fact> {
        self.iter().flat_map(T::facts).collect()
    }
}

impl Observed for Vec<Fact> {
    fn facts(&self) -> Vec<Fact> {
        self.clone()
    }
}

impl Observed for String {
    fn facts(&self) -> Vec<Fact> {
        vec![Fact::text(self)]
    }
}

impl Observed for &str {
    fn facts(&self) -> Vec<Fact> {
        vec![Fact::text(*self)]
    }
}

/// Opens a promise: a sentence that must be true of the subject.
pub fn promise(sentence: impl fmt::Display) -> Promise {
    Promise { sentence: sentence.to_string(), observed: Vec::new(), cause: None }
}

/// A promise about to be judged: gather what was observed and the causes that would explain it, then judge.
#[must_use = "a promise says nothing until it is judged with `kept_if`"]
pub struct Promise {
    sentence: String,
    observed: Vec<Fact>,
    cause: Option<(String, String)>,
}

impl Promise {
    /// Adds facts to the evidence.
    pub fn observed(mut self, evidence: impl Observed) -> Self {
        self.observed.extend(evidence.facts());
        self
    }

    /// Names a cause and the next step, should the promise be broken and `sign` be what was observed.
    ///
    /// The first sign that holds wins: put the most telling one first.
    pub fn likely(mut self, sign: bool, cause: impl fmt::Display, next: impl fmt::Display) -> Self {
        if sign && self.cause.is_none() {
            self.cause = Some((cause.to_string(), next.to_string()));
        }
        self
    }

    /// The promise is broken: nothing is left to be judged.
    pub fn is_broken(self) -> Stop {
        let (likely, next) = self.cause.unzip();
        Stop::Broken(Box::new(Broken { promised: self.sentence, observed: self.observed, likely, next }))
    }

    /// Judges the promise: the evidence when it holds, a broken promise when it does not.
    pub fn kept_if(self, holds: bool) -> Verdict {
        if holds {
            return Ok(Kept { promised: vec![self.sentence], observed: self.observed });
        }
        Err(self.is_broken())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(verdict: Verdict) -> Broken {
        match verdict {
            Err(Stop::Broken(broken)) => *broken,
            other => panic!("expected a broken promise, got {other:?}"),
        }
    }

    #[test]
    fn the_first_sign_that_was_observed_names_the_cause() {
        let verdict = promise("every answered post is stored")
            .observed(Fact::count("lost", 41))
            .likely(false, "the table was dropped", "keep it")
            .likely(true, "the answer left before the commit", "wait for the insert")
            .likely(true, "something else", "look elsewhere")
            .kept_if(false);
        let broken = broken(verdict);
        assert_eq!(broken.likely.as_deref(), Some("the answer left before the commit"));
        assert_eq!(broken.next.as_deref(), Some("wait for the insert"));
    }

    #[test]
    fn a_kept_promise_keeps_its_evidence_and_no_cause() {
        let one = promise("a").observed(Fact::count("stored", 3)).kept_if(true).unwrap();
        let two = promise("b").observed(Fact::count("stored", 3)).kept_if(true).unwrap();
        let both = one.and(two);
        assert_eq!(both.promised, ["a", "b"]);
        assert_eq!(both.observed.len(), 1, "the same figure is told once");
    }
}
