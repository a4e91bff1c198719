//! `cargo lab`: the workbook's command line. A thin face over cargo, the test-bed's reports and the book.

mod artifact;
mod bench;
mod book;
mod check;
mod ci;
mod clean;
mod cli;
mod diff;
mod dig;
mod doctor;
mod fit;
mod hint;
mod holes;
mod images;
mod map;
mod ping;
mod placed;
mod process;
mod prose;
mod reset;
mod run;
mod stack;
mod start;
mod tour;
mod trace;
mod verify;
mod workspace;
mod wrong_answer;

use std::process::ExitCode;

use clap::Parser as _;
use testbed::exit::Exit;

fn main() -> ExitCode {
    let command = cli::Cli::parse();
    match cli::run(command) {
        Ok(code) => code.into(),
        Err(fault) => {
            anstream::eprintln!("{fault}");
            Exit::SetUp.into()
        }
    }
}
