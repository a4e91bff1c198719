//! A load run as a picture: one column a second, what became of the requests stacked in it, the offered load as a line
//! above. A self-contained SVG without scripts or fonts, for the report's page and for the book.
//!
//! Across, everything stands in percent; down, in pixels. So the figure fills whatever width it is given, and its text
//! keeps its size on a phone. Colours follow the reader's scheme and mdBook's themes; every outcome has a pattern too.

mod words;

use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hash, Hasher};

use super::Timeline;
use super::html::escape;
use crate::load::{Outcome, Second};
pub(super) use words::grouped;
use words::{description, share, tenths, told};

/// The style of figures, for whoever draws others: one look for all.
pub const STYLE: &str = include_str!("figure.css");

/// Where the columns begin and how wide they are together, in percent.
const LEFT: f64 = 13.0;
const WIDE: f64 = 85.0;
/// Where the columns begin, from above, and how high the highest is, in pixels.
const TOP: f64 = 40.0;
const HIGH: f64 = 200.0;
const LEGEND: f64 = TOP + HIGH + 50.0;
const LEGEND_ROW: f64 = 20.0;

/// Draws a load run.
pub fn timeline_svg(timeline: &Timeline) -> String {
    let plot = Plot::of(timeline);
    let occurring: Vec<Outcome> = occurring(timeline).collect();
    let id = id(timeline);
    let rows = occurring.len() + usize::from(!timeline.stored.is_empty());
    let height = LEGEND + LEGEND_ROW * rows as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"tl\" width=\"100%\" height=\"{height}\" role=\"img\" \
         aria-labelledby=\"{id}-title {id}-desc\">\n"
    );
    let _ = writeln!(svg, "<title id=\"{id}-title\">{}</title>", escape(&timeline.label));
    let _ = writeln!(svg, "<desc id=\"{id}-desc\">{}</desc>", escape(&description(timeline)));
    // A blank line would end the figure in Markdown.
    let _ = writeln!(svg, "<style>\n{}\n</style>", STYLE.trim());
    let _ = writeln!(svg, "<defs>");
    occurring.iter().for_each(|outcome| svg.push_str(&pattern(&id, *outcome)));
    let _ = writeln!(svg, "</defs>");
    plot.axes(&mut svg);
    plot.columns(&mut svg, &timeline.seconds, &id);
    plot.lines(&mut svg, timeline);
    legend(&mut svg, timeline, &occurring, &id);
    svg.push_str("</svg>\n");
    svg
}

/// The outcomes that occur in a run, in the order in which they are stacked.
pub(super) fn occurring(timeline: &Timeline) -> impl Iterator<Item = Outcome> {
    Outcome::ALL.into_iter().filter(|outcome| timeline.counts.of(*outcome) > 0)
}

/// The scales.
struct Plot {
    columns: usize,
    /// The value at the top, a whole number of steps.
    top: f64,
    step: f64,
}

impl Plot {
    fn of(timeline: &Timeline) -> Self {
        let stacked = |second: &Second| second.counts.ended().max(second.counts.scheduled);
        let highest = timeline.seconds.iter().map(stacked).max();
        let highest = highest.max(timeline.stored.iter().max().copied());
        let highest = (highest.unwrap_or(0) as f64).max(timeline.capacity.unwrap_or(0.0)).max(1.0);
        let step = round_step(highest, 5.0);
        // Room above the highest line for its label.
        let top = (highest * 1.08 / step).ceil() * step;
        Self { columns: timeline.seconds.len().max(timeline.stored.len()).max(1), top, step }
    }

    fn x(&self, second: f64) -> f64 {
        LEFT + WIDE * second / self.columns as f64
    }

    fn y(&self, value: f64) -> f64 {
        TOP + HIGH - self.height(value)
    }

    fn height(&self, value: f64) -> f64 {
        HIGH * value / self.top
    }

    fn axes(&self, svg: &mut String) {
        let (right, bottom) = (LEFT + WIDE, TOP + HIGH);
        let _ = writeln!(
            svg,
            "<text class=\"tl-soft\" x=\"0\" y=\"14\">requests a second, by the second they ended in</text>"
        );
        for tick in 0..=(self.top / self.step).round() as u64 {
            let value = tick as f64 * self.step;
            let y = self.y(value);
            let kind = if tick == 0 { "tl-axis" } else { "tl-grid" };
            line(svg, kind, (LEFT, y), (right, y));
            let _ = writeln!(
                svg,
                "<text class=\"tl-soft tl-end\" x=\"{:.3}%\" y=\"{:.1}\">{}</text>",
                LEFT - 1.5,
                y + 4.0,
                grouped(value as u64)
            );
        }
        let every = round_step(self.columns as f64, 8.0).max(1.0);
        let mut second = 0.0;
        while second <= self.columns as f64 {
            let _ = writeln!(
                svg,
                "<text class=\"tl-soft tl-middle\" x=\"{:.3}%\" y=\"{:.1}\">{second}</text>",
                self.x(second),
                bottom + 17.0
            );
            second += every;
        }
        let _ = writeln!(
            svg,
            "<text class=\"tl-soft tl-middle\" x=\"{:.3}%\" y=\"{:.1}\">seconds since the start</text>",
            LEFT + WIDE / 2.0,
            bottom + 34.0
        );
    }

    fn columns(&self, svg: &mut String, seconds: &[Second], id: &str) {
        let wide = WIDE / self.columns as f64;
        for (column, second) in seconds.iter().enumerate() {
            let _ = writeln!(svg, "<g><title>{}</title>", told(second));
            let mut below = 0;
            for outcome in Outcome::ALL {
                let count = second.counts.of(outcome);
                if count == 0 {
                    continue;
                }
                below += count;
                let _ = writeln!(
                    svg,
                    "<rect x=\"{:.3}%\" y=\"{:.3}\" width=\"{:.3}%\" height=\"{:.3}\" fill=\"url(#{id}-{})\"/>",
                    self.x(column as f64) + wide * 0.06,
                    self.y(below as f64),
                    wide * 0.88,
                    self.height(count as f64),
                    kind(outcome)
                );
            }
            svg.push_str("</g>\n");
        }
    }

    /// A line that keeps its height for a second at a time.
    fn steps(&self, svg: &mut String, class: &str, values: &[f64]) {
        for (second, value) in values.iter().enumerate() {
            let (from, to) = (self.x(second as f64), self.x(second as f64 + 1.0));
            line(svg, class, (from, self.y(*value)), (to, self.y(*value)));
            if let Some(next) = values.get(second + 1).filter(|next| *next != value) {
                line(svg, class, (to, self.y(*value)), (to, self.y(*next)));
            }
        }
    }

    /// The offered load as steps, while there was any, what was stored in the same way, and the capacity across.
    fn lines(&self, svg: &mut String, timeline: &Timeline) {
        let right = LEFT + WIDE;
        let offered: Vec<f64> =
            timeline.seconds.iter().map(|second| second.counts.scheduled as f64).collect();
        let until = offered.iter().rposition(|offered| *offered > 0.0).map_or(0, |last| last + 1);
        let offered = &offered[..until];
        self.steps(svg, "tl-offered", offered);
        let stored: Vec<f64> = timeline.stored.iter().map(|stored| *stored as f64).collect();
        self.steps(svg, "tl-stored", &stored);
        if let Some(first) = offered.first() {
            let steady = offered.iter().all(|load| load == first);
            let load = if steady { format!("offered {}", tenths(*first)) } else { "offered".into() };
            let _ = writeln!(
                svg,
                "<text class=\"tl-over\" x=\"{:.3}%\" y=\"{:.1}\">{load}</text>",
                LEFT + 1.0,
                self.y(*first) - 7.0
            );
        }
        if let Some(capacity) = timeline.capacity {
            let y = self.y(capacity);
            line(svg, "tl-capacity", (LEFT, y), (right, y));
            let _ = writeln!(
                svg,
                "<text class=\"tl-over tl-end\" x=\"{right:.3}%\" y=\"{:.1}\">capacity {}</text>",
                y - 7.0,
                tenths(capacity)
            );
        }
    }
}

fn legend(svg: &mut String, timeline: &Timeline, occurring: &[Outcome], id: &str) {
    for (row, outcome) in occurring.iter().enumerate() {
        let count = timeline.counts.of(*outcome);
        let _ = writeln!(
            svg,
            "<svg x=\"{LEFT}%\" y=\"{:.1}\" overflow=\"visible\"><rect width=\"16\" height=\"13\" fill=\"url(#{id}-{})\"/>\
             <text x=\"24\" y=\"11\">{}</text><text class=\"tl-end\" x=\"195\" y=\"11\">{}</text>\
             <text class=\"tl-end tl-soft\" x=\"250\" y=\"11\">{}</text></svg>",
            LEGEND + LEGEND_ROW * row as f64,
            kind(*outcome),
            outcome.words(),
            grouped(count),
            share(count, timeline.counts.scheduled)
        );
    }
    if !timeline.stored.is_empty() {
        let _ = writeln!(
            svg,
            "<svg x=\"{LEFT}%\" y=\"{:.1}\" overflow=\"visible\"><line class=\"tl-stored\" x2=\"16\" y1=\"7\" y2=\"7\"/>\
             <text x=\"24\" y=\"11\">stored</text><text class=\"tl-end\" x=\"195\" y=\"11\">{}</text></svg>",
            LEGEND + LEGEND_ROW * occurring.len() as f64,
            grouped(timeline.stored.iter().sum()),
        );
    }
}

/// A tile of an outcome's colour with marks in the colour of the page: readable without seeing the colour.
fn pattern(id: &str, outcome: Outcome) -> String {
    let marks = match outcome {
        Outcome::Accepted => "",
        Outcome::Refused => "<path class=\"tl-mark\" d=\"M-2 2L2 -2M0 8L8 0M6 10L10 6\"/>",
        Outcome::OtherStatus => {
            "<circle class=\"tl-dot\" cx=\"2\" cy=\"2\" r=\"1.3\"/><circle class=\"tl-dot\" cx=\"6\" cy=\"6\" r=\"1.3\"/>"
        }
        Outcome::TimedOut => "<path class=\"tl-mark\" d=\"M0 0L8 8M8 0L0 8\"/>",
        Outcome::ConnectionRefused => "<path class=\"tl-mark\" d=\"M0 2H8M0 6H8\"/>",
        Outcome::Reset => "<path class=\"tl-mark\" d=\"M2 0V8M6 0V8\"/>",
        Outcome::Unsent => "<path class=\"tl-mark\" d=\"M-2 6L2 10M0 0L8 8M6 -2L10 2\"/>",
    };
    let kind = kind(outcome);
    format!(
        "<pattern id=\"{id}-{kind}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\">\
         <rect class=\"tl-{kind}\" width=\"8\" height=\"8\"/>{marks}</pattern>\n"
    )
}

fn kind(outcome: Outcome) -> String {
    outcome.words().replace(' ', "-")
}

fn line(svg: &mut String, class: &str, from: (f64, f64), to: (f64, f64)) {
    let _ = writeln!(
        svg,
        "<line class=\"{class}\" x1=\"{:.3}%\" y1=\"{:.1}\" x2=\"{:.3}%\" y2=\"{:.1}\"/>",
        from.0, from.1, to.0, to.1
    );
}

/// The round number (1, 2 or 5 times a power of ten) that goes into a range at most so often.
fn round_step(range: f64, times: f64) -> f64 {
    let at_least = range / times;
    let power = 10_f64.powf(at_least.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0].map(|digit| digit * power).into_iter().find(|step| *step >= at_least);
    step.unwrap_or(at_least).max(1.0)
}

/// Figures share a page, and each refers to its own patterns.
fn id(timeline: &Timeline) -> String {
    let mut hasher = DefaultHasher::new();
    format!("{timeline:?}").hash(&mut hasher);
    format!("tl-{:08x}", hasher.finish() as u32)
}

#[cfg(test)]
mod tests;
