//! A process whose descriptors come and go while somebody looks at them.

use tokio::process::Child;

use crate::contract::prelude::*;

use super::stalled::bash;
use super::tool::{last_words, line_of, told_of};

/// The promise that a descriptor which goes while the tool looks at it is no fault.
pub(super) async fn is_told_of(bed: &Bed) -> Verdict {
    /// So many looks meet some that go.
    const LOOKS: usize = 25;
    let restless = Restless::start()?;
    let id = restless.id()?.to_string();
    for look in 1..=LOOKS {
        let told = bed.tool(&["nofile", &id]).await?;
        promise("a process that opens and closes files all the time is told of as any other")
            .observed(Fact::count("looks", look))
            .observed(Fact::named("the last one ended with", told.ended()))
            .observed(last_words(&told))
            .likely(
                true,
                "a descriptor that was closed after the list was read, and before its link was, is taken for a fault",
                "leave out, or count as `other`, what is no longer there",
            )
            .kept_if(told.succeeded())?;
        let line = line_of(&told)?;
        let kinds =
            ["sockets", "files", "pipes", "other"].map(|kind| line[kind].as_u64().unwrap_or_default());
        promise("the four kinds add up to `open`, also where descriptors go meanwhile")
            .observed(told_of(&line))
            .likely(true, "`open` is counted once more, when others are there", "count them in one go")
            .kept_if(line["open"].as_u64() == Some(kinds.iter().sum()))?;
    }
    Ok(all_kept("a process that opens and closes files all the time is told of as any other", LOOKS))
}

/// A process of the test-bed's own that opens a file and closes it, again and again. Dropping it ends it.
struct Restless(Child);

impl Restless {
    /// Starts it.
    fn start() -> Result<Restless, Stop> {
        const COME_AND_GO: &str =
            "while :; do exec {one}</dev/null {other}</etc/passwd; exec {one}<&- {other}<&-; done";
        let fault =
            |error| SetUp::from_cause("start `bash`, to have a process whose files come and go", error);
        Ok(Restless(bash(COME_AND_GO).spawn().map_err(fault)?))
    }

    /// Its id.
    fn id(&self) -> Result<u32, SetUp> {
        self.0
            .id()
            .ok_or_else(|| SetUp::from_cause("look at the process whose files come and go", "it has ended"))
    }
}
