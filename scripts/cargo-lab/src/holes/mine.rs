//! A hole in a learner's file.

use std::path::{Path, PathBuf};

use super::filling::todos;
use super::region::{Kind, Region, regions};
use super::source::Hole;

/// What a learner has made of a hole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mine {
    /// It is as it was dug.
    Untouched(Place),
    /// It was worked on, and has a `todo!` still.
    Begun(Place),
    /// Something stands there.
    Filled(Place),
    /// The file is gone, or has not got the hole's markers.
    Lost,
}

/// Where a hole is in a learner's file, and what stands there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Between which lines.
    pub region: Region,
    /// What is there, without the region's indentation.
    pub code: Vec<String>,
    /// The whole file.
    pub text: String,
}

impl Mine {
    /// Looks for `hole` in the starter's folder.
    pub fn find(starter: &Path, hole: &Hole) -> Mine {
        std::fs::read_to_string(starter.join(&hole.file)).map_or(Mine::Lost, |text| Mine::of(text, hole))
    }

    /// Looks for `hole` in the text of its file.
    fn of(text: String, hole: &Hole) -> Mine {
        let found = regions(&text, hole.kind).0.into_iter().find(|region| region.name == hole.name);
        let Some(region) = found else { return Mine::Lost };
        let code = region.code(&text);
        let is_open = hole.kind == Kind::Rust && !todos(&code.join("\n")).is_empty();
        let is_untouched = code == hole.filling.lines;
        let place = Place { region, code, text };
        match (is_untouched, is_open) {
            (true, _) => Mine::Untouched(place),
            (false, true) => Mine::Begun(place),
            (false, false) => Mine::Filled(place),
        }
    }

    /// Where it is, unless it is lost.
    pub fn place(&self) -> Option<&Place> {
        match self {
            Mine::Untouched(place) | Mine::Begun(place) | Mine::Filled(place) => Some(place),
            Mine::Lost => None,
        }
    }
}

/// The hole's file as a reader types it, with the line on which the hole's own lines begin.
pub fn shown(folder: &str, hole: &Hole, mine: &Mine) -> String {
    let file = PathBuf::from("labs").join(folder).join(&hole.file);
    match mine.place() {
        Some(place) => format!("{}:{}", file.display(), place.region.begin + 1),
        None => file.display().to_string(),
    }
}

/// What to do about a hole whose markers are gone.
pub fn how_to_mend(number: &str, folder: &str, hole: &Hole) -> String {
    let (name, comment) = (&hole.name, hole.kind.comment());
    format!(
        "labs/{folder}/{} has not got the markers of the hole {name} any more. Put these two lines around what is yours:\n\
         \x20 {comment} ANCHOR: hole-{name}\n\
         \x20 {comment} ANCHOR_END: hole-{name}\n\
         or have the whole file as it was dug, with what is yours kept in a backup: cargo lab reset {number} {0}",
        hole.file.display()
    )
}

#[cfg(test)]
mod tests {
    use super::super::filling::{Before, Filling};
    use super::*;

    fn hole() -> Hole {
        let (filling, _) =
            Filling::parse("//: x\n// Why?\ntodo!(\"lab 00: a\")\n", Kind::Rust, "00", Before::Open);
        let file = "src/a.rs".into();
        Hole { name: "a".to_owned(), file, kind: Kind::Rust, filling, code: vec!["1".to_owned()], line: 2 }
    }

    fn of(inside: &str) -> Mine {
        Mine::of(format!("    // ANCHOR: hole-a\n{inside}    // ANCHOR_END: hole-a\n"), &hole())
    }

    #[test]
    fn a_hole_is_untouched_begun_filled_or_lost() {
        assert!(matches!(of("    // Why?\n    todo!(\"lab 00: a\")\n"), Mine::Untouched(_)));
        assert!(matches!(of("    let x = 1;\n    todo!(\"lab 00: a\")\n"), Mine::Begun(_)));
        assert!(matches!(of("    1\n"), Mine::Filled(_)));
        assert!(matches!(of("    // No todo!( any more.\n"), Mine::Filled(_)));
        assert_eq!(Mine::of("fn a() -> u8 { 1 }".to_owned(), &hole()), Mine::Lost);
        assert_eq!(Mine::of("// ANCHOR: hole-a\n1\n".to_owned(), &hole()), Mine::Lost, "half a pair");
    }
}
