//! What may be configured: all that lab 02 has, and what the first page adds.

use std::time::Duration;

use clap::Args;
use direct_write::config::{Database, milliseconds};

// ANCHOR: config
/// The configuration of the service. Every field is an environment variable and a flag of the same
/// name.
#[derive(Clone, Debug, Args)]
#[group(id = "first_page_cache")]
pub struct Config {
    /// What lab 02 is configured by: HTTP, the database, the broker, the role.
    #[command(flatten)]
    pub message_queue: message_queue::Config,

    /// How often page 1 is read anew, in milliseconds
    #[arg(
        long = "refresh-ms",
        env = "REFRESH_MS",
        value_name = "MS",
        default_value = "1000",
        value_parser = milliseconds
    )]
    pub refresh: Duration,

    /// How old page 1 may be served, in milliseconds
    #[arg(
        long = "stale-ms",
        env = "STALE_MS",
        value_name = "MS",
        default_value = "60000",
        value_parser = milliseconds
    )]
    pub stale: Duration,
}
// ANCHOR_END: config

impl Config {
    /// The connection that the refreshing keeps for itself; `None` where there is none to spare, and
    /// it shares those of the reads.
    #[must_use]
    pub fn own(&self) -> Option<Database> {
        let spare = self.message_queue.role.serves() && self.message_queue.reads().max_connections > 1;
        spare.then(|| Database { max_connections: 1, ..self.message_queue.direct_write.database() })
    }

    /// The connections that the other reads may have.
    #[must_use]
    pub fn reads(&self) -> Database {
        let mut reads = self.message_queue.reads();
        reads.max_connections -= self.own().map_or(0, |own| own.max_connections);
        reads
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;

    use super::*;

    fn parse(extra: &[&str]) -> Result<Config, clap::Error> {
        let given = ["service", "--bind-addr", "127.0.0.1:0", "--database-url", "postgres://u:secret@h/d"];
        let given = given.iter().chain(&["--amqp-url", "amqp://u:secret@h:5672/v"]).chain(extra);
        let command = Config::augment_args(clap::Command::new("service"));
        Config::from_arg_matches(&command.try_get_matches_from(given)?)
    }

    #[test]
    fn the_contract_gives_the_defaults() {
        let config = parse(&[]).expect("the given flags suffice");
        assert_eq!((config.refresh, config.stale), (Duration::from_secs(1), Duration::from_secs(60)));
    }

    #[test]
    fn the_refreshing_counts_among_the_connections() {
        let shares = |role, n| {
            let config = parse(&["--role", role, "--database-max-connections", n]).expect("valid");
            (config.reads().max_connections, config.own().is_some())
        };
        assert_eq!(shares("api", "10"), (9, true));
        assert_eq!(shares("api", "1"), (1, false));
        assert_eq!(shares("all", "10"), (8, true), "one is the consumer's");
        assert_eq!(shares("all", "2"), (1, false));
        assert_eq!(shares("all", "1"), (1, false));
        assert_eq!(shares("consumer", "10"), (1, false), "a consumer refreshes nothing");
    }

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        for wrong in [["--refresh-ms", "0"], ["--refresh-ms", "1s"], ["--stale-ms", "-1"]] {
            assert!(parse(&wrong).is_err(), "{wrong:?} was accepted");
        }
    }
}
