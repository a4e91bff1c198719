//! Whether what is written and drawn stands out from what is behind it, by the ratio of WCAG 2.

use serde::Deserialize;

use crate::page::Page;

/// The themes that a reader can choose.
pub const THEMES: [&str; 5] = ["light", "rust", "coal", "navy", "ayu"];
/// The least for words.
pub const WORDS: f64 = 4.5;
/// The least for lines, areas and the borders of controls.
pub const MARKS: f64 = 3.0;

/// One of those that look alike: drawn or written, and what is behind it, from the nearest to the farthest.
#[derive(Deserialize)]
struct Seen {
    what: String,
    colour: String,
    behind: Vec<String>,
}

/// Red, green, blue and opacity, each from 0 to 1.
type Colour = [f64; 4];

fn colour(text: &str) -> Colour {
    let inside = text.split_once('(').and_then(|(_, rest)| rest.strip_suffix(')'));
    let parts: Vec<f64> = inside
        .unwrap_or_else(|| panic!("{text} is no rgb()"))
        .split([',', ' ', '/'])
        .filter(|part| !part.is_empty())
        .map(|part| part.parse().unwrap_or_else(|error| panic!("{text}: {error}")))
        .collect();
    [parts[0] / 255.0, parts[1] / 255.0, parts[2] / 255.0, parts.get(3).copied().unwrap_or(1.0)]
}

fn over(front: Colour, back: Colour) -> Colour {
    let mix = |part: usize| front[part] * front[3] + back[part] * (1.0 - front[3]);
    [mix(0), mix(1), mix(2), 1.0]
}

/// From 1 to 21.
fn ratio(one: Colour, other: Colour) -> f64 {
    let luminance = |colour: Colour| {
        let linear =
            |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
        0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// Chooses one of the themes, as a reader does.
pub fn wear(page: &mut Page, theme: &str) {
    page.value::<bool>(&format!("(document.getElementById('mdbook-theme-{theme}').click(), true)"));
    page.until(&format!("document.documentElement.classList.contains('{theme}')"));
}

/// What stands out by less than `least`, of all that the selector finds and a reader sees. It must find something.
pub fn faint(page: &mut Page, selector: &str, property: &str, least: f64) -> Vec<String> {
    let seen: Vec<Seen> = page.value(&format!(
        "Object.values(Object.fromEntries([...document.querySelectorAll('{selector}')].filter((element) => element.checkVisibility()).map((element) => {{
            const behind = [];
            for (let back = element; back; back = back.parentElement) behind.push(getComputedStyle(back).backgroundColor);
            const colour = getComputedStyle(element).{property};
            return [colour + behind, {{ what: `${{element.localName}} “${{element.textContent.slice(0, 20)}}”`, colour, behind }}];
        }})))"
    ));
    assert!(!seen.is_empty(), "there is no {selector}");
    let told = |Seen { what, colour: front, behind }: &Seen| {
        let back = behind.iter().rev().fold([1.0; 4], |back, layer| over(colour(layer), back));
        let ratio = ratio(over(colour(front), back), back);
        (ratio < least).then(|| format!("{what} has a contrast of {ratio:.2} ({front} on {back:.2?})"))
    };
    seen.iter().filter_map(told).collect()
}

#[test]
fn the_contrast_is_what_the_books_say() {
    assert!((ratio(colour("rgb(0, 0, 0)"), colour("rgba(255, 255, 255, 1)")) - 21.0).abs() < 1e-9);
    assert!((ratio(colour("rgb(119, 119, 119)"), [1.0; 4]) - 4.48).abs() < 0.01);
}
