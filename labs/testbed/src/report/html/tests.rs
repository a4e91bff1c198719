use super::sample::{HOSTILE, overload, report};
use super::*;

#[test]
fn nothing_that_a_subject_says_becomes_markup() {
    let mut report = report();
    let hostile = || HOSTILE.to_string();
    (report.lab, report.title, report.subject) = (hostile(), hostile(), hostile());
    for service in &mut report.services {
        (service.name, service.image, service.chosen) = (hostile(), hostile(), hostile());
    }
    for check in &mut report.checks {
        (check.name, check.title, check.again) = (hostile(), hostile(), hostile());
        (check.read.chapter, check.read.section) = (hostile(), hostile());
        check.promised.push(hostile());
        check.observed.extend([Fact::text(HOSTILE), Fact::named(HOSTILE, HOSTILE), Fact::count(HOSTILE, 1)]);
        (check.likely, check.next) = (Some(hostile()), Some(hostile()));
        check.hole = Some(crate::report::Hole { text: hostile(), at: hostile() });
        check.stderr.push(hostile());
        for timeline in &mut check.timelines {
            (timeline.label, timeline.schedule) = (hostile(), hostile());
            (timeline.latency, timeline.send_lag) = (hostile(), hostile());
        }
    }
    let html = page(&report);
    for markup in ["<script", "<img", "alert(\""] {
        assert!(!html.contains(markup), "{markup} got through");
    }
    assert_eq!(html.matches("</pre>").count(), html.matches("<pre>").count());
    assert!(html.contains("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp;"));
}

#[test]
fn colours_and_control_characters_are_dropped() {
    assert_eq!(escape("\u{1b}[31mred\u{1b}[0m"), "red");
    assert_eq!(escape("a\u{0}b\u{8}c\td\ne\u{85}\u{ffff}f"), "abc\td\nef");
    assert_eq!(escape("é – “한국어” 😀"), "é – “한국어” 😀");
}

#[test]
fn every_check_is_in_the_summary_and_has_its_section() {
    let report = report();
    let html = page(&report);
    for check in &report.checks {
        assert_eq!(html.matches(&format!("<a href=\"#{}\">", check.name)).count(), 1);
        assert_eq!(html.matches(&format!("id=\"{}\"", check.name)).count(), 1);
    }
    for words in ["✗</span> broken", "✓</span> kept", "?</span> inconclusive", "!</span> set-up"] {
        assert!(html.contains(words), "{words}");
    }
    assert!(html.contains("<dt>exit code</dt><dd>3: the set-up is at fault</dd>"));
    assert!(html.contains("1 broken, 1 set-up, 1 inconclusive, 2 kept"));
}

#[test]
fn the_table_holds_what_the_figure_shows() {
    let timeline = overload();
    let html = run(&timeline).into_string().replace("<tr>", "\n<tr>");
    let rows: Vec<Vec<u64>> = html
        .lines()
        .filter(|line| line.starts_with("<tr><td"))
        .map(|line| {
            let cells = line.split("class=\"number\">").skip(1).map(|cell| cell.split('<').next().unwrap());
            cells.take(6).map(|cell| cell.parse().unwrap()).collect()
        })
        .collect();
    assert_eq!(rows.len(), timeline.seconds.len());
    let counts = &timeline.counts;
    let all = [counts.scheduled, counts.accepted, counts.refused, counts.timed_out, counts.reset];
    for (column, expected) in all.into_iter().enumerate() {
        assert_eq!(rows.iter().map(|row| row[column + 1]).sum::<u64>(), expected, "column {column}");
    }
}

#[test]
fn the_page_needs_nothing_beside_it() {
    let html = page(&report());
    for reference in ["src=", "url(http", "@import", "<link", "<script"] {
        let found = html.replace(&escape(HOSTILE), "").contains(reference);
        assert!(!found, "{reference}");
    }
    // For a look at it: `REPORT_SAMPLE=report.html cargo test -p testbed --lib report::html`
    if let Some(path) = std::env::var_os("REPORT_SAMPLE") {
        std::fs::write(&path, html).unwrap();
        std::fs::write(std::path::Path::new(&path).with_extension("svg"), timeline_svg(&overload())).unwrap();
    }
}
