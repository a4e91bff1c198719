use super::*;
use crate::report::html::sample;

/// The attribute's number in each tag that holds `marker`.
fn numbers(svg: &str, marker: &str, attribute: &str) -> Vec<f64> {
    let start = format!(" {attribute}=\"");
    svg.lines()
        .filter(|line| line.starts_with('<') && line.contains(marker))
        .map(|line| {
            let value = line.split(&start).nth(1).and_then(|rest| rest.split('"').next()).unwrap();
            value.trim_end_matches('%').parse().unwrap()
        })
        .collect()
}

#[test]
fn what_is_drawn_is_what_was_counted() {
    let timeline = sample::overload();
    let svg = timeline_svg(&timeline);
    let scale = Plot::of(&timeline).top / HIGH;
    for outcome in Outcome::ALL {
        let marker = format!("fill=\"url(#{}-{})\"/>", id(&timeline), kind(outcome));
        let bars: String =
            svg.lines().filter(|line| line.starts_with("<rect")).map(|line| format!("{line}\n")).collect();
        let drawn: f64 = numbers(&bars, &marker, "height").iter().sum::<f64>() * scale;
        let counted = timeline.counts.of(outcome) as f64;
        assert!((drawn - counted).abs() < 0.1, "{outcome:?}: drawn {drawn}, counted {counted}");
    }
}

#[test]
fn columns_stand_one_on_another_and_inside_the_plot() {
    let timeline = sample::overload();
    let svg = timeline_svg(&timeline);
    for column in svg.split("<g>").skip(1) {
        let mut floor = TOP + HIGH;
        let column = column.split("</g>").next().unwrap();
        for (y, height) in numbers(column, "<rect", "y").into_iter().zip(numbers(column, "<rect", "height")) {
            assert!((y + height - floor).abs() < 0.01, "a gap or an overlap at {floor}: {column}");
            floor = y;
        }
        assert!(floor >= TOP, "too high: {column}");
    }
    let right = numbers(&svg, "<rect x", "x").into_iter().zip(numbers(&svg, "<rect x", "width"));
    assert!(right.into_iter().all(|(x, width)| x >= LEFT && x + width <= LEFT + WIDE));
}

#[test]
fn the_line_follows_the_offered_load_until_it_ends() {
    let timeline = sample::overload();
    let svg = timeline_svg(&timeline);
    let plot = Plot::of(&timeline);
    let level = |line: &&str| numbers(line, "tl-offered", "y1") == numbers(line, "tl-offered", "y2");
    let steps: Vec<&str> = svg.lines().filter(|line| line.contains("\"tl-offered\"")).filter(level).collect();
    let offered: Vec<_> = timeline.seconds.iter().filter(|second| second.counts.scheduled > 0).collect();
    assert_eq!(steps.len(), offered.len());
    for (step, second) in steps.iter().zip(offered) {
        assert!((numbers(step, "<line", "y1")[0] - plot.y(second.counts.scheduled as f64)).abs() < 0.1);
    }
    assert!(svg.contains(">capacity 60<"));
}

#[test]
fn only_what_occurred_is_in_the_legend() {
    let timeline = sample::overload();
    let svg = timeline_svg(&timeline);
    for outcome in Outcome::ALL {
        let shown = svg.contains(&format!("y=\"11\">{}</text>", outcome.words()));
        assert_eq!(shown, timeline.counts.of(outcome) > 0, "{outcome:?}");
    }
}

#[test]
fn labels_are_escaped_and_markdown_keeps_the_figure_whole() {
    let mut timeline = sample::overload();
    timeline.label = "<script>alert('&')</script>".into();
    let svg = timeline_svg(&timeline);
    assert!(!svg.contains("<script"), "{svg}");
    assert!(svg.contains("&lt;script&gt;alert('&amp;')"));
    assert!(svg.lines().all(|line| !line.trim().is_empty()), "a blank line ends an HTML block in Markdown");
}

#[test]
fn a_run_without_samples_is_drawn_too() {
    let mut timeline = sample::overload();
    timeline.seconds.clear();
    timeline.counts = Default::default();
    timeline.capacity = None;
    let svg = timeline_svg(&timeline);
    assert!(!svg.contains("NaN") && !svg.contains("inf"), "{svg}");
}

#[test]
fn shares_are_never_rounded_to_none_or_all() {
    assert_eq!(share(0, 10), "0%");
    assert_eq!(share(1, 10_000), "<0.1%");
    assert_eq!(share(9_999, 10_000), ">99.9%");
    assert_eq!(share(10, 10), "100%");
    assert_eq!(grouped(1_234_567), "1,234,567");
    assert_eq!(round_step(60.0, 5.0), 20.0);
}
