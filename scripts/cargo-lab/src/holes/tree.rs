//! A starter's folder beside what digging gives.

use std::path::{Path, PathBuf};

use testbed::setup::SetUp;

use super::source::Source;
use crate::workspace::{files, write_file};

/// A file of the starter's that is not as it was dug.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The file, relative to the starter's folder.
    pub file: PathBuf,
    /// How it differs.
    pub how: How,
}

/// How a file differs from what digging gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// It is not there.
    Missing,
    /// Digging gives no such file.
    Stray,
    /// The first line that is another, from 1.
    From(usize),
}

/// Where `starter` is not what digging gives, by file. What no digging touches is not looked at: its README, its contract.
pub fn differences(source: &Source, starter: &Path) -> Result<Vec<Difference>, SetUp> {
    let mut found = Vec::new();
    for (file, text) in &source.files {
        match std::fs::read(starter.join(file)) {
            Err(_) => found.push(Difference { file: file.clone(), how: How::Missing }),
            Ok(bytes) if bytes == text.as_bytes() => {}
            Ok(bytes) => {
                let how = How::From(first_other_line(&String::from_utf8_lossy(&bytes), text));
                found.push(Difference { file: file.clone(), how });
            }
        }
    }
    let is_dug = |dug: &&str| source.files.keys().any(|file| file.starts_with(dug));
    for dug in super::source::DUG.iter().filter(|dug| is_dug(dug) && starter.join(dug).is_dir()) {
        let inside = files(&starter.join(dug))?.into_iter().map(|file| Path::new(dug).join(file));
        let strays = inside.filter(|file| !source.files.contains_key(file));
        found.extend(strays.map(|file| Difference { file, how: How::Stray }));
    }
    found.sort_by(|one, other| one.file.cmp(&other.file));
    Ok(found)
}

/// Makes the files of `differences` what digging gives. Files that are so already keep their time.
pub fn write(source: &Source, starter: &Path, differences: &[Difference]) -> Result<(), SetUp> {
    for Difference { file, .. } in differences {
        let path = starter.join(file);
        match source.files.get(file) {
            Some(text) => write_file(&path, text)?,
            None => std::fs::remove_file(&path)
                .map_err(|error| SetUp::from_cause(format!("remove `{}`", path.display()), error))?,
        }
    }
    Ok(())
}

fn first_other_line(one: &str, other: &str) -> usize {
    one.split('\n').zip(other.split('\n')).take_while(|(one, other)| one == other).count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_that_differs_is_told() {
        assert_eq!(first_other_line("a\nb\nc\n", "a\nx\nc\n"), 2);
        assert_eq!(first_other_line("a\n", "a\nb\n"), 2);
        assert_eq!(first_other_line("a", "a\n"), 2);
    }
}
