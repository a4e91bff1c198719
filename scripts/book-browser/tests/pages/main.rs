//! The book's pages in a headless Chromium: all of them walked (`walk`), and the simulator's model against theory, its page against
//! what readers need; how far words stand out (`contrast`).
//!
//! Each test builds on the same built book (`book`), opens pages from the disk in a browser of its own (`browser`,
//! `devtools`, `page`), and leaves nothing behind. Screenshots go to `target/book-browser`, to be looked at.
//!
//! To run the model from a test: `Page::of_simulator().run(json!({ "arrivalRate": 150 }))`.

mod book;
mod browser;
mod contrast;
mod controls;
mod devtools;
mod lab;
mod look;
mod model;
mod offline;
mod page;
mod recorded;
mod walk;
