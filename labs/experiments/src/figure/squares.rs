//! A square for each request, in the order in which they were sent.

use std::fmt::Write as _;

use super::{Canvas, Ink};

/// So many in a row: they fit on a phone.
const ACROSS: usize = 20;
const STEP: usize = 15;
const SIDE: usize = 12;

/// A figure of squares.
pub struct Squares {
    /// Names the figure's parts: unique in a page.
    pub id: &'static str,
    /// What the figure is of.
    pub title: String,
    /// The requests.
    pub inks: Vec<Ink>,
    /// What the inks mean.
    pub legend: Vec<(Ink, String)>,
}

impl Squares {
    /// Draws them.
    pub fn svg(&self) -> String {
        let mut canvas = Canvas::new(self.id);
        canvas.text("tl-soft", 0.0, 12.0, &self.title);
        for (place, ink) in self.inks.iter().enumerate() {
            let fill = canvas.fill(*ink);
            let (x, y) = (STEP * (place % ACROSS), 24 + STEP * (place / ACROSS));
            let _ = writeln!(
                canvas.body,
                "<rect x=\"{x}\" y=\"{y}\" width=\"{SIDE}\" height=\"{SIDE}\" fill=\"{fill}\"/>"
            );
        }
        let rows = self.inks.len().div_ceil(ACROSS);
        let end = canvas.legend((24 + STEP * rows + 14) as f64, &self.legend);
        let told: Vec<&str> = self.legend.iter().map(|(_, words)| words.as_str()).collect();
        canvas.finish(&self.title, &format!("{}.", told.join(". ")), end)
    }
}
