//! The reckoning: what a post pays where, beside what its client measured; and Little's law.

use std::fmt;
use std::time::Duration;

use promises::contract::BROKER;

use crate::findings::{Table, ms};
use crate::placed::End;

use super::log::Logged;

/// What some posts came to, that were sent one at a time.
pub struct Account {
    /// The way, from the clients inwards.
    pub legs: Vec<Leg>,
    /// How long each post took, as its client measured.
    pub took: Vec<Duration>,
    /// How long the broker took, on average, where the answers tell.
    pub broker: Option<Duration>,
    /// What the proxy's log tells, where it does.
    pub logged: Option<Logged>,
}

/// What went over one path of the way.
pub struct Leg {
    /// Who connects.
    pub from: End,
    /// Who is connected to.
    pub to: End,
    /// How many connections were made: a round trip each, before anything is sent.
    pub connects: u64,
    /// How often an answer came back.
    pub exchanges: u64,
    /// How long one round trip takes.
    pub round_trip: Duration,
}

/// What one post pays, on average, in one place.
struct Part {
    what: String,
    /// Connects and exchanges for a post, and what each takes, where it is a way.
    walked: Option<(f64, f64, Duration)>,
    time: Duration,
}

/// The mean of some times, or nothing of none.
pub fn mean(times: &[Duration]) -> Duration {
    times.iter().sum::<Duration>().checked_div(times.len() as u32).unwrap_or_default()
}

impl Leg {
    /// What a post pays here, of so many.
    fn part(&self, posts: f64) -> Part {
        let (connects, exchanges) = (self.connects as f64 / posts, self.exchanges as f64 / posts);
        Part {
            what: format!("{} → {}", self.from, self.to),
            walked: Some((connects, exchanges, self.round_trip)),
            time: self.round_trip.mul_f64(connects + exchanges),
        }
    }
}

impl Account {
    /// How long a post took on average.
    pub fn mean(&self) -> Duration {
        mean(&self.took)
    }

    /// The parts of a post's time, in the order of its way.
    fn parts(&self) -> Vec<Part> {
        let posts = self.took.len().max(1) as f64;
        let ways = |counted: fn(&Leg) -> bool| -> Vec<Part> {
            let legs = self.legs.iter().filter(|leg| counted(leg) && leg.connects + leg.exchanges > 0);
            legs.map(|leg| leg.part(posts)).collect()
        };
        let to_the_broker = ways(|leg| leg.to.name == BROKER);
        let to_instances = ways(|leg| leg.from.name == "nginx");
        let [on_the_way_in, to_broker] = [&to_instances, &to_the_broker].map(|parts| sum(parts));
        let own = |what: &str, time: Duration| Part { what: what.to_owned(), walked: None, time };

        let mut parts = ways(|leg| leg.to.name == "nginx");
        if let Some(Logged { request, upstream }) = self.logged {
            parts.push(own("nginx itself", request.saturating_sub(upstream)));
        }
        parts.extend(to_instances);
        if let Some(Logged { upstream, .. }) = self.logged {
            let (what, confirm) = match self.broker {
                Some(broker) => ("the instances themselves", broker.max(to_broker)),
                None => ("the instances and the broker themselves", to_broker),
            };
            parts.push(own(what, upstream.saturating_sub(on_the_way_in + confirm)));
        }
        parts.extend(to_the_broker);
        if let Some(broker) = self.broker {
            parts.push(own("the broker itself", broker.saturating_sub(to_broker)));
        }
        parts
    }

    /// The parts, their sum, and what the client measured.
    pub fn table(&self) -> Table {
        let mut table = Table::of(&["", "connects", "exchanges", "a round trip", "a post pays"]);
        let parts = self.parts();
        for Part { what, walked, time } in &parts {
            let [connects, exchanges, each] = match walked {
                Some((connects, exchanges, each)) => [many(*connects), many(*exchanges), ms(*each)],
                None => Default::default(),
            };
            table.row([what.clone(), connects, exchanges, each, ms(*time)]);
        }
        let mut total = |what: &str, time: String| {
            table.row([what.to_owned(), String::new(), String::new(), String::new(), time]);
        };
        let (sum, mean) = (sum(&parts), self.mean());
        total("the sum", ms(sum));
        total("the client measured, on average", ms(mean));
        total("of which nothing above tells", signed(mean, sum));
        total("the client measured, p50", ms(self.median()));
        table
    }

    /// What could not be told apart, and why.
    pub fn unknown(&self) -> Option<&'static str> {
        match (self.broker, self.logged) {
            (_, None) => Some(
                "The proxy's access log did not tell of these posts: what nginx and the instances take themselves is not in the sum.",
            ),
            (None, _) => Some(
                "The answers have no Server-Timing with a `broker`: what the broker takes itself is not told from what the instances take.",
            ),
            _ => None,
        }
    }

    fn median(&self) -> Duration {
        let mut took = self.took.clone();
        took.sort();
        took.get(took.len().saturating_sub(1) / 2).copied().unwrap_or_default()
    }
}

fn sum(parts: &[Part]) -> Duration {
    parts.iter().map(|part| part.time).sum()
}

fn many(count: f64) -> String {
    format!("{count:.2}")
}

/// What one time is more than the other, or less.
fn signed(one: Duration, other: Duration) -> String {
    match one.checked_sub(other) {
        Some(more) => ms(more),
        None => format!("-{}", ms(other - one)),
    }
}

/// Little's law, L = λW: how many posts are under way at once, beside the places that there are for them.
pub struct Little {
    /// Posts a second.
    pub rate: f64,
    /// How long each is under way.
    pub time: Duration,
    /// How many can be under way at once.
    pub places: f64,
}

impl Little {
    /// How many are under way at once, on average, if there is a place for each.
    pub fn in_flight(&self) -> f64 {
        self.rate * self.time.as_secs_f64()
    }

    /// The share that finds no place, at least: the places carry `places / time` posts a second, and no more.
    pub fn lost(&self) -> f64 {
        (1.0 - self.places / self.in_flight()).max(0.0)
    }
}

impl fmt::Display for Little {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (rate, time, places) = (self.rate, ms(self.time), self.places);
        write!(
            f,
            "In flight = rate × time: {rate}/s × {time} = {:.1} posts at once. The proxy has {} connections, and a post under way \
             holds two: {places} places.",
            self.in_flight(),
            places * 2.0
        )?;
        match self.lost() {
            lost if lost > 0.0 => {
                write!(f, " At this rate {:.0}% of the posts find no place, at least.", lost * 100.0)
            }
            _ => write!(
                f,
                " There is a place for each, up to {:.0} posts a second.",
                places / self.time.as_secs_f64()
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(name: &str, zone: &str) -> End {
        End { name: name.to_owned(), zone: zone.to_owned() }
    }

    fn leg(from: &str, to: &str, connects: u64, exchanges: u64, millis: u64) -> Leg {
        let round_trip = Duration::from_millis(millis);
        Leg { from: end(from, "seoul"), to: end(to, "seoul"), connects, exchanges, round_trip }
    }

    /// Two posts: one to each instance, by a new connection each.
    fn account() -> Account {
        Account {
            legs: vec![
                leg("clients", "nginx", 0, 2, 35),
                leg("nginx", "api-1", 1, 1, 35),
                leg("nginx", "api-3", 1, 1, 50),
                leg("api-1", "rabbitmq", 0, 1, 35),
                leg("api-3", "rabbitmq", 0, 1, 51),
            ],
            took: [150, 200].map(Duration::from_millis).to_vec(),
            broker: Some(Duration::from_millis(45)),
            logged: Some(Logged {
                request: Duration::from_millis(136),
                upstream: Duration::from_millis(135),
            }),
        }
    }

    #[test]
    fn the_parts_add_up() {
        let account = account();
        let parts: Vec<(String, u128)> =
            account.parts().into_iter().map(|part| (part.what, part.time.as_micros())).collect();
        let wanted = [
            ("clients (seoul) → nginx (seoul)", 35_000),
            ("nginx itself", 1_000),
            ("nginx (seoul) → api-1 (seoul)", 35_000),
            ("nginx (seoul) → api-3 (seoul)", 50_000),
            ("the instances themselves", 5_000),
            ("api-1 (seoul) → rabbitmq (seoul)", 17_500),
            ("api-3 (seoul) → rabbitmq (seoul)", 25_500),
            ("the broker itself", 2_000),
        ];
        assert_eq!(parts, wanted.map(|(what, time)| (what.to_owned(), time)));
        assert_eq!(sum(&account.parts()), Duration::from_millis(171));
        assert_eq!(account.mean(), Duration::from_millis(175));
        assert_eq!(account.median(), Duration::from_millis(150));
        assert!(account.table().to_string().contains("of which nothing above tells"));
        assert_eq!(account.unknown(), None);
    }

    #[test]
    fn what_nobody_told_is_in_no_part_of_its_own() {
        let untold = Account { broker: None, ..account() };
        let parts = untold.parts();
        let both = parts.iter().find(|part| part.what == "the instances and the broker themselves").unwrap();
        assert_eq!(both.time, Duration::from_millis(7));
        assert_eq!(sum(&parts), Duration::from_millis(171));
        assert!(untold.unknown().unwrap().contains("Server-Timing"));

        let unlogged = Account { logged: None, ..account() };
        assert_eq!(sum(&unlogged.parts()), Duration::from_millis(165));
        assert!(unlogged.unknown().unwrap().contains("access log"));
    }

    #[test]
    fn a_difference_has_a_sign() {
        let [one, two] = [1, 2].map(Duration::from_millis);
        assert_eq!((signed(two, one), signed(one, two)), ("1.0 ms".to_owned(), "-1.0 ms".to_owned()));
        assert_eq!(mean(&[]), Duration::ZERO);
    }

    #[test]
    fn in_flight_is_rate_times_time() {
        let far = Little { rate: 150.0, time: Duration::from_millis(160), places: 16.0 };
        assert_eq!(far.in_flight(), 24.0);
        assert!((far.lost() - 1.0 / 3.0).abs() < 1e-9);
        assert!(far.to_string().ends_with("At this rate 33% of the posts find no place, at least."), "{far}");
        let near = Little { time: Duration::from_millis(8), ..far };
        assert_eq!(near.lost(), 0.0);
        assert!(
            near.to_string().ends_with("There is a place for each, up to 2000 posts a second."),
            "{near}"
        );
    }
}
