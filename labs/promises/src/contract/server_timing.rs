//! `Server-Timing`, as far as `labs/stack.md` asks for it.

use std::time::Duration;

/// `dur` of the metric `broker`, as W3C's *Server Timing* has it: `broker;dur=4.217`, in milliseconds.
pub fn broker_time(header: &str) -> Option<Duration> {
    let metrics = outside_quotes(header, ',').into_iter().map(|metric| outside_quotes(metric, ';'));
    let is_broker =
        |metric: &Vec<&str>| metric.first().is_some_and(|name| name.trim().eq_ignore_ascii_case("broker"));
    let broker = metrics.into_iter().find(is_broker)?;
    let dur = broker.into_iter().skip(1).find_map(|parameter| {
        let (name, value) = parameter.split_once('=')?;
        name.trim().eq_ignore_ascii_case("dur").then(|| value.trim().trim_matches('"').parse::<f64>().ok())?
    })?;
    Duration::try_from_secs_f64(dur / 1_000.0).ok()
}

/// The parts between separators that do not stand in a quoted text.
fn outside_quotes(text: &str, separator: char) -> Vec<&str> {
    let (mut quoted, mut escaped) = (false, false);
    let parts = text.split(|character| {
        let ends = character == separator && !quoted;
        match character {
            '"' if !escaped => quoted = !quoted,
            _ => {}
        }
        escaped = character == '\\' && quoted && !escaped;
        ends
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_brokers_time_is_found_among_others() {
        assert_eq!(broker_time("broker;dur=4.5"), Some(Duration::from_micros(4_500)));
        assert_eq!(
            broker_time("db;dur=1, Broker ; desc=confirm ; dur=\"2\""),
            Some(Duration::from_millis(2))
        );
        let quoted = r#"app;desc="reads, broker;dur=9";dur=1, broker;dur=3"#;
        assert_eq!(broker_time(quoted), Some(Duration::from_millis(3)));
        for none in ["", "broker", "broker;dur=", "broker;dur=x", "broker;dur=-1", "brokers;dur=1"] {
            assert_eq!(broker_time(none), None, "{none}");
        }
    }
}
