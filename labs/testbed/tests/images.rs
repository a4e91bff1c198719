//! The official images and the project's own are held to one list of promises: `scripts/images/verify`.

use std::process::Command;

/// What `verify` answers when the set-up is at fault: no engine, or no image.
const SET_UP: i32 = 3;

#[test]
fn the_images_keep_what_the_workbook_takes_for_granted() {
    let verify = concat!(env!("CARGO_MANIFEST_DIR"), "/../../scripts/images/verify");
    let output = Command::new(verify).output().expect("scripts/images/verify runs");
    let said =
        [output.stdout, output.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat();
    if output.status.code() == Some(SET_UP) {
        eprintln!("skipped: {said}");
        return;
    }
    assert!(output.status.success(), "{said}");
    let kept = said.lines().filter(|line| line.starts_with("ok ")).count();
    assert!(kept > 50, "verify looked at {kept} promises only:\n{said}");
}
