//! The access log of a stack's proxy, in the format `trace` of `labs/stack.md`.

use std::time::Duration;

use serde::Deserialize;
use uuid::Uuid;

/// A line of the log, as far as it is needed.
#[derive(Clone, Debug, Deserialize)]
pub struct Logged {
    #[serde(default)]
    id: String,
    #[serde(default)]
    key: String,
    method: String,
    uri: String,
    #[serde(default)]
    upstream_addr: String,
    request_time: String,
    upstream_status: String,
    upstream_connect_time: String,
    upstream_response_time: String,
}

/// One attempt of the proxy to have a request answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// Whether it had a connection to an instance, a new one or one that was kept.
    pub connected: bool,
    /// From its begin to the last byte of the answer, or to its end without one.
    pub took: Duration,
}

impl Logged {
    /// The lines of a log, in the order in which their requests ended. What is no line of the format is left out.
    pub fn all(log: &str) -> impl Iterator<Item = Logged> {
        log.lines().filter_map(|line| serde_json::from_str::<Logged>(line).ok())
    }

    /// Its posts.
    pub fn posts(log: &str) -> Vec<Logged> {
        Logged::all(log).filter(|line| line.method == "POST" && line.uri == "/post").collect()
    }

    /// Whether it is this request, passed on to an instance.
    pub fn is_passed_on(&self, method: &str, uri: &str) -> bool {
        let is_passed_on = !matches!(self.upstream_addr.as_str(), "" | "-");
        self.method == method && self.uri == uri && is_passed_on
    }

    /// nginx's own name for it: `$request_id`.
    pub fn id(&self) -> Option<Uuid> {
        self.id.parse().ok()
    }

    /// Whether its client named it so.
    pub fn is_named(&self, key: &str) -> bool {
        self.key == key
    }

    /// What was asked, without its query.
    pub fn asked(&self) -> String {
        format!("{} {}", self.method, self.uri)
    }

    /// What became of its attempts, as nginx writes it: `504, 202`.
    pub fn upstream_status(&self) -> &str {
        &self.upstream_status
    }

    /// Whether another instance was asked when one had answered. nginx writes 502 or 504 for an attempt that it gave up.
    pub fn repeats_an_answer(&self) -> bool {
        let statuses: Vec<&str> = self.upstream_status.split([',', ':']).map(str::trim).collect();
        let is_answered = |status: &&str| {
            status
                .parse::<u16>()
                .is_ok_and(|status| (200..600).contains(&status) && ![499, 502, 504].contains(&status))
        };
        statuses.split_last().is_some_and(|(_, earlier)| earlier.iter().any(is_answered))
    }

    /// From the first byte of the request until its answer was sent.
    pub fn request(&self) -> Duration {
        seconds(&self.request_time).unwrap_or_default()
    }

    /// Whether it was an instance that refused it: the last one that was asked answered 503.
    pub fn is_an_instances_refusal(&self) -> bool {
        self.upstream_status.rsplit([',', ':']).next().is_some_and(|status| status.trim() == "503")
    }

    /// The attempts, one after the other. One that was not even begun is none.
    pub fn attempts(&self) -> Vec<Attempt> {
        let values = |of: &str| of.split([',', ':']).map(seconds).collect::<Vec<_>>();
        let connects = values(&self.upstream_connect_time);
        let took = values(&self.upstream_response_time).into_iter().enumerate();
        took.filter_map(|(place, took)| {
            let connected = connects.get(place).is_some_and(Option::is_some);
            took.map(|took| Attempt { connected, took })
        })
        .collect()
    }
}

/// What nginx has written for a time: `0.101`; a `-` for what there was none of.
fn seconds(value: &str) -> Option<Duration> {
    value.trim().parse().ok().and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posts_and_their_attempts_are_read_from_a_log_with_other_lines() {
        let log = r#"/docker-entrypoint.sh: ready
{"method":"POST","uri":"/post","status":"202","upstream_status":"504, 202","request_time":"0.110","upstream_connect_time":"-, 0.001","upstream_response_time":"0.101, 0.004"}
{"method":"GET","uri":"/posts","upstream_status":"200","request_time":"0.001","upstream_connect_time":"0.000","upstream_response_time":"0.001"}
{"method":"POST","uri":"/post","status":"503","upstream_status":"503","request_time":"0.010","upstream_connect_time":"-","upstream_response_time":"-"}"#;
        let [first, second] = &Logged::posts(log)[..] else { panic!("{log}") };
        let ms = Duration::from_millis;
        assert_eq!((first.request(), second.request()), (ms(110), ms(10)));
        let attempts =
            [Attempt { connected: false, took: ms(101) }, Attempt { connected: true, took: ms(4) }];
        assert_eq!(first.attempts(), attempts);
        assert_eq!(second.attempts(), []);
        assert_eq!([first, second].map(Logged::is_an_instances_refusal), [false, true]);
    }

    #[test]
    fn an_answer_is_repeated_where_another_attempt_follows_it() {
        let repeats = |statuses: &str| {
            let line = format!(
                r#"{{"key":"k","method":"POST","uri":"/post","upstream_status":"{statuses}","request_time":"0","upstream_connect_time":"-","upstream_response_time":"-"}}"#
            );
            let [logged] = &Logged::posts(&line)[..] else { panic!("{line}") };
            assert!(logged.is_named("k") && !logged.is_named(""));
            logged.repeats_an_answer()
        };
        let (repeated, once) =
            (["503, 202", "503, 503", "404 : 200"], ["503", "504, 503", "502, -", "-", ""]);
        assert_eq!(repeated.map(repeats), [true; 3]);
        assert_eq!(once.map(repeats), [false; 5]);
    }
}
