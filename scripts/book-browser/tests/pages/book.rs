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

/// The folder of the built book. It is built apart from `target/book`, where a reader's build may be under way.
fn built() -> &'static Built {
    static BUILT: OnceLock<Built> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut book = MDBook::load(source()).expect("book/book.toml and book/src/SUMMARY.md are sound");
        let folder = target().join("book-browser").join("book");
        book.config.build.build_dir = folder.clone();
        book.build().expect("the book builds");
        let page = |path: &Path| match path.file_stem().is_some_and(|stem| stem == "README") {
            true => folder.join(path.with_file_name("index.html")),
            false => folder.join(path.with_extension("html")),
        };
        let pages = book.book.chapters().filter_map(|chapter| chapter.path.as_deref().map(page)).collect();
        Built { pages, simulator: folder.join("simulator.html") }
    })
}

struct Built {
    pages: Vec<PathBuf>,
    simulator: PathBuf,
}

/// The built page of the simulator.
pub fn simulator() -> &'static Path {
    let page = &built().simulator;
    assert!(page.exists(), "the book has no simulator.html: is simulator.md in book/src/SUMMARY.md?");
    page
}

/// All pages, in the order of the text.
pub fn pages() -> &'static [PathBuf] {
    &built().pages
}
