//! What may be configured: all that lab 01 has, and what the queue adds.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};
use direct_write::config::Database;
use lapin::uri::{AMQPScheme, AMQPUri};

// ANCHOR: config
/// The configuration of the service. Every field is an environment variable and a flag of the same
/// name.
#[derive(Clone, Debug, Args)]
#[group(id = "message_queue")] // Lab 01's group is called `Config`.
pub struct Config {
    /// What lab 01 is configured by: HTTP, the database, the deadline.
    #[command(flatten)]
    pub direct_write: direct_write::Config,

    /// The RabbitMQ broker, as amqp://user:password@host:port/vhost
    #[arg(long, env, value_name = "URL", hide_env_values = true, value_parser = plain_amqp)]
    pub amqp_url: AMQPUri,

    /// What this process does
    #[arg(long, env, value_enum, default_value_t = Role::All)]
    pub role: Role,

    /// How many messages may be delivered to this process and not acknowledged
    ///
    /// One INSERT stores at most half of it, rounded up.
    #[arg(long, env, value_name = "N", default_value = "200", value_parser = clap::value_parser!(u16).range(1..))]
    pub prefetch: u16,

    /// A file for the record of accepted posts; without it none is kept
    #[arg(long, env, value_name = "FILE")]
    pub audit_log: Option<PathBuf>,
}
// ANCHOR_END: config

/// What a process does.
#[derive(Clone, Copy, Debug, Eq, PartialEq, ValueEnum)]
pub enum Role {
    /// Answers HTTP, and publishes
    Api,
    /// Takes messages, and stores them
    Consumer,
    /// Both, in one process
    All,
}

impl Role {
    /// Whether this process answers more than `/health`.
    #[must_use]
    pub fn serves(self) -> bool {
        self != Self::Consumer
    }

    /// Whether this process takes messages.
    #[must_use]
    pub fn consumes(self) -> bool {
        self != Self::Api
    }
}

/// What the program does instead of serving.
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Command {
    /// Publish every post of the audit log that is not in the table, and exit
    Replay,
}

impl Config {
    /// The connections that the reads may have: all, but the one that a consumer beside them needs.
    #[must_use]
    pub fn reads(&self) -> Database {
        let mut database = self.direct_write.database();
        database.max_connections = match self.role {
            Role::Api => database.max_connections,
            Role::All => database.max_connections.saturating_sub(1).max(1),
            Role::Consumer => 1,
        };
        database
    }

    /// Whether the only connection there may be must serve both the reads and the consumer.
    #[must_use]
    pub fn one_for_both(&self) -> bool {
        self.role == Role::All && self.direct_write.database_max_connections == 1
    }
}

/// This build speaks AMQP without TLS: said at the start, not at the first connection.
fn plain_amqp(text: &str) -> Result<AMQPUri, String> {
    let uri: AMQPUri = text.parse()?;
    match uri.scheme {
        AMQPScheme::AMQP => Ok(uri),
        AMQPScheme::AMQPS => Err("TLS is not built in; use amqp://".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches as _;

    use super::*;

    fn parse(extra: &[&str]) -> Result<Config, clap::Error> {
        let given = ["service", "--bind-addr", "127.0.0.1:0", "--database-url", "postgres://u:secret@h/d"];
        let command = Config::augment_args(clap::Command::new("service"));
        Config::from_arg_matches(&command.try_get_matches_from(given.iter().chain(extra))?)
    }

    const URL: [&str; 2] = ["--amqp-url", "amqp://u:secret@h:5672/v"];

    #[test]
    fn the_contract_gives_the_defaults() {
        let config = parse(&URL).expect("the given flags suffice");
        assert_eq!((config.role, config.prefetch, config.audit_log), (Role::All, 200, None));
    }

    #[test]
    fn the_roles_share_the_connections() {
        let reads = |role, n| {
            let config = parse(&[&URL[..], &["--role", role, "--database-max-connections", n]].concat());
            config.map(|config| (config.reads().max_connections, config.one_for_both())).expect("valid")
        };
        assert_eq!(reads("api", "10"), (10, false));
        assert_eq!(reads("consumer", "10"), (1, false), "for the schema; it is closed before the consumer's");
        assert_eq!(reads("all", "10"), (9, false));
        assert_eq!(reads("all", "1"), (1, true));
    }

    #[test]
    fn what_cannot_work_is_refused_at_once() {
        for wrong in [
            &["--amqp-url", "http://h"][..],
            &["--amqp-url", "amqps://h"],
            &["--amqp-url", "amqp://h", "--prefetch", "0"],
            &["--amqp-url", "amqp://h", "--prefetch", "65536"],
            &["--amqp-url", "amqp://h", "--role", "both"],
            &[],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?} was accepted");
        }
    }
}
