//! What the page looks like: on a phone and on a desk, by day and by night, on paper.

use serde::Deserialize;
use serde_json::{Value, json};

use crate::controls::SHOWN;
use crate::page::Page;

const THEMES: [&str; 5] = ["light", "rust", "coal", "navy", "ayu"];

/// Something drawn or written, and what is behind it, from the nearest to the farthest.
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

/// The contrast ratio of WCAG 2, from 1 to 21.
fn contrast(one: Colour, other: Colour) -> f64 {
    let luminance = |colour: Colour| {
        let linear =
            |part: f64| if part <= 0.04045 { part / 12.92 } else { ((part + 0.055) / 1.055).powf(2.4) };
        0.2126 * linear(colour[0]) + 0.7152 * linear(colour[1]) + 0.0722 * linear(colour[2])
    };
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

/// The contrast of everything that the selector finds, which must be there, with what is behind it.
fn contrasts(page: &mut Page, selector: &str, property: &str) -> Vec<(String, f64)> {
    let seen: Vec<Seen> = page.value(&format!(
        "[...document.querySelectorAll('.overload-simulator :is({selector})')].map((element) => {{
            const behind = [];
            for (let back = element; back; back = back.parentElement) behind.push(getComputedStyle(back).backgroundColor);
            const colour = getComputedStyle(element).{property};
            return {{ what: `${{element.localName}} “${{element.textContent.slice(0, 20)}}”`, colour, behind }};
        }})"
    ));
    assert!(!seen.is_empty(), "there is no {selector}");
    seen.iter()
        .map(|Seen { what, colour: front, behind }| {
            let back = behind.iter().rev().fold([1.0; 4], |back, layer| over(colour(layer), back));
            (what.clone(), contrast(over(colour(front), back), back))
        })
        .collect()
}

/// The settings of a run in which some requests are accepted, some refused, and some time out.
fn every_outcome() -> Value {
    json!({ "arrivalRate": 200, "timeoutMs": 450 })
}

fn wear(page: &mut Page, theme: &str) {
    page.value::<bool>(&format!(
        "(document.documentElement.classList.remove(...{THEMES:?}), document.documentElement.classList.add('{theme}'), true)"
    ));
}

#[test]
fn the_contrast_is_what_the_books_say() {
    assert!((contrast(colour("rgb(0, 0, 0)"), colour("rgba(255, 255, 255, 1)")) - 21.0).abs() < 1e-9);
    assert!((contrast(colour("rgb(119, 119, 119)"), [1.0; 4]) - 4.48).abs() < 0.01);
}

#[test]
fn every_theme_is_readable() {
    let mut page = Page::of_simulator();
    page.prefer("prefers-reduced-motion", "reduce");
    page.set::<bool>(&every_outcome(), "true");
    for theme in THEMES {
        wear(&mut page, theme);
        let mut words = contrasts(
            &mut page,
            "label, input, select, button:not(:disabled), p, li, caption, th, td:not(:empty)",
            "color",
        );
        words.extend(contrasts(&mut page, "svg text", "fill"));
        for (what, ratio) in words {
            assert!(ratio >= 4.5, "{theme}: {what} has a contrast of {ratio:.2}");
        }
        let mut marks = contrasts(&mut page, "pattern", "color");
        marks.extend(contrasts(&mut page, ".overload-waiting", "fill"));
        marks.extend(contrasts(&mut page, ".overload-median, .overload-mark, .overload-axis", "stroke"));
        marks.extend(contrasts(&mut page, "input, select, button", "borderTopColor"));
        for (what, ratio) in marks {
            assert!(ratio >= 3.0, "{theme}: {what} has a contrast of {ratio:.2}");
        }
    }
}

#[test]
fn it_follows_the_readers_light_and_dark() {
    let mut seen = Vec::new();
    for (scheme, theme) in [("light", "light"), ("dark", "navy")] {
        let mut page = Page::empty();
        page.prefer("prefers-color-scheme", scheme);
        page.open(crate::book::simulator());
        assert!(
            page.value::<bool>(&format!("document.documentElement.classList.contains('{theme}')")),
            "{scheme}"
        );
        let colours: Vec<String> = page.value(
            "['.overload-accepted', '.overload-refused', '.overload-timedOut', 'input', 'td'].map((part) =>
                getComputedStyle(document.querySelector(`.overload-simulator ${part}`)).color)",
        );
        seen.push(colours);
    }
    for (light, dark) in seen[0].iter().zip(&seen[1]) {
        assert_ne!(light, dark);
    }
}

#[test]
fn a_phone_and_a_desk_show_all_without_scrolling_sideways() {
    for scheme in ["light", "dark"] {
        let mut page = Page::empty();
        page.prefer("prefers-color-scheme", scheme);
        page.prefer("prefers-reduced-motion", "reduce");
        page.open(crate::book::simulator());
        page.set::<bool>(&every_outcome(), "true");
        for width in [360, 1280] {
            page.resize(width);
            let (inner, scroll): (u32, u32) =
                page.value("[innerWidth, document.documentElement.scrollWidth]");
            assert_eq!((inner, scroll), (width, width), "{scheme}");
            let outside: Vec<String> = page.value(
                "[...document.querySelectorAll('.overload-simulator *')]
                    .filter((element) => !element.closest('.overload-totals-box table, .overload-seconds-box table'))
                    .filter((element) => { const box = element.getBoundingClientRect(); return box.left < 0 || box.right > innerWidth + 0.5; })
                    .map((element) => element.outerHTML.slice(0, 80))",
            );
            assert_eq!(outside, [""; 0], "{width} pixels");
            let letters: f64 = page.value(
                "parseFloat(getComputedStyle(document.querySelector('.overload-figure svg')).fontSize)
                    * document.querySelector('.overload-figure svg').getBoundingClientRect().width
                    / document.querySelector('.overload-figure svg').viewBox.baseVal.width",
            );
            assert!(letters >= 11.0, "the figure's letters are {letters:.1} pixels at {width}");
            page.picture(&format!("simulator-{width}-{scheme}"));
        }
    }
}

#[test]
fn on_paper_it_is_a_finished_figure_without_controls() {
    let mut page = Page::of_simulator();
    page.tab_to("run");
    page.press("Enter");
    page.print();
    let is_shown = |page: &mut Page, part: &str| -> bool {
        page.value(&format!("document.querySelector('.overload-{part}').checkVisibility()"))
    };
    for part in ["controls", "now", "seconds-box"] {
        assert!(!is_shown(&mut page, part), "{part} is on paper");
    }
    for part in ["figure", "summary", "totals-box"] {
        assert!(is_shown(&mut page, part), "{part} is not on paper");
    }
    assert_eq!(page.value::<f64>(SHOWN), 1.0, "the run is not finished");
    wear(&mut page, "navy");
    let mut inked = contrasts(&mut page, "figure svg text", "fill");
    inked.extend(contrasts(
        &mut page,
        ".overload-totals :is(th, td:not(:empty)), caption, p[role], li",
        "color",
    ));
    for (what, ratio) in inked {
        assert!(ratio >= 4.5, "{what} has a contrast of {ratio:.2} on paper, which is white in every theme");
    }
    page.picture("simulator-print");
}
