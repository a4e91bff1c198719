//! What failed first at a stage, drawn from what was observed, or not told.

/// What failed first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    /// Posts, since each waits for its insert and the database carries fewer of them.
    Inserts,
    /// Reads of page 1, since each waits for its statement and the database carries fewer of them.
    Reads,
    /// Requests that are under way for so long that the proxy has no connection left.
    Places,
    /// Clients for whom the proxy's process can open no file any more.
    Descriptors,
}

/// What a stage showed, as far as it tells why something failed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Signs {
    /// Posts that were not accepted.
    pub failed_posts: u64,
    /// Reads that were not answered.
    pub failed_reads: u64,
    /// Whether all connections to the database were busy at once.
    pub database_is_full: bool,
    /// Whether the proxy said that it has no connection left.
    pub no_connection: bool,
    /// Whether the proxy said that it has too many files open.
    pub too_many_files: bool,
}

impl Cause {
    /// The cause that these signs tell; `None` where nothing failed, or where they do not tell it.
    pub fn of(signs: Signs) -> Option<Cause> {
        let Signs { failed_posts, failed_reads, database_is_full, no_connection, too_many_files } = signs;
        match (failed_posts > 0, failed_reads > 0) {
            (false, false) => None,
            _ if too_many_files => Some(Cause::Descriptors),
            _ if no_connection => Some(Cause::Places),
            (true, _) if database_is_full => Some(Cause::Inserts),
            (false, true) if database_is_full => Some(Cause::Reads),
            _ => None,
        }
    }

    /// The cause in a clause.
    pub fn words(self) -> &'static str {
        match self {
            Cause::Inserts => {
                "posts: each waits for its insert, and the database carries fewer than are offered"
            }
            Cause::Reads => {
                "reads: each look at page 1 is a statement, and they refuse each other the connections"
            }
            Cause::Places => {
                "the proxy's connections: each request crosses the sea several times, and holds two of them meanwhile"
            }
            Cause::Descriptors => {
                "the proxy's open files: `Too many open files`, while all that stands behind it is idle"
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cause_is_told_only_by_its_signs() {
        let failed = Signs { failed_posts: 1, failed_reads: 1, ..Signs::default() };
        assert_eq!(Cause::of(Signs { too_many_files: true, ..Signs::default() }), None, "nothing failed");
        assert_eq!(Cause::of(failed), None, "nobody knows why");
        let full = Signs { database_is_full: true, ..failed };
        assert_eq!(Cause::of(full), Some(Cause::Inserts));
        assert_eq!(Cause::of(Signs { failed_posts: 0, ..full }), Some(Cause::Reads));
        assert_eq!(Cause::of(Signs { no_connection: true, ..full }), Some(Cause::Places));
        let files = Signs { too_many_files: true, no_connection: true, ..full };
        assert_eq!(Cause::of(files), Some(Cause::Descriptors));
    }
}
