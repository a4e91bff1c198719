//! What may be configured: all that lab 03 has, and how long a client may be slow.

use std::time::Duration;

use clap::Args;
use direct_write::{config::milliseconds, server::Limits};

// ANCHOR: config
/// The configuration of the service. Every field is an environment variable and a flag of the same
/// name.
#[derive(Clone, Debug, Args)]
#[group(id = "nofile")]
pub struct Config {
    /// What the labs before are configured by
    #[command(flatten)]
    pub service: colocation::Config,

    /// How long a client may take for a request head, and leave its connection idle, in milliseconds
    #[arg(
        long = "header-timeout-ms",
        env = "HEADER_TIMEOUT_MS",
        value_name = "MS",
        default_value = "5000",
        value_parser = milliseconds
    )]
    pub header_timeout: Duration,
}
// ANCHOR_END: config

impl Config {
    /// What the server takes: so many connections, and each for so long without a request.
    // ANCHOR: limits
    #[must_use]
    pub fn limits(&self, connections: usize) -> Limits {
        // ANCHOR: hole-header-time
        Limits { connections, head_timeout: self.header_timeout, ..Limits::default() }
        // ANCHOR_END: hole-header-time
    }
    // ANCHOR_END: limits

    /// The most connections to the database.
    pub(crate) fn database_connections(&self) -> u16 {
        self.service.message_queue.direct_write.database_max_connections
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
    fn the_contract_gives_the_default() {
        let limits = parse(&[]).expect("the given flags suffice").limits(7);
        assert_eq!((limits.connections, limits.head_timeout), (7, Duration::from_secs(5)));
    }

    #[test]
    fn a_time_that_protects_nobody_is_refused() {
        for wrong in ["0", "5s", "3600000"] {
            assert!(parse(&["--header-timeout-ms", wrong]).is_err(), "{wrong} was accepted");
        }
    }
}
