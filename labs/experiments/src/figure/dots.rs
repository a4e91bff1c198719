//! A dot for each request: when it was due, and how long its answer took. Panels under each other, on the same scales.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::ops::Range;
use std::time::Duration;

use super::{Canvas, Ink};

const LEFT: f64 = 9.0;
const WIDE: f64 = 89.0;
const HIGH: f64 = 120.0;
/// Requests closer than this, in either direction, share a dot: nobody could tell them apart.
const GRAIN: Duration = Duration::from_millis(40);

/// What one client saw.
pub struct Panel {
    /// Who it was.
    pub label: String,
    /// When each request left, or was due, and how long its answer took.
    pub dots: Vec<(Duration, Duration)>,
}

/// A figure of dots.
pub struct Dots {
    /// Names the figure's parts: unique in a page.
    pub id: &'static str,
    /// What the figure is of.
    pub title: String,
    /// The panels.
    pub panels: Vec<Panel>,
    /// A part of the time that is marked, and its name.
    pub marked: Option<(Range<Duration>, &'static str)>,
}

impl Dots {
    /// Draws them.
    pub fn svg(&self) -> String {
        let mut canvas = Canvas::new(self.id);
        let all = || self.panels.iter().flat_map(|panel| &panel.dots);
        let seconds = all().map(|(at, _)| at.as_secs_f64()).fold(1.0, f64::max).ceil();
        // Room above the highest dot for the name of the marked part.
        let top = (all().map(|(_, took)| took.as_secs_f64()).fold(1.0, f64::max) + 0.4).ceil();
        let x = |at: f64| LEFT + WIDE * at / seconds;
        canvas.text("tl-soft", 0.0, 12.0, &self.title);
        let mut above = 24.0;
        for panel in &self.panels {
            canvas.text("tl-over", 0.0, above + 14.0, &panel.label);
            above += 28.0;
            let y = |took: f64| above + HIGH * (1.0 - took / top);
            let marked = self
                .marked
                .as_ref()
                .map(|(part, name)| (x(part.start.as_secs_f64()), x(part.end.as_secs_f64()), *name));
            if let Some((from, to, _)) = marked {
                let _ = writeln!(
                    canvas.body,
                    "<rect x=\"{from:.2}%\" y=\"{above:.1}\" width=\"{:.2}%\" height=\"{HIGH}\" fill=\"var(--tl-grid)\" opacity=\"0.5\"/>",
                    to - from
                );
            }
            for tick in 0..=top as u32 {
                let kind = if tick == 0 { "tl-axis" } else { "tl-grid" };
                canvas.line(kind, (LEFT, y(tick.into())), (LEFT + WIDE, y(tick.into())));
                canvas.text("tl-soft tl-end", LEFT - 1.5, y(tick.into()) + 4.0, &format!("{tick} s"));
            }
            for (at, took) in grains(&panel.dots) {
                let _ = writeln!(
                    canvas.body,
                    "<circle class=\"tl-connection-refused\" cx=\"{:.2}%\" cy=\"{:.1}\" r=\"1.8\"/>",
                    x(at.as_secs_f64()),
                    y(took.as_secs_f64())
                );
            }
            if let Some((from, to, name)) = marked {
                canvas.text("tl-over tl-middle", (from + to) / 2.0, above + 14.0, name);
            }
            for second in 0..=seconds as u32 {
                canvas.text("tl-soft tl-middle", x(second.into()), above + HIGH + 16.0, &second.to_string());
            }
            above += HIGH + 26.0;
        }
        canvas.text("tl-soft tl-middle", LEFT + WIDE / 2.0, above + 8.0, "seconds since the start");
        canvas.inks.push(Ink::Connection);
        let told: Vec<String> = self
            .panels
            .iter()
            .map(|panel| format!("{}: {} answers", panel.label, panel.dots.len()))
            .collect();
        canvas.finish(&self.title, &format!("{}.", told.join(". ")), above + 16.0)
    }
}

fn grains(dots: &[(Duration, Duration)]) -> impl Iterator<Item = (Duration, Duration)> {
    let place = |time: &Duration| (time.as_secs_f64() / GRAIN.as_secs_f64()).round() as u32;
    let grains: BTreeSet<(u32, u32)> = dots.iter().map(|(at, took)| (place(at), place(took))).collect();
    grains.into_iter().map(|(at, took)| (GRAIN * at, GRAIN * took))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_could_tell_apart_shares_a_dot() {
        let near = [10, 15, 100].map(|at| (Duration::from_millis(at), GRAIN));
        assert_eq!(grains(&near).count(), 2);
    }
}
