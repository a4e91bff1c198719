//! The book under test, built once for all tests.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use mdbook_driver::MDBook;

/// Cargo's target folder.
pub fn target() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR")).parent().expect("the folder for tests is in the target folder")
}

/// The `book` folder of the workspace.
pub fn source() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.ancestors().nth(2).expect("the package is two folders below the root").join("book")
}

/// The built page of the simulator. It is built apart from `target/book`, where a reader's build may be under way.
pub fn simulator() -> &'static Path {
    static PAGE: OnceLock<PathBuf> = OnceLock::new();
    PAGE.get_or_init(|| {
        let mut book = MDBook::load(source()).expect("book/book.toml and book/src/SUMMARY.md are sound");
        book.config.build.build_dir = target().join("book-browser").join("book");
        book.build().expect("the book builds");
        let page = book.config.build.build_dir.join("simulator.html");
        assert!(page.exists(), "the book has no simulator.html: is simulator.md in book/src/SUMMARY.md?");
        page
    })
}
