//! What may be configured, in one struct. Every field is an environment variable and a flag of the same name.

use std::time::Duration;

use clap::Args;

// ANCHOR: config
/// The configuration of the server. Tomcat has settings of the same kinds, with these defaults.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// Where to listen for HTTP, as host:port
    #[arg(long, env, value_name = "HOST:PORT")]
    pub bind_addr: String,

    /// How many threads run requests (Tomcat: maxThreads)
    #[arg(long, env, value_name = "N", default_value = "200", value_parser = clap::value_parser!(u16).range(1..=10_000))]
    pub workers: u16,

    /// How many requests may wait for a worker (Tomcat: acceptCount)
    #[arg(long, env, value_name = "N", default_value = "100", value_parser = clap::value_parser!(u32).range(0..=1_000_000))]
    pub queue: u32,

    /// How long a request may wait for a worker, in milliseconds
    #[arg(
        long = "timeout-ms",
        env = "TIMEOUT_MS",
        value_name = "MS",
        default_value = "20000",
        value_parser = milliseconds
    )]
    pub timeout: Duration,
}
// ANCHOR_END: config

fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(ms @ 1..=600_000) => Ok(Duration::from_millis(ms)),
        _ => Err("expected milliseconds, a whole number from 1 to 600000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn parse(extra: &[&str]) -> Result<Config, clap::Error> {
        let command = Config::augment_args(clap::Command::new("service"));
        let given = ["service", "--bind-addr", "127.0.0.1:0"];
        Config::from_arg_matches(&command.try_get_matches_from(given.iter().chain(extra))?)
    }

    #[test]
    fn the_contract_gives_the_defaults() {
        let config = parse(&[]).expect("the given flags suffice");
        assert_eq!((config.workers, config.queue, config.timeout.as_secs()), (200, 100, 20));
    }

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        for wrong in [["--workers", "0"], ["--queue", "-1"], ["--timeout-ms", "0"], ["--timeout-ms", "2s"]] {
            assert!(parse(&wrong).is_err(), "{wrong:?} was accepted");
        }
    }
}
