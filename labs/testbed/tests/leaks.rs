//! Whatever the way a run ends, nothing of it is left: no container, no volume, no network, no process, no folder.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a test ends where its set-up fails")]

mod common;
#[path = "leaks/ends.rs"]
mod ends;
#[path = "leaks/held.rs"]
mod held;
#[path = "common/held_engine.rs"]
mod held_engine;
#[path = "leaks/interrupted.rs"]
mod interrupted;
#[path = "leaks/killed.rs"]
mod killed;
#[path = "leaks/lent.rs"]
mod lent;

use common::{Run, volumes, volumes_left};

/// The setting with which the tiny lab asks for PostgreSQL.
const NEEDS: (&str, &str) = ("TINY_NEEDS", "database");

/// A run with a container of its own, and the volumes that it came with.
struct WithContainer {
    run: Run,
    container: String,
    volumes: Vec<String>,
}

impl WithContainer {
    #[track_caller]
    fn start(only: &str, settings: &[(&str, &str)]) -> WithContainer {
        WithContainer::of(Run::start(only, &[&[NEEDS], settings].concat()))
    }

    #[track_caller]
    fn of(run: Run) -> WithContainer {
        let container = run.container();
        let volumes = volumes(&container);
        WithContainer { run, container, volumes }
    }

    #[track_caller]
    fn nothing_is_left(&self) {
        assert_eq!(self.run.left(), [""; 0]);
        assert_eq!(volumes_left(&self.volumes), [""; 0]);
    }
}
