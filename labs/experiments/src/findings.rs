//! What an experiment has found: printed, and kept as files.

use std::fmt;
use std::path::{Path, PathBuf};

use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, ContentArrangement};
use serde_json::{Value, json};
use testbed::load::Outcomes;
use testbed::setup::SetUp;
use textwrap::{Options, WordSplitter};

/// What an experiment has found.
pub struct Findings {
    /// What was measured.
    pub table: Table,
    /// What was seen, in figures. It is printed only if every claim held.
    pub sentence: String,
    /// What the sentence says that this run may not have shown.
    pub claims: Vec<Claim>,
    /// Pictures: a file's name without its ending, and the SVG.
    pub figures: Vec<(&'static str, String)>,
    /// The raw data.
    pub data: Value,
}

/// Something that this run shows or does not.
pub struct Claim {
    what: String,
    seen: bool,
}

/// What the sentence says, and whether this run shows it.
pub fn claim(what: impl Into<String>, seen: bool) -> Claim {
    Claim { what: what.into(), seen }
}

impl Findings {
    /// Whether this run shows what the experiment is about.
    pub fn are_seen(&self) -> bool {
        self.claims.iter().all(|claim| claim.seen)
    }

    /// Writes the figures and the data of the experiment `name` into `folder`: the files, the data last.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub fn keep(&self, name: &str, folder: &Path) -> Result<Vec<PathBuf>, SetUp> {
        let fault = |error: std::io::Error| {
            SetUp::from_cause(format!("write what was found to `{}`", folder.display()), error)
        };
        std::fs::create_dir_all(folder).map_err(fault)?;
        let mut kept = Vec::new();
        for (name, svg) in &self.figures {
            let path = folder.join(format!("{name}.svg"));
            std::fs::write(&path, svg).map_err(fault)?;
            kept.push(path);
        }
        let (table, claims) = (&self.table, &self.claims);
        let claims: Vec<Value> =
            claims.iter().map(|claim| json!({ "claim": claim.what, "seen": claim.seen })).collect();
        let data = json!({
            "experiment": name,
            "cores": crate::cores(),
            "table": { "head": table.head, "rows": table.rows },
            "claims": claims,
            "data": self.data,
        });
        let text = serde_json::to_vec_pretty(&data).map_err(|error| fault(error.into()))?;
        let path = folder.join("data.json");
        std::fs::write(&path, text).map_err(fault)?;
        kept.push(path);
        Ok(kept)
    }
}

/// The table, and what it says, or what this run did not show.
impl fmt::Display for Findings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.table)?;
        if self.are_seen() {
            return writeln!(f, "{}", wrapped(&self.sentence));
        }
        let missed = self.claims.iter().filter(|claim| !claim.seen);
        missed.into_iter().try_for_each(|claim| writeln!(f, "not seen: {}", claim.what))
    }
}

/// A run's samples and seconds, as raw data.
pub fn raw(run: &Outcomes) -> Value {
    json!({
        "schedule": run.schedule(),
        "counts": run.counts(),
        "seconds": run.per_second(),
        "samples": run.samples(),
    })
}

/// Columns of figures, each with its name above.
pub struct Table {
    head: Vec<&'static str>,
    rows: Vec<Vec<String>>,
    words: usize,
    /// Lines that stand below.
    notes: Vec<String>,
}

impl Table {
    /// A table with these columns. The first one holds words, the others figures.
    pub fn of(head: &[&'static str]) -> Table {
        Table { head: head.to_vec(), rows: Vec::new(), words: 1, notes: Vec::new() }
    }

    /// So many columns hold words.
    pub fn with_words(self, words: usize) -> Table {
        Table { words, ..self }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// Adds a line below the table.
    pub fn note(&mut self, line: impl Into<String>) {
        self.notes.push(line.into());
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut table = comfy_table::Table::new();
        table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        table.set_header(&self.head).add_rows(&self.rows);
        for column in table.column_iter_mut() {
            // Words, and then figures, three blanks apart.
            let gap = if column.index == 0 { 0 } else { 3 };
            column.set_padding((gap, 0));
            if column.index >= self.words {
                column.set_cell_alignment(CellAlignment::Right);
            }
        }
        writeln!(f, "{}", table.trim_fmt())?;
        if !self.notes.is_empty() {
            writeln!(f)?;
        }
        self.notes.iter().try_for_each(|note| writeln!(f, "{}", hanging(note)))
    }
}

/// A time in milliseconds, to a tenth.
pub fn ms(time: std::time::Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}

/// The text in lines that fit the page of a book.
pub fn wrapped(text: &str) -> String {
    textwrap::fill(text, Options::new(100).word_splitter(WordSplitter::NoHyphenation).break_words(false))
}

/// A line that goes on under its own beginning.
fn hanging(line: &str) -> String {
    let indent = " ".repeat(line.len() - line.trim_start().len() + 2);
    let options = Options::new(100).word_splitter(WordSplitter::NoHyphenation).break_words(false);
    textwrap::fill(line, options.subsequent_indent(&indent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_keeps_its_columns_apart() {
        let mut table = Table::of(&["queue", "lost"]);
        table.row(["12".to_owned(), "33.3%".to_owned()]);
        table.row(["a long one".to_owned(), "5%".to_owned()]);
        assert_eq!(table.to_string(), "queue         lost\n12           33.3%\na long one      5%\n");
    }

    #[test]
    fn a_note_stands_below_and_goes_on_under_its_beginning() {
        let mut table = Table::of(&["a"]);
        table.row(["b".to_owned()]);
        table.note(format!("  {}", ["neighbours"; 10].join(" ")));
        let below = format!("  {}\n    {}", ["neighbours"; 9].join(" "), ["neighbours"; 1].join(" "));
        assert_eq!(table.to_string(), format!("a\nb\n\n{below}\n"));
    }

    #[test]
    fn a_sentence_is_broken_between_words() {
        let words = "keep-alive ".repeat(12);
        let lines = wrapped(words.trim());
        let lines: Vec<&str> = lines.lines().collect();
        assert_eq!(lines, [["keep-alive"; 9].join(" "), ["keep-alive"; 3].join(" ")]);
        assert_eq!(wrapped(""), "");
    }
}
