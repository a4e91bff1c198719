//! Regions of a file: the lines between the markers of a hole.

use std::path::Path;

use super::Fault;

const BEGIN: &str = "ANCHOR: hole-";
const END: &str = "ANCHOR_END: hole-";

/// How a file with holes is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `*.rs`.
    Rust,
    /// `*.yml`, `*.yaml`.
    Yaml,
    /// `*.conf`, and the templates of such files.
    Conf,
}

impl Kind {
    /// The kind of the file at `path`, which has no holes when there is none.
    pub fn of(path: &Path) -> Option<Kind> {
        let name = path.file_name()?.to_str()?;
        let name = name.strip_suffix(".template").unwrap_or(name);
        match name.rsplit_once('.')?.1 {
            "rs" => Some(Kind::Rust),
            "yml" | "yaml" => Some(Kind::Yaml),
            "conf" => Some(Kind::Conf),
            _ => None,
        }
    }

    /// What begins a comment.
    pub fn comment(self) -> &'static str {
        match self {
            Kind::Rust => "//",
            Kind::Yaml | Kind::Conf => "#",
        }
    }

    /// What the names of its hole files end with.
    pub fn extension(self) -> &'static str {
        match self {
            Kind::Rust => "rs",
            Kind::Yaml => "yml",
            Kind::Conf => "conf",
        }
    }
}

/// A hole's place in a text. The markers are at the lines `begin` and `end`, which count from 1; what is between them is the hole's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Region {
    /// The hole's name: `enter`.
    pub name: String,
    /// The line of the first marker.
    pub begin: usize,
    /// The line of the last marker.
    pub end: usize,
    /// What the first marker's line begins with.
    pub indent: String,
}

impl Region {
    /// The lines between the markers, less their own indentation, and without anchors of the book.
    pub fn code(&self, text: &str) -> Vec<String> {
        let lines = text.lines().skip(self.begin).take(self.end - self.begin - 1);
        let is_anchor = |line: &str| line.contains(" ANCHOR: ") || line.contains(" ANCHOR_END: ");
        dedented(lines.filter(|line| !is_anchor(line)))
    }
}

/// The regions of a text, and what is wrong with its markers. Anchors of the book may stand around and inside a region.
pub fn regions(text: &str, kind: Kind) -> (Vec<Region>, Vec<Fault>) {
    let (mut found, mut faults): (Vec<Region>, Vec<Fault>) = (Vec::new(), Vec::new());
    let mut open: Option<Region> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let Some(comment) = line.trim_start().strip_prefix(kind.comment()).map(str::trim) else { continue };
        if let Some(name) = comment.strip_prefix(BEGIN) {
            if let Some(around) = open.take() {
                let name = around.name;
                faults.push(Fault::new(
                    around.begin,
                    format!("hole-{name} does not end before the next begins"),
                ));
            }
            let indent = line[..line.len() - line.trim_start().len()].to_owned();
            open = Some(Region { name: name.to_owned(), begin: number, end: number, indent });
        } else if let Some(name) = comment.strip_prefix(END) {
            match open.take() {
                Some(region) if region.name == name && found.iter().any(|other| other.name == name) => {
                    faults.push(Fault::new(region.begin, format!("hole-{name} is there twice")));
                }
                Some(region) if region.name == name => found.push(Region { end: number, ..region }),
                other => {
                    faults.push(Fault::new(number, format!("hole-{name} ends here, and never began")));
                    open = other;
                }
            }
        }
    }
    faults.extend(open.map(|region| Fault::new(region.begin, format!("hole-{} has no end", region.name))));
    (found, faults)
}

/// `text` with other lines between the markers of each region for which `other` has any.
pub fn replaced(text: &str, regions: &[Region], other: impl Fn(&Region) -> Option<Vec<String>>) -> String {
    let mut result = String::with_capacity(text.len());
    let lines: Vec<&str> = text.split_inclusive('\n').collect();
    let mut next = 0;
    for region in regions {
        let Some(others) = other(region) else { continue };
        lines[next..region.begin].iter().for_each(|line| result.push_str(line));
        for line in indented(&others, &region.indent) {
            result.push_str(&line);
            result.push('\n');
        }
        next = region.end - 1;
    }
    lines[next..].iter().for_each(|line| result.push_str(line));
    result
}

/// Lines with `indent` before each that is not empty.
pub fn indented(lines: &[String], indent: &str) -> Vec<String> {
    let line = |line: &String| if line.is_empty() { String::new() } else { format!("{indent}{line}") };
    lines.iter().map(line).collect()
}

/// Lines less the indentation that all of them have. What is blank is empty.
pub fn dedented<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let lines: Vec<&str> =
        lines.map(|line| if line.trim().is_empty() { "" } else { line.trim_end() }).collect();
    let own = |line: &&&str| line.len() - line.trim_start().len();
    let common = lines.iter().filter(|line| !line.is_empty()).map(|line| own(&line)).min().unwrap_or(0);
    lines.iter().map(|line| line.get(common..).unwrap_or_default().to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
// ANCHOR: all
fn one() {
    // ANCHOR: hole-one
    // ANCHOR: inner
    if true {

        1
    }
    // ANCHOR_END: inner
    // ANCHOR_END: hole-one
}
// ANCHOR_END: all
";

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    #[test]
    fn a_region_is_found_among_anchors_of_the_book() {
        let (found, faults) = regions(TEXT, Kind::Rust);
        assert_eq!(faults, []);
        let one = Region { name: "one".to_owned(), begin: 3, end: 10, indent: "    ".to_owned() };
        assert_eq!(found, [one]);
        assert_eq!(found[0].code(TEXT), lines("if true {\n\n    1\n}"));
        assert_eq!(regions(TEXT, Kind::Yaml).0, [], "another kind has other comments");
    }

    #[test]
    fn what_is_dug_in_is_indented_and_empty_lines_stay_empty() {
        let (found, _) = regions(TEXT, Kind::Rust);
        let dug = replaced(TEXT, &found, |_| Some(lines("// Why?\n\ntodo!()")));
        let expected = "\
// ANCHOR: all
fn one() {
    // ANCHOR: hole-one
    // Why?

    todo!()
    // ANCHOR_END: hole-one
}
// ANCHOR_END: all
";
        assert_eq!(dug, expected);
        assert_eq!(replaced(TEXT, &found, |_| None), TEXT);
    }

    #[test]
    fn a_file_without_a_last_newline_keeps_it_so() {
        let text = "a:\n  # ANCHOR: hole-x\n  b: 1\n  # ANCHOR_END: hole-x";
        let (found, faults) = regions(text, Kind::Yaml);
        assert_eq!(faults, []);
        let dug = replaced(text, &found, |_| Some(lines("b: 2\nc: 3")));
        assert_eq!(dug, "a:\n  # ANCHOR: hole-x\n  b: 2\n  c: 3\n  # ANCHOR_END: hole-x");
    }

    #[test]
    fn markers_that_do_not_pair_are_named_with_their_line() {
        let fault = |text: &str| regions(text, Kind::Rust).1;
        assert_eq!(fault("\n// ANCHOR: hole-a\nx\n"), [Fault::new(2, "hole-a has no end")]);
        assert_eq!(fault("x\n// ANCHOR_END: hole-a\n"), [Fault::new(2, "hole-a ends here, and never began")]);
        let nested = "// ANCHOR: hole-a\n// ANCHOR: hole-b\n// ANCHOR_END: hole-b\n// ANCHOR_END: hole-a\n";
        assert_eq!(
            fault(nested),
            [
                Fault::new(1, "hole-a does not end before the next begins"),
                Fault::new(4, "hole-a ends here, and never began")
            ]
        );
        let twice = "// ANCHOR: hole-a\n// ANCHOR_END: hole-a\n".repeat(2);
        assert_eq!(fault(&twice), [Fault::new(3, "hole-a is there twice")]);
    }

    #[test]
    fn the_kind_is_told_by_the_name() {
        assert_eq!(Kind::of(Path::new("src/line.rs")), Some(Kind::Rust));
        assert_eq!(Kind::of(Path::new("deploy/stack.yml")), Some(Kind::Yaml));
        assert_eq!(Kind::of(Path::new("deploy/nginx.conf.template")), Some(Kind::Conf));
        assert_eq!(Kind::of(Path::new("src/schema.sql")), None);
    }
}
