//! What a service says of its limit on stderr.

use crate::contract::prelude::*;

use super::{CLIENTS, MORE};

/// Which of the numbers of its limit a service has logged.
pub(super) struct Numbers {
    pub limit: bool,
    /// How many connections it serves at once: enough for all clients here, and less than the limit.
    pub served: bool,
}

impl Numbers {
    /// What is on stderr so far.
    pub fn logged_by(service: &Subject) -> Numbers {
        let said = service.stderr().lines(usize::MAX).join("\n");
        let said: String = said.chars().filter(|c| !",_'".contains(*c)).collect();
        let numbers = whole_numbers(&said);
        let served = CLIENTS as u64..MORE.1;
        Numbers {
            limit: numbers.contains(&MORE.1),
            served: numbers.iter().any(|number| served.contains(number)),
        }
    }
}

/// The numbers in a text, without those that are the fraction of another.
fn whole_numbers(text: &str) -> Vec<u64> {
    let mut before = ' ';
    let mut numbers = Vec::new();
    for run in text.split_inclusive(|c: char| !c.is_ascii_digit()) {
        let digits = run.trim_end_matches(|c: char| !c.is_ascii_digit());
        if before != '.' {
            numbers.extend(digits.parse::<u64>());
        }
        before = run.chars().last().unwrap_or(' ');
    }
    numbers
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fraction_is_no_number_of_its_own() {
        let said = "2026-11-30T02:08:47.563Z limits open=1024 clients=976\nlimit 0.7, serving (800)";
        assert_eq!(whole_numbers(said), [2026, 11, 30, 2, 8, 47, 1024, 976, 0, 800]);
    }
}
