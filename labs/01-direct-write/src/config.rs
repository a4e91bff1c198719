//! What may be configured, in one struct. Every field is an environment variable and a flag of the
//! same name.

use std::time::Duration;

use clap::Args;
use sqlx::postgres::PgConnectOptions;

use crate::budget::Budget;

// ANCHOR: config
/// The configuration of the service.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// Where to listen for HTTP, as host:port
    #[arg(long, env, value_name = "HOST:PORT")]
    pub bind_addr: String,

    /// The PostgreSQL database, as postgres://user:password@host:port/database
    #[arg(long, env, value_name = "URL", hide_env_values = true)]
    pub database_url: PgConnectOptions,

    /// How many connections to the database may be open at once
    ///
    /// This number is the service's capacity: connections / time of one statement = statements a
    /// second.
    #[arg(long, env, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u16).range(1..=1000))]
    pub database_max_connections: u16,

    /// By when every request has its answer, in milliseconds
    ///
    /// The waiting line, the statement timeout and the graceful stop are derived from it.
    #[arg(
        long = "request-timeout-ms",
        env = "REQUEST_TIMEOUT_MS",
        value_name = "MS",
        default_value = "2000",
        value_parser = milliseconds
    )]
    pub request_timeout: Duration,
}
// ANCHOR_END: config

impl Config {
    /// How the time of one request is spent.
    #[must_use]
    pub fn budget(&self) -> Budget {
        Budget::new(self.request_timeout)
    }

    /// Which database to use, and how many connections to it.
    #[must_use]
    pub fn database(&self) -> Database {
        Database { options: self.database_url.clone(), max_connections: self.database_max_connections }
    }
}

/// Which database to use, and how many connections to it.
#[derive(Clone, Debug)]
pub struct Database {
    /// Host, user, password and database.
    pub options: PgConnectOptions,
    /// The most connections that may be open at once.
    pub max_connections: u16,
}

/// A time, as settings give it. Under a tenth of a second a busy host's own pauses are refusals; over
/// ten minutes a deadline protects nobody.
///
/// # Errors
/// Anything else.
pub fn milliseconds(text: &str) -> Result<Duration, String> {
    match text.parse() {
        Ok(ms @ 100..=600_000) => Ok(Duration::from_millis(ms)),
        _ => Err("expected milliseconds, a whole number from 100 to 600000".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Args as _, FromArgMatches as _};

    use super::*;

    fn parse(extra: &[&str]) -> Result<Config, clap::Error> {
        let given = ["service", "--bind-addr", "127.0.0.1:0", "--database-url", "postgres://u:secret@h/d"];
        let command = Config::augment_args(clap::Command::new("service"));
        let matches = command.try_get_matches_from(given.iter().chain(extra))?;
        Config::from_arg_matches(&matches)
    }

    #[test]
    fn the_contract_gives_the_defaults() {
        let config = parse(&[]).expect("the given flags suffice");
        assert_eq!(config.database_max_connections, 10);
        assert_eq!(config.request_timeout, Duration::from_secs(2));
    }

    #[test]
    fn a_flag_overrides_a_default() {
        let config =
            parse(&["--request-timeout-ms", "500", "--database-max-connections", "3"]).expect("valid");
        assert_eq!((config.request_timeout.as_millis(), config.database_max_connections), (500, 3));
    }

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        for wrong in [
            ["--request-timeout-ms", "0"],
            ["--request-timeout-ms", "2s"],
            ["--database-max-connections", "0"],
        ] {
            assert!(parse(&wrong).is_err(), "{wrong:?} was accepted");
        }
    }
}
