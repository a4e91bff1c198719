//! What the page looks like: on a phone and on a desk, by day and by night, on paper.

use serde_json::{Value, json};

use crate::contrast::{MARKS, THEMES, WORDS, faint, wear};
use crate::controls::SHOWN;
use crate::page::Page;

/// What the selector finds in the simulator.
fn inside(selector: &str) -> String {
    format!(".overload-simulator :is({selector})")
}

/// The settings of a run in which some requests are accepted, some refused, and some time out.
fn every_outcome() -> Value {
    json!({ "arrivalRate": 200, "timeoutMs": 450 })
}

#[test]
fn every_theme_is_readable() {
    let mut page = Page::of_simulator();
    page.prefer("prefers-reduced-motion", "reduce");
    page.set::<bool>(&every_outcome(), "true");
    for theme in THEMES {
        wear(&mut page, theme);
        let mut found = Vec::new();
        for (part, property, least) in [
            (
                "label, input, select, button:not(:disabled), p, li, caption, th, td:not(:empty)",
                "color",
                WORDS,
            ),
            ("svg text", "fill", WORDS),
            ("pattern", "color", MARKS),
            (".overload-waiting", "fill", MARKS),
            (".overload-median, .overload-mark, .overload-axis", "stroke", MARKS),
            ("input, select, button", "borderTopColor", MARKS),
        ] {
            found.extend(faint(&mut page, &inside(part), property, least));
        }
        assert_eq!(found, [""; 0], "{theme}");
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
    let words = ".overload-totals :is(th, td:not(:empty)), caption, p[role], li";
    let mut found = faint(&mut page, &inside("figure svg text"), "fill", WORDS);
    found.extend(faint(&mut page, &inside(words), "color", WORDS));
    assert_eq!(found, [""; 0], "on paper, which is white in every theme");
    page.picture("simulator-print");
}
