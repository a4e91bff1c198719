//! The chapter's pictures, in book/src/images.

use std::path::PathBuf;

/// So small that a reader on a slow line has all of them at once, in bytes.
const MOST: usize = 150_000;

/// Writes a picture over the one in the book when that is asked for; otherwise checks that the book has one.
pub fn keep(name: &str, png: &[u8]) {
    assert!(png.len() < MOST, "{name}: {} bytes are too many for a page", png.len());
    let path = folder().join(format!("{name}.png"));
    if std::env::var_os("INSTA_UPDATE").is_some_and(|update| update == "always") {
        let written = std::fs::create_dir_all(folder()).and_then(|()| std::fs::write(&path, png));
        written.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    assert!(path.is_file(), "the book lacks {}; INSTA_UPDATE=always takes it", path.display());
}

fn folder() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| env!("CARGO_MANIFEST_DIR").into(), PathBuf::from);
    here.ancestors().nth(2).expect("the package is two folders below the root").join("book/src/images")
}
