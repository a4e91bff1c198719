//! What a refresh costs those who look meanwhile, and what those who look cost the database: p99 while one is under way beside p99
//! between two, and statements beside seconds.

use std::cell::Cell;
use std::time::{Duration, Instant, SystemTime};

use promises::contract::ReadsOfPosts as _;
use testbed::endpoint::Endpoint as _;
use testbed::load::Latency;
use testbed::setup::SetUp;
use testbed::verdict::Stop;
use testbed::wait;
use tokio::process::Command;

use super::cache::Bench;
use super::peers::words;
use super::{PAIRS, median, word};

/// As many looks a second are offered, where the machine carries them.
const TARGET: f64 = 20_000.0;
/// What is offered at most, in parts of the best that was answered: above it, p99 is that of a queue.
const BELOW: f64 = 0.8;
const LENGTH: Duration = Duration::from_secs(12);
const LONGEST: Duration = Duration::from_secs(60);
/// How often page 1 is read: the contract's default.
const REFRESH: Duration = Duration::from_secs(1);
/// How long a read takes: half of the time one is under way, and both halves have the same number of looks.
const STATEMENT: Duration = Duration::from_millis(500);
/// How long after its statement a refresh is over for sure: the new page has replaced the old one.
const REPLACED: Duration = Duration::from_millis(20);
/// The bar: p99 while a refresh is under way, in parts of p99 between two.
const BAR: f64 = 1.5;

/// Looks at page 1, and what the database saw meanwhile.
struct Seen {
    /// Answered looks a second.
    rate: f64,
    /// Statements, and how many are agreed in this time: one a second, and one more.
    statements: (u64, u64),
    /// p99 while a refresh was under way, and between two.
    p99: (Duration, Duration),
}

impl Seen {
    fn ratio(&self) -> f64 {
        self.p99.0.div_duration_f64(self.p99.1)
    }
}

/// Measures, prints, and says whether the bars were held. `most` is the highest rate that was answered before.
pub async fn measure(bench: &Bench, most: f64) -> Result<bool, Stop> {
    let rate = TARGET.min(BELOW * most).floor();
    let statement = STATEMENT.as_millis();
    println!(
        "\n{rate} looks a second at page 1, whose reads take {statement} ms: p99 in a refresh, beside p99 between two"
    );
    bench.bed.database().read_time(STATEMENT).await?;
    let head = ["run", "looks /s", "statements", "at most", "in a refresh", "between", "ratio"];
    println!(
        "{:<6} {:>10} {:>12} {:>9} {:>14} {:>10} {:>8}",
        head[0], head[1], head[2], head[3], head[4], head[5], head[6]
    );
    let mut runs = Vec::new();
    for number in 1..=PAIRS {
        let seen = look(bench, rate).await?;
        let (made, agreed) = seen.statements;
        let [during, between] =
            [seen.p99.0, seen.p99.1].map(|p99| format!("{:.2} ms", p99.as_secs_f64() * 1e3));
        println!(
            "{number:<6} {:>10.0} {made:>12} {agreed:>9} {during:>14} {between:>10} {:>8.2}",
            seen.rate,
            seen.ratio()
        );
        runs.push(seen);
    }
    let median = median(runs.iter().map(Seen::ratio));
    let few = runs.iter().all(|seen| seen.statements.0 <= seen.statements.1);
    println!("median {median:>66.2}   (at most {BAR}: {})", word(median <= BAR));
    println!("statements: at most one a second and one more: {}", word(few));
    Ok(median <= BAR && few)
}

/// One run of the load, under the eyes of the database.
async fn look(bench: &Bench, rate: f64) -> Result<Seen, Stop> {
    let database = bench.bed.database();
    let mut load = Command::new(&bench.load);
    load.arg(bench.service.addr().to_string());
    load.args(["--rate", &rate.to_string(), "--seconds", &LENGTH.as_secs().to_string(), "--each"]);
    let (before, began) = (database.reads().await?, Instant::now());
    let (mut looks, over) = (Vec::new(), Cell::new(false));
    let offered = async {
        let words = words(&mut load).await;
        over.set(true);
        words
    };
    let watched = wait::try_until(LONGEST, async || {
        let at = since_1970();
        let last = over.get();
        looks.push((at, database.reads().await?));
        Ok::<_, Stop>(last.then_some(()))
    });
    let (words, watched) = tokio::join!(offered, watched);
    watched?;
    let made = looks.last().map_or(0, |(_, count)| count - before);
    let agreed = began.elapsed().div_duration_f64(REFRESH).ceil() as u64 + 1;
    let words = words?;
    let unread =
        || SetUp::from_cause("read what `offer_looks` reports", words.chars().take(80).collect::<String>());
    let (rate, answers) = read(&words).ok_or_else(unread)?;
    let refreshes = refreshes(&looks);
    let p99 = |wanted: bool| {
        let under_way = |due: &Duration| refreshes.iter().any(|(from, to)| (from..to).contains(&due));
        let answers = answers.iter().filter(|(due, _)| under_way(due) == wanted);
        let p99 = Latency::of(answers.map(|(_, took)| *took)).percentile(99.0);
        p99.ok_or_else(|| Stop::Inconclusive("too few looks were answered for a p99".to_owned()))
    };
    Ok(Seen { rate, statements: (made, agreed), p99: (p99(true)?, p99(false)?) })
}

/// What the load reports: the looks a second, and when each was due and how long it took.
fn read(words: &str) -> Option<(f64, Vec<(Duration, Duration)>)> {
    let mut lines = words.lines();
    let rate = lines.next()?.split(' ').next()?.parse().ok()?;
    let answer = |line: &str| {
        let (due, took) = line.split_once(' ')?;
        Some((Duration::from_micros(due.parse().ok()?), Duration::from_micros(took.parse().ok()?)))
    };
    Some((rate, lines.map(answer).collect::<Option<_>>()?))
}

/// From when to when a refresh was under way, its edges included. A statement began between the look that did not see it, and the
/// one that did.
fn refreshes(looks: &[(Duration, u64)]) -> Vec<(Duration, Duration)> {
    let begun = looks.windows(2).filter(|pair| pair[1].1 > pair[0].1);
    begun.map(|pair| (pair[0].0, pair[1].0 + STATEMENT + REPLACED)).collect()
}

fn since_1970() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refresh_begins_between_two_looks() {
        let at = Duration::from_millis;
        let looks = [(at(0), 3), (at(20), 3), (at(40), 4), (at(60), 4)];
        assert_eq!(refreshes(&looks), [(at(20), at(40) + STATEMENT + REPLACED)]);
        assert!(refreshes(&looks[..2]).is_empty());
    }

    #[test]
    fn the_report_of_the_load_is_read() {
        let micros = Duration::from_micros;
        assert_eq!(
            read("2.5 0.3\n7 1\n9 2\n"),
            Some((2.5, vec![(micros(7), micros(1)), (micros(9), micros(2))]))
        );
        assert_eq!(read("2.5 0.3\n7\n"), None);
        assert_eq!(read(""), None);
    }
}
