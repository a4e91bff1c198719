//! A run that comes to its own end: its exit code, and nothing left.

use super::common::{PLAIN, Run, docker};
use super::{NEEDS, WithContainer};

#[test]
fn checks_that_keep_break_hang_and_panic_leave_nothing() {
    let mut it = WithContainer::start("keeps,breaks,hangs,panics", &[("TINY_LONGEST_MS", "2000")]);
    assert_eq!(published(&it.container), "127.0.0.1 false", "the port is for this machine alone");
    it.run.end().with(3).says(&["pigs fly", "longer than 2 s", "the check's own fault"]);
    it.nothing_is_left();
}

/// The addresses on which a container's ports are published, and whether all the others are too.
fn published(container: &str) -> String {
    let bindings = "{{range .HostConfig.PortBindings}}{{range .}}{{.HostIp}} {{end}}{{end}}{{.HostConfig.PublishAllPorts}}";
    docker(&["inspect", "--format", bindings, container])
}

#[test]
fn a_reader_who_leaves_ends_the_run_and_leaves_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    // As a test of Cargo's: there a line that cannot be printed is a panic, outside of every check.
    let mut it = WithContainer::of(Run::start_to(Some(writer.into()), "keeps", &[NEEDS, PLAIN]));
    it.run.under_way();
    drop(reader);
    it.run.end().with(101).says(&["Broken pipe"]);
    it.nothing_is_left();
}

#[test]
fn the_exit_code_tells_how_it_went() {
    let soon = ("TINY_LONGEST_MS", "1500");
    for (only, settings, code) in [
        ("keeps", &[][..], 0),
        ("keeps,breaks", &[], 1),
        ("keeps,juggles", &[], 2),
        ("panics,keeps", &[], 3),
        ("keeps,hangs", &[soon], 4),
        // As a test of Cargo's, which has a code of its own for whatever is not kept.
        ("", &[soon, PLAIN], 101),
    ] {
        let mut run = Run::start(only, settings);
        run.end().with(code);
        assert_eq!(run.left(), [""; 0], "after `{only}`");
    }
}

/// A hole says all that there is to say: nothing is waited for after it, and a check is not tried again.
#[test]
fn a_check_that_meets_a_hole_ends_at_once() {
    let mut run = Run::start("falls", &[("TINY_LONGEST_MS", "60000")]);
    run.end().with(1).says(&["a hole is still open", "lab 00: keep the post"]);
    assert_eq!(run.left(), [""; 0]);
}
