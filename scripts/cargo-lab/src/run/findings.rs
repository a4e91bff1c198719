//! What an experiment has found: printed, and kept as files.

use std::fmt::Write as _;

use serde_json::{Value, json};
use testbed::load::Outcomes;
use testbed::setup::SetUp;

use super::stage::Stage;
use crate::exit::Exit;

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
    what: &'static str,
    seen: bool,
}

/// What the sentence says, and whether this run shows it.
pub fn claim(what: &'static str, seen: bool) -> Claim {
    Claim { what, seen }
}

impl Findings {
    /// Writes the figures and the data into the stage's folder.
    pub fn keep(&self, stage: &Stage) -> Result<(), SetUp> {
        let folder = stage.folder();
        let fault = |error: std::io::Error| {
            SetUp::from_cause(format!("write what was found to `{}`", folder.display()), error)
        };
        std::fs::create_dir_all(&folder).map_err(fault)?;
        for (name, svg) in &self.figures {
            std::fs::write(folder.join(format!("{name}.svg")), svg).map_err(fault)?;
        }
        let (table, claims) = (&self.table, &self.claims);
        let claims: Vec<Value> =
            claims.iter().map(|claim| json!({ "claim": claim.what, "seen": claim.seen })).collect();
        let data = json!({
            "experiment": stage.name(),
            "cores": super::cores(),
            "table": { "head": table.head, "rows": table.rows },
            "claims": claims,
            "data": self.data,
        });
        let text = serde_json::to_vec_pretty(&data).map_err(|error| fault(error.into()))?;
        std::fs::write(folder.join("data.json"), text).map_err(fault)
    }

    /// Prints the table, and what it says; exit 4 when this run does not show what the experiment is about.
    pub fn tell(&self, stage: &Stage) -> Exit {
        println!("{}", self.table);
        let missed: Vec<&Claim> = self.claims.iter().filter(|claim| !claim.seen).collect();
        match missed.is_empty() {
            true => println!("{}", wrapped(&self.sentence, 100)),
            false => missed.iter().for_each(|claim| println!("not seen: {}", claim.what)),
        }
        println!();
        for (name, _) in &self.figures {
            println!("figure {}", stage.shown(&stage.folder().join(format!("{name}.svg"))));
        }
        println!("data   {}", stage.shown(&stage.folder().join("data.json")));
        if missed.is_empty() { Exit::Kept } else { Exit::Inconclusive }
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
}

impl Table {
    /// A table with these columns. The first one holds words, the others figures.
    pub fn of(head: &[&'static str]) -> Table {
        Table { head: head.to_vec(), rows: Vec::new() }
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }
}

impl std::fmt::Display for Table {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let head: Vec<String> = self.head.iter().map(|name| (*name).to_owned()).collect();
        let lines: Vec<&Vec<String>> = [&head].into_iter().chain(&self.rows).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
        let widths: Vec<usize> = (0..head.len()).map(width).collect();
        for line in lines {
            let mut text = String::new();
            for (column, (cell, width)) in line.iter().zip(&widths).enumerate() {
                let _ = match column {
                    0 => write!(text, "{cell:<width$}"),
                    _ => write!(text, "   {cell:>width$}"),
                };
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        Ok(())
    }
}

/// The text in lines of at most `width` characters.
fn wrapped(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
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
    fn a_sentence_is_broken_between_words() {
        assert_eq!(wrapped("one two three", 7), "one two\nthree");
        assert_eq!(wrapped("", 7), "");
    }
}
