//! Pictures that a timeline does not say, in its style: colours that follow the reader's scheme, a pattern beside each colour,
//! across in percent and down in pixels. No title may hold a character that XML knows otherwise.

mod bars;
mod dots;
mod squares;

use std::fmt::Write as _;

use testbed::report::figure::STYLE;

pub use bars::{Bar, Bars};
pub use dots::{Dots, Panel};
pub use squares::Squares;

/// A colour with its pattern.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ink {
    /// Served, or the good case.
    Good,
    /// Refused: the client knows.
    Refused,
    /// Lost, or waited for.
    Lost,
    /// A connection's own time.
    Connection,
    /// Nothing was there.
    Nobody,
}

impl Ink {
    fn class(self) -> &'static str {
        match self {
            Ink::Good => "tl-accepted",
            Ink::Refused => "tl-refused",
            Ink::Lost => "tl-timed-out",
            Ink::Connection => "tl-connection-refused",
            Ink::Nobody => "tl-unsent",
        }
    }

    fn marks(self) -> &'static str {
        match self {
            Ink::Good => "",
            Ink::Refused => "<path class=\"tl-mark\" d=\"M-2 2L2 -2M0 8L8 0M6 10L10 6\"/>",
            Ink::Lost => "<path class=\"tl-mark\" d=\"M0 0L8 8M8 0L0 8\"/>",
            Ink::Connection => "<path class=\"tl-mark\" d=\"M0 2H8M0 6H8\"/>",
            Ink::Nobody => "<path class=\"tl-mark\" d=\"M-2 6L2 10M0 0L8 8M6 -2L10 2\"/>",
        }
    }
}

/// A picture under way.
struct Canvas {
    id: String,
    body: String,
    inks: Vec<Ink>,
}

impl Canvas {
    /// Figures share a page, and each refers to its own patterns by its id.
    fn new(id: &str) -> Canvas {
        Canvas { id: format!("run-{id}"), body: String::new(), inks: Vec::new() }
    }

    /// Text at `x` percent; `class` is one of the style's.
    fn text(&mut self, class: &str, x: f64, y: f64, text: &str) {
        let _ = writeln!(self.body, "<text class=\"{class}\" x=\"{x:.2}%\" y=\"{y:.1}\">{text}</text>");
    }

    /// A line from and to percent across, pixels down.
    fn line(&mut self, class: &str, from: (f64, f64), to: (f64, f64)) {
        let _ = writeln!(
            self.body,
            "<line class=\"{class}\" x1=\"{:.2}%\" y1=\"{:.1}\" x2=\"{:.2}%\" y2=\"{:.1}\"/>",
            from.0, from.1, to.0, to.1
        );
    }

    /// What to fill with this ink.
    fn fill(&mut self, ink: Ink) -> String {
        if !self.inks.contains(&ink) {
            self.inks.push(ink);
        }
        format!("url(#{}-{})", self.id, ink.class())
    }

    /// A row for each ink, from `y` downwards; gives where the next thing may stand.
    fn legend(&mut self, y: f64, rows: &[(Ink, String)]) -> f64 {
        for (row, (ink, words)) in rows.iter().enumerate() {
            let y = y + 20.0 * row as f64;
            let fill = self.fill(*ink);
            let _ = writeln!(
                self.body,
                "<svg y=\"{y:.1}\" overflow=\"visible\"><rect width=\"16\" height=\"13\" fill=\"{fill}\"/>\
                 <text x=\"24\" y=\"11\">{words}</text></svg>"
            );
        }
        y + 20.0 * rows.len() as f64
    }

    /// The whole picture. `told` is what it shows, for those who do not see it.
    fn finish(self, title: &str, told: &str, height: f64) -> String {
        let id = self.id;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"tl\" width=\"100%\" height=\"{height:.0}\" role=\"img\" \
             aria-labelledby=\"{id}-title {id}-desc\">\n<title id=\"{id}-title\">{title}</title>\n\
             <desc id=\"{id}-desc\">{told}</desc>\n<style>\n{}\n</style>\n<defs>\n",
            STYLE.trim()
        );
        for ink in self.inks {
            let (class, marks) = (ink.class(), ink.marks());
            let _ = writeln!(
                svg,
                "<pattern id=\"{id}-{class}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
                 <rect class=\"{class}\" width=\"8\" height=\"8\"/>{marks}</pattern>"
            );
        }
        let _ = write!(svg, "</defs>\n{}</svg>\n", self.body);
        svg
    }
}
