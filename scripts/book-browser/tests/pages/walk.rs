//! Every page of the book as its readers meet it: on a phone and on a desk, in every theme, by keyboard, by ear; without an error of its scripts.

use serde_json::Value;

use crate::book;
use crate::contrast::{THEMES, WORDS, faint, wear};
use crate::page::Page;

const PHONE: u32 = 390;
const DESK: u32 = 1300;

/// Walks all pages on a screen of this width, and tells of all that `look` finds, each with its page.
#[track_caller]
fn walk(width: u32, look: impl Fn(&mut Page) -> Vec<String>) {
    let mut page = Page::empty();
    page.prefer("prefers-reduced-motion", "reduce");
    // Before anything is opened: whether the contents stand beside the text is decided as a page is loaded.
    page.resize(width);
    let mut found = Vec::new();
    for file in book::pages() {
        page.open(file);
        let name = file.strip_prefix(book::target()).unwrap_or(file).display().to_string();
        found.extend(look(&mut page).into_iter().map(|what| format!("{name}: {what}")));
    }
    assert!(book::pages().len() > 30, "these are not all pages: {:?}", book::pages());
    assert!(found.is_empty(), "{} places:\n{}", found.len(), found.join("\n"));
}

/// The beginnings of all elements of this kind for which the condition on `element` holds.
fn those(page: &mut Page, selector: &str, condition: &str) -> Vec<String> {
    page.value(&format!(
        "[...document.querySelectorAll('{selector}')].filter((element) => {condition})
            .map((element) => element.outerHTML.slice(0, 100).replaceAll('\\n', ' '))"
    ))
}

#[test]
fn on_a_phone_no_page_scrolls_sideways() {
    walk(PHONE, wide);
}

#[test]
fn on_a_desk_every_page_is_whole() {
    walk(DESK, |page| {
        let mut found = errors(page);
        found.extend(wide(page));
        let scrolls = "element.scrollWidth > element.clientWidth + 1";
        let scrolling = those(page, "main :is(pre > code, .table-wrapper)", scrolls);
        found.extend(scrolling.into_iter().map(|what| format!("it scrolls sideways: {what}")));
        found.extend(levels(page));
        found.extend(out_of_reach(page));
        found
    });
}

#[test]
fn in_every_theme_every_word_is_readable() {
    const TEXT: &str = "h1, h2, h3, h4, h5, h6, p, li, dt, dd, th, td:not(:empty), a, code, code span, summary, figcaption, strong, em";
    walk(DESK, |page| {
        let mut found = Vec::new();
        for theme in THEMES {
            wear(page, theme);
            let mut told = faint(page, &format!("main :is({TEXT})"), "color", WORDS);
            told.extend(faint(
                page,
                ".chapter :is(a, .part-title), .menu-title, .nav-chapters",
                "color",
                WORDS,
            ));
            found.extend(told.into_iter().map(|what| format!("{theme}: {what}")));
        }
        found
    });
}

/// On paper nothing scrolls: what is wider than the sheet is lost.
#[test]
fn on_paper_no_page_is_cut() {
    const SHEET: u32 = 718;
    walk(SHEET, |page| {
        page.print();
        let mut found = wide(page);
        let lost = "element.scrollWidth > element.clientWidth + 1 || element.scrollHeight > element.clientHeight + 1";
        let cut = those(
            page,
            "main :is(pre > code, .table-wrapper)",
            &format!("element.checkVisibility() && ({lost})"),
        );
        found.extend(cut.into_iter().map(|what| format!("on paper it is cut: {what}")));
        found
    });
}

#[test]
fn a_word_is_found_and_leads_to_its_place() {
    let mut page = Page::empty();
    page.open(&book::pages()[0]);
    page.press("s");
    // The index is loaded when the field is opened.
    page.until("document.activeElement.type === 'search' && !document.querySelector('#mdbook-searchbar-outer.searching')");
    "redelivery".chars().for_each(|letter| page.press(&letter.to_string()));
    page.until("document.querySelector('#mdbook-searchresults a')");
    let found: String = page.value("document.querySelector('#mdbook-searchresults a').href");
    page.follow(&found);
    page.until("document.querySelector('main mark')");
    let marked: String = page.value("document.querySelector('main mark').textContent.toLowerCase()");
    assert!(marked.starts_with("redeliver"), "{found} marks “{marked}”");
}

/// What its scripts threw, and what it could not load.
fn errors(page: &Page) -> Vec<String> {
    let thrown = page.events("Runtime.exceptionThrown").into_iter().map(Value::to_string);
    let logged = page.events("Log.entryAdded").into_iter().filter(|event| event["entry"]["level"] == "error");
    thrown.chain(logged.map(Value::to_string)).collect()
}

/// What is wider than the screen. A table and a piece of code may be, on a phone: they scroll by themselves.
fn wide(page: &mut Page) -> Vec<String> {
    let outside = "!element.closest('pre, table, .table-wrapper, svg, math') && element.checkVisibility()
        && element.getBoundingClientRect().right > innerWidth + 1";
    let cut = those(page, "main *", outside);
    let mut found: Vec<String> = cut.into_iter().map(|what| format!("it is cut: {what}")).collect();
    let (screen, wide): (u32, u32) = page.value("[innerWidth, document.documentElement.scrollWidth]");
    if wide > screen {
        found.push(format!("on a screen of {screen} pixels it is {wide} wide"));
    }
    found
}

/// Headings that do not make an outline: one of the first level, at the beginning, and none left out below it.
fn levels(page: &mut Page) -> Option<String> {
    let levels: Vec<u32> = page.value(
        "[...document.querySelectorAll('main :is(h1, h2, h3, h4, h5, h6)')].map((heading) => Number(heading.localName[1]))",
    );
    let one_top = levels.first() == Some(&1) && levels.iter().filter(|level| **level == 1).count() == 1;
    let none_left_out = levels.windows(2).all(|two| two[1] <= two[0] + 1);
    (!one_top || !none_left_out).then(|| format!("its headings have the levels {levels:?}"))
}

/// What cannot be reached by the keyboard, or says nothing to who does not see it.
fn out_of_reach(page: &mut Page) -> Vec<String> {
    let pressed = "main :is(a[href], summary, button, input, select)";
    let nameless =
        "!(element.textContent.trim() || element.title || element.ariaLabel || element.labels?.length
        || element.querySelector('img[alt]'))";
    let found = [
        ("no Tab leads to it", those(page, pressed, "element.tabIndex < 0 && !element.disabled")),
        ("it has no name", those(page, pressed, nameless)),
        ("it has no text in its place", those(page, "main img", "!element.hasAttribute('alt')")),
    ];
    let told = |(why, all): (&str, Vec<String>)| {
        all.into_iter().map(|what| format!("{why}: {what}")).collect::<Vec<_>>()
    };
    found.into_iter().flat_map(told).collect()
}
