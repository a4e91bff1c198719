//! What each lab promises: one module a lab, one file a theme.
//!
//! A check reaches a service over HTTP, AMQP, SQL, signals and limits alone, and asks no more of it than the contract says. A later
//! lab that keeps an earlier lab's promise calls the earlier lab's check, with the [`Agreement`](contract::Agreement) that holds
//! now. `tests/verify.rs` of a starter and of a solution is one call of [`verify`].

pub mod contract;
mod lab_00;
mod lab_01;
mod lab_02;
mod lab_03;
mod lab_04;
mod lab_05;

use std::process::ExitCode;

use testbed::suite::{OwnBinary, Suite};

use contract::Agreement;

/// Judges `own`, or what the request names, by what the lab with this number promises.
///
/// # Panics
/// When there is no such lab.
pub fn verify(lab: &str, own: OwnBinary) -> ExitCode {
    suite(lab, own).unwrap_or_else(|| panic!("there is no lab {lab}")).run()
}

fn suite(lab: &str, own: OwnBinary) -> Option<Suite> {
    match lab {
        "00" => Some(lab_00::suite(own)),
        "01" => Some(lab_01::suite(own)),
        "02" => Some(lab_02::suite(own, Agreement::QUEUED)),
        "03" => Some(lab_03::suite(own)),
        "04" => Some(lab_04::suite(own)),
        "05" => Some(lab_05::suite(own)),
        _ => None,
    }
}
