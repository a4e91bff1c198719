//! What the proxy's access log tells of a post's time.

use std::time::Duration;

use promises::contract::Logged as Line;

use super::account::mean;

/// How long nginx had some posts, on average, and how much of that it waited for instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Logged {
    /// From the first byte of a post until its answer was sent.
    pub request: Duration,
    /// Over all attempts: from the connect to the last byte of an instance's answer.
    pub upstream: Duration,
}

impl Logged {
    /// The means.
    pub fn mean(posts: &[Logged]) -> Logged {
        let of = |time: fn(&Logged) -> Duration| mean(&posts.iter().map(time).collect::<Vec<_>>());
        Logged { request: of(|post| post.request), upstream: of(|post| post.upstream) }
    }
}

/// The posts of an access log, in the order in which they ended.
pub fn posts(log: &str) -> Vec<Logged> {
    let upstream = |post: &Line| post.attempts().iter().map(|attempt| attempt.took).sum();
    Line::posts(log)
        .into_iter()
        .map(|post| Logged { request: post.request(), upstream: upstream(&post) })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_attempts_of_a_post_are_summed() {
        let log = r#"{"method":"POST","uri":"/post","upstream_status":"504, 202","request_time":"0.110","upstream_connect_time":"-, 0.001","upstream_response_time":"0.101, 0.004"}
{"method":"POST","uri":"/post","upstream_status":"-","request_time":"0.010","upstream_connect_time":"-","upstream_response_time":"-"}"#;
        let [first, second] = posts(log)[..] else { panic!("{log}") };
        let ms = Duration::from_millis;
        assert_eq!(first, Logged { request: ms(110), upstream: ms(105) });
        assert_eq!(second, Logged { request: ms(10), upstream: ms(0) });
        assert_eq!(
            Logged::mean(&[first, second]),
            Logged { request: ms(60), upstream: Duration::from_micros(52_500) }
        );
    }
}
