//! The tool: what it tells of another process, that it raises it while it runs, and what it says when it cannot.

use serde_json::Value;
use testbed::descriptors::{self, Open};
use testbed::subject::Told;
use testbed::wait;

use crate::contract::prelude::*;

use super::restless;
use super::stalled::{SOFT, SOON, Stalled, WANTED};

/// Calls with digits, and something else after them.
const FOLLOWED: [&str; 2] = ["a PID that has more than digits", "an N that has more than digits"];

/// What the tool says of the stalled process and of the service is what the system says.
pub(super) async fn tells(bed: Bed) -> Verdict {
    let stalled = Stalled::start().await?;
    // While it looks, it has one more for a moment.
    let of_stalled = tells_of(&bed, stalled.id()?, 1).await?;
    let service = bed.service().nofile(80, 200).start().await?;
    let id = service.id().ok_or_else(|| SetUp::from_cause("ask the service for its id", "it has ended"))?;
    let of_service = tells_of(&bed, id, 2).await?;
    Ok(of_stalled.and(of_service).and(restless::is_told_of(&bed).await?))
}

/// The promise that the tool's line is what `/proc` has, before or after, give or take some that are open for a moment.
async fn tells_of(bed: &Bed, id: u32, about: u64) -> Verdict {
    let before = descriptors::of(id)?;
    let told = bed.tool(&["nofile", &id.to_string()]).await?;
    let line = line_of(&told)?;
    let truth = descriptors::of(id)?;
    let number = |name: &str| line[name].as_u64();
    let sum: Option<u64> = ["sockets", "files", "pipes", "other"].into_iter().map(number).sum();
    let limits = promise("`soft` and `hard` are the limits of that process")
        .observed(told_of(&line))
        .observed(Fact::count("soft", truth.soft))
        .observed(Fact::count("hard", truth.hard))
        .likely(
            number("soft") == Some(truth.hard) && truth.soft != truth.hard,
            "the hard limit is told as the soft one",
            "`/proc/PID/limits` has the soft one first",
        )
        .likely(
            true,
            "these may be the tool's own limits",
            "read `/proc/PID/limits`, or ask prlimit for that process",
        )
        .kept_if(number("soft") == Some(truth.soft) && number("hard") == Some(truth.hard))?;
    let is = |name: &str, least: fn(&Open) -> u64, most: fn(&Open) -> u64| {
        let least = [&before, &truth].into_iter().map(least).min().unwrap_or_default();
        let most = [&before, &truth].into_iter().map(most).max().unwrap_or_default();
        number(name).is_some_and(|told| least <= told + about && told <= most + about)
    };
    let is_open = is("open", |open| open.all, |open| open.all);
    // Devices, directories and the rest may be files.
    let are_kinds = is("sockets", |open| open.sockets, |open| open.sockets)
        && is("pipes", |open| open.pipes, |open| open.pipes)
        && is("files", |open| open.files, |open| open.all - open.sockets - open.pipes);
    let open = promise("`open` and its kinds are what that process has, and the four kinds add up")
        .observed(told_of(&line))
        .observed(Fact::count("open", truth.all))
        .observed(Fact::count("sockets", truth.sockets))
        .observed(Fact::count("pipes", truth.pipes))
        .observed(Fact::count("regular files", truth.files))
        .likely(
            sum != number("open"),
            "the kinds do not add up to `open`",
            "count whatever is none of the three as `other`",
        )
        .likely(
            number("open") == Some(truth.all + 2),
            "more is counted than there is: `.` and `..` are no descriptors",
            "compare with `ls -l /proc/PID/fd`",
        )
        .likely(
            is_open,
            "a kind is not told from the others: `socket:[…]`, `pipe:[…]`, a path",
            "compare with `ls -l /proc/PID/fd`, each by where its link leads",
        )
        .likely(
            true,
            "something is counted that is not there, or not counted",
            "compare with `ls -l /proc/PID/fd`",
        )
        .kept_if(sum == number("open") && is_open && are_kinds)?;
    Ok(limits.and(open))
}

/// Raised, what stalled goes on: the same process, and its hard limit as before.
pub(super) async fn raises(bed: Bed) -> Verdict {
    const RAISED: u64 = 100;
    let stalled = Stalled::start().await?;
    let id = stalled.id()?;
    let before = descriptors::of(id)?;
    let told = bed.tool(&["nofile", &id.to_string(), "--raise", &RAISED.to_string()]).await?;
    let line = line_of(&told)?;
    let now = descriptors::of(id)?;
    let raised = promise("`--raise N` raises the soft limit of that process, and leaves its hard one")
        .observed(told_of(&line))
        .observed(Fact::named("soft", format!("{} before, {} after", before.soft, now.soft)))
        .observed(Fact::named("hard", format!("{} before, {} after", before.hard, now.hard)))
        .likely(
            now.soft == before.soft,
            "that process is as before: `setrlimit` knows no other process, and raised the tool itself",
            "`prlimit` takes the process whose limit it sets",
        )
        .likely(
            now.hard != before.hard,
            "the hard limit was set, too, and it can never be raised again",
            "pass the hard limit as it is",
        )
        .likely(true, "the line is not what is now", "raise first, then look")
        .kept_if(now.soft == RAISED && now.hard == before.hard && line["soft"].as_u64() == Some(RAISED))?;
    let went_on =
        wait::try_until(SOON, async || Ok::<_, Stop>((descriptors::of(id)?.all >= WANTED).then_some(())));
    let went_on = went_on.await?.is_some();
    let on = promise("what stalled goes on, in the same process")
        .observed(Fact::count("descriptors before", before.all))
        .observed(Fact::count("after", descriptors::of(id)?.all))
        .kept_if(went_on)?;
    Ok(raised.and(on).and(takes_all_that_is_allowed(&bed, id).await?))
}

/// The promise that the hard limit itself is a soft limit that can be asked for.
async fn takes_all_that_is_allowed(bed: &Bed, id: u32) -> Verdict {
    let before = descriptors::of(id)?;
    // Where nothing bounds it, there is no number to ask for.
    if before.hard == u64::MAX {
        return Ok(Kept::default());
    }
    let told = bed.tool(&["nofile", &id.to_string(), "--raise", &before.hard.to_string()]).await?;
    let now = descriptors::of(id)?;
    promise("`--raise N` takes an `N` that is the hard limit itself")
        .observed(Fact::named("ended with", told.ended()))
        .observed(last_words(&told))
        .observed(Fact::count("the hard limit", before.hard))
        .observed(Fact::named("soft", format!("{} before, {} after", before.soft, now.soft)))
        .likely(
            !told.succeeded(),
            "what is as large as the hard limit is refused as if it were above it",
            "refuse what is larger than the hard limit, and nothing else",
        )
        .likely(true, "it was raised, but not as far as was asked", "set what was asked for")
        .kept_if(told.succeeded() && now.soft == before.hard && now.hard == before.hard)
}

/// What cannot be done is said in one line, and is no success.
pub(super) async fn refuses(bed: Bed) -> Verdict {
    let stalled = Stalled::start().await?;
    let id = stalled.id()?.to_string();
    let above = (descriptors::of(stalled.id()?)?.hard.saturating_add(1)).to_string();
    let gone = Stalled::gone().await?.to_string();
    // A number of 32 bits holds the rest of it, which is the process.
    let far = (u64::from(stalled.id()?) + (1 << 32)).to_string();
    let followed = format!("{id}x");
    // A number of 32 bits holds the rest of it, which could be set.
    let too_many = (50 + (1_u64 << 32)).to_string();
    // A parser of arguments adds its usage to what it refuses.
    let calls: [(&str, Vec<&str>, bool); 10] = [
        ("no such process", vec!["nofile", &gone], false),
        ("no such process to raise", vec!["nofile", &gone, "--raise", "64"], false),
        ("above the hard limit", vec!["nofile", &id, "--raise", &above], false),
        // The kernel's calls take 0 for whoever asks.
        ("0, which is no process", vec!["nofile", "0"], true),
        ("a PID that is no number", vec!["nofile", "nginx"], true),
        ("an N that is no number", vec!["nofile", &id, "--raise", "more"], true),
        (FOLLOWED[0], vec!["nofile", &followed], true),
        (FOLLOWED[1], vec!["nofile", &id, "--raise", "50x"], true),
        ("a PID above all that there are", vec!["nofile", &far], true),
        ("far above the hard limit", vec!["nofile", &id, "--raise", &too_many], true),
    ];
    let mut kept = Kept::default();
    for (what, arguments, usage) in calls {
        kept = kept.and(is_one_line(&bed.tool(&arguments).await?, what, &arguments.join(" "), usage)?);
    }
    // Who may look is told, who may not is told why: both are right.
    let first = bed.tool(&["nofile", "1"]).await?;
    kept = kept.and(match first.succeeded() {
        true => tells_something(&first, 1)?,
        false => is_one_line(&first, "another user's process", "nofile 1", false)?,
    });
    let soft = descriptors::of(stalled.id()?)?.soft;
    let unchanged = promise("a call that is refused changes nothing")
        .observed(Fact::named("soft", format!("{SOFT} before, {soft} after")))
        .likely(
            soft == 50,
            "a part of an N was taken for the whole: the digits at its beginning, or its last 32 bits",
            "refuse what is not a number to its end, or is above the hard limit, before anything is changed",
        )
        .likely(
            true,
            "a number above the hard limit was cut down to it",
            "refuse what cannot be done, and say so",
        )
        .kept_if(soft == SOFT)?;
    Ok(kept.and(unchanged))
}

/// The promise that a tool which succeeded could look into that process.
fn tells_something(told: &Told, id: u32) -> Verdict {
    let line = line_of(told)?;
    // There may be one that has nothing open, where the check itself can see that.
    let has_none = descriptors::of(id).is_ok_and(|open| open.all == 0);
    promise("who may not look into a process is told so, and not that it has nothing open")
        .observed(Fact::named("call", format!("nofile {id}")))
        .observed(told_of(&line))
        .likely(
            true,
            "its limits are told to everybody, its descriptors only to its own user: that error was lost on the way",
            "end with that error when `/proc/PID/fd` cannot be read",
        )
        .kept_if(has_none || line["open"].as_u64() > Some(0))
}

/// The promise that the tool refused, in one line; or, where it may show its `usage`, in some.
fn is_one_line(told: &Told, what: &str, call: &str, usage: bool) -> Verdict {
    let lines: Vec<&String> = told.stderr.iter().filter(|line| !line.trim().is_empty()).collect();
    // What runtimes print where nobody has caught an error.
    let traces = ["panicked at", "Traceback (most recent call last)", "Exception in thread", "goroutine 1 ["];
    let uncaught = lines.iter().any(|line| traces.iter().any(|trace| line.contains(trace)));
    let is_clear = !uncaught && (lines.len() == 1 || usage && lines.len() > 1);
    promise("a wrong call is one clear line on stderr, nothing on stdout, and an exit code that is not 0")
        .observed(Fact::named("call", format!("{call} ({what})")))
        .observed(Fact::named("ended with", told.ended()))
        .observed(Fact::count("lines on stderr", lines.len()))
        .observed(Fact::count("bytes on stdout", told.stdout.len()))
        .likely(
            told.succeeded() && FOLLOWED.contains(&what),
            "the digits at its beginning were taken for the whole: what follows them was not looked at",
            "refuse what is not a number to its end",
        )
        .likely(
            told.succeeded(),
            "the call passes for a success",
            "end with another exit code than 0 when nothing was done",
        )
        .likely(
            uncaught,
            "an error was caught by nobody: the runtime tells where it was, and not what is wrong",
            "turn it into a sentence: what was tried, and why it cannot be",
        )
        .likely(
            told.status.is_none(),
            "the executable serves instead",
            "look at the arguments before anything is started",
        )
        .likely(
            lines.len() > 1,
            "more is said than one line: a usage, a backtrace, a chain of causes",
            "one sentence; the usage is for `--help`",
        )
        .likely(true, "nothing is said, or on stdout", "stderr is for what went wrong")
        .kept_if(!told.succeeded() && told.status.is_some() && is_clear && told.stdout.is_empty())
}

/// The one line of a tool that succeeded.
pub(super) fn line_of(told: &Told) -> Result<Value, Stop> {
    let line = serde_json::from_str(told.stdout.trim()).ok().filter(Value::is_object);
    let is_one = told.stdout.trim_end().lines().count() == 1;
    let told = promise("`nofile PID` ends with 0, and prints one JSON object on one line")
        .observed(Fact::named("ended with", told.ended()))
        .observed(Fact::named("stdout", testbed::answer::shorten(told.stdout.trim(), 100)))
        .observed(last_words(told))
        .likely(
            told.status.is_none(),
            "the executable serves instead",
            "look at the arguments before anything is started, and need no setting for it",
        )
        .likely(!told.succeeded(), "it could not be told", "stderr says why")
        .kept_if(told.succeeded() && is_one && line.is_some());
    told?;
    Ok(line.unwrap_or_default())
}

pub(super) fn last_words(told: &Told) -> Option<Fact> {
    told.stderr.last().map(|line| Fact::named("stderr", testbed::answer::shorten(line, 160)))
}

/// What a line tells, in words.
pub(super) fn told_of(line: &Value) -> Fact {
    let of = |name: &str| line[name].as_u64().map_or("nothing".to_owned(), |number| number.to_string());
    let kinds = ["sockets", "files", "pipes", "other"].map(|kind| format!("{kind} {}", of(kind))).join(", ");
    Fact::named("told", format!("soft {}, hard {}, open {}: {kinds}", of("soft"), of("hard"), of("open")))
}
