//! A run that is killed removes nothing itself: the next run does, or `cargo lab clean`. What lives is left alone.

use std::fs;

use rustix::process::Signal;
use testbed::run::{FOLDER, RunId};
use testbed::{leftovers, services};

use super::WithContainer;

#[test]
fn what_a_killed_run_left_is_swept_and_what_a_living_run_has_is_not() {
    let starts =
        ["living", "first", "second"].map(|_| std::thread::spawn(|| WithContainer::start("hangs", &[])));
    let [mut living, mut first, mut second] = starts.map(|start| start.join().unwrap());
    let [of_living, _, of_second] = [&living, &first, &second].map(|it| it.run.under_way());

    first.run.signal(Signal::KILL);
    first.run.end();
    let mut next = WithContainer::start("keeps", &[]);
    next.run.end().with(0);
    first.nothing_is_left();
    assert_eq!(second.run.left(), of_second, "the next run took what a living run has");

    let strangers = [
        format!("{FOLDER}notes"),
        format!("{FOLDER}7-7-7"),
        format!("{FOLDER}{}", RunId::current().as_str()),
    ];
    let strangers = strangers.map(|name| std::env::temp_dir().join(name));
    strangers.iter().for_each(|folder| fs::create_dir_all(folder).unwrap());
    second.run.signal(Signal::KILL);
    second.run.end();
    sweep();
    second.nothing_is_left();
    for folder in strangers {
        assert!(folder.exists(), "`{}` is nobody's leftover", folder.display());
        fs::remove_dir(folder).unwrap();
    }
    assert_eq!(living.run.left(), of_living, "the sweep took what a living run has");

    // Ctrl-C in the middle of a check, with a service started and a load under way.
    living.run.signal(Signal::INT);
    living.run.end().with(130);
    living.nothing_is_left();
}

#[tokio::main]
async fn sweep() {
    let engine = services::engine().await.unwrap();
    leftovers::sweep(Some(&engine)).await.unwrap();
}
