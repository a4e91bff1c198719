//! Bars that lie, each under its own words, in groups.

use std::fmt::Write as _;

use super::{Canvas, Ink};

/// How wide the longest bar is, in percent: its figure stands beside it.
const WIDE: f64 = 74.0;
const BAR: f64 = 16.0;
const ROW: f64 = 42.0;

/// One bar.
pub struct Bar {
    /// What it is of.
    pub label: String,
    /// Its parts, end to end.
    pub parts: Vec<(Ink, f64)>,
    /// Its value in words.
    pub shown: String,
}

/// A figure of bars on one scale.
pub struct Bars {
    /// Names the figure's parts: unique in a page.
    pub id: &'static str,
    /// What the figure is of.
    pub title: String,
    /// The groups, each with its heading.
    pub groups: Vec<(String, Vec<Bar>)>,
    /// What the inks mean, where that has to be said.
    pub legend: Vec<(Ink, String)>,
}

impl Bars {
    /// Draws them.
    pub fn svg(&self) -> String {
        let mut canvas = Canvas::new(self.id);
        let bars = || self.groups.iter().flat_map(|(_, bars)| bars);
        let total = |bar: &Bar| bar.parts.iter().map(|(_, value)| value).sum::<f64>();
        let longest = bars().map(total).fold(f64::MIN_POSITIVE, f64::max);
        canvas.text("tl-soft", 0.0, 12.0, &self.title);
        let mut y = 24.0;
        for (heading, bars) in &self.groups {
            if !heading.is_empty() {
                y += 16.0;
                canvas.text("tl-over", 0.0, y, heading);
                y += 6.0;
            }
            for bar in bars {
                canvas.text("", 0.0, y + 14.0, &bar.label);
                let mut x = 0.0;
                for (ink, value) in &bar.parts {
                    let wide = WIDE * value / longest;
                    let fill = canvas.fill(*ink);
                    let _ = writeln!(
                        canvas.body,
                        "<rect x=\"{x:.3}%\" y=\"{:.1}\" width=\"{wide:.3}%\" height=\"{BAR}\" fill=\"{fill}\"/>",
                        y + 20.0
                    );
                    x += wide;
                }
                canvas.text("tl-over", x + 1.5, y + 32.0, &bar.shown);
                y += ROW;
            }
            y += 6.0;
        }
        let end = canvas.legend(y + 6.0, &self.legend);
        let told: Vec<String> = bars().map(|bar| format!("{}: {}", bar.label, bar.shown)).collect();
        canvas.finish(&self.title, &format!("{}.", told.join(". ")), end)
    }
}
