//! What queueing theory says a server must do, to hold measurements against.
//!
//! The letters are those of the field: λ arrivals a second, μ services a second of one server, c servers,
//! ρ = λ/(cμ) the load, K the places in the system (those in service included), L how many are in the system, W how
//! long each stays.
//!
//! Sources: L. Kleinrock, *Queueing Systems*, volume 1 (1975), chapter 3 (M/M/1/K and M/M/c/K are birth-death chains);
//! A. K. Erlang (1917) for M/M/c/c; J. D. C. Little, "A Proof for the Queuing Formula L = λW", *Operations Research* 9
//! (1961).

pub mod scaling;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// The load ρ = λ/(cμ): what is offered, in parts of what the servers can do.
pub fn load(per_second: f64, servers: usize, service: Duration) -> f64 {
    per_second * service.as_secs_f64() / servers as f64
}

/// The share of requests that must be lost at load ρ whatever the queue's length: 1 − 1/ρ, and 0 up to ρ = 1.
///
/// More cannot leave than the servers finish, so a longer queue only moves the loss. With even arrivals and even
/// services this is the exact loss, once the queue is full.
pub fn fluid_loss(load: f64) -> f64 {
    (1.0 - 1.0 / load).max(0.0)
}

/// The share of requests lost by one server with `places` places, the one in service included (M/M/1/K):
/// (1−ρ)ρᴷ/(1−ρᴷ⁺¹), and 1/(K+1) at ρ = 1. Poisson arrivals, exponential services.
pub fn loss_mm1k(load: f64, places: usize) -> f64 {
    loss_mmck(load, 1, places)
}

/// The share of requests lost by `servers` servers with `places` places in all, those in service included (M/M/c/K).
/// With as many places as servers it is Erlang's B formula. Poisson arrivals, exponential services.
///
/// # Panics
/// When there are fewer places than servers, or no server.
pub fn loss_mmck(load: f64, servers: usize, places: usize) -> f64 {
    assert!(servers > 0 && places >= servers, "{places} places cannot hold {servers} servers");
    // With p(n) the share of time with n in the system: p(n)/p(n−1) = λ/(μ·min(n, c)) = ρc/min(n, c). An arrival is
    // lost with probability p(K) (Poisson arrivals see time averages). B(n) = p(n)/(p(0) + … + p(n)) is computed from
    // B(n−1), as Erlang's B is: nothing overflows, however many places there are.
    (1..=places).fold(1.0, |blocked, n| {
        let ratio = load * servers as f64 / n.min(servers) as f64;
        ratio * blocked / (1.0 + ratio * blocked)
    })
}

/// Little's law: how many are in a system that requests enter at this rate and stay in for `stay` on average,
/// L = λW. It holds for every stable system, whatever its arrivals, services and order.
pub fn in_system(per_second: f64, stay: Duration) -> f64 {
    per_second * stay.as_secs_f64()
}

/// How long an arrival waits that finds `queued` requests in the queue and every server busy: about queued/(cμ).
pub fn full_queue_wait(queued: usize, servers: usize, service: Duration) -> Duration {
    service.mul_f64(queued as f64 / servers as f64)
}

/// What became of one request of a simulated server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It was served.
    Served {
        /// From its arrival to the start of its service.
        waited: Duration,
        /// From its arrival to the end of its service.
        latency: Duration,
    },
    /// Every place was taken when it arrived.
    Lost,
}

impl Fate {
    /// From arrival to the end of its service; `None` if it was lost.
    pub fn latency(self) -> Option<Duration> {
        match self {
            Self::Served { latency, .. } => Some(latency),
            Self::Lost => None,
        }
    }
}

/// Simulates a server exactly: `servers` servers, one first-come-first-served queue with `queue` places, arrivals at
/// these moments (in order), the service of arrival n taking `service(n)`. An arrival that finds every server busy
/// and the queue full is lost at once. Gives the fate of each arrival, in their order.
///
/// # Panics
/// When there is no server, or the arrivals are not in order.
pub fn simulate(
    servers: usize,
    queue: usize,
    arrivals: &[Duration],
    mut service: impl FnMut(usize) -> Duration,
) -> Vec<Fate> {
    assert!(servers > 0, "a server needs at least one server");
    assert!(arrivals.is_sorted(), "arrivals must be in order");
    let mut free_at: BinaryHeap<_> = (0..servers).map(|_| Reverse(Duration::ZERO)).collect();
    // When each of the queued leaves the queue. First come, first served: in order.
    let mut starts = VecDeque::new();
    let serve = |(n, &arrival): (usize, &Duration)| {
        while starts.front().is_some_and(|start| *start <= arrival) {
            starts.pop_front();
        }
        let Reverse(free) = *free_at.peek().expect("there is at least one server");
        if free > arrival && starts.len() >= queue {
            return Fate::Lost;
        }
        let start = free.max(arrival);
        let end = start + service(n);
        free_at.pop();
        free_at.push(Reverse(end));
        if start > arrival {
            starts.push_back(start);
        }
        Fate::Served { waited: start - arrival, latency: end - arrival }
    };
    arrivals.iter().enumerate().map(serve).collect()
}

/// The share of these that were lost, from 0 to 1; `None` when there are none.
pub fn loss(fates: &[Fate]) -> Option<f64> {
    let lost = fates.iter().filter(|fate| **fate == Fate::Lost).count();
    (!fates.is_empty()).then(|| lost as f64 / fates.len() as f64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::load::Schedule;

    const SERVICE: Duration = Duration::from_millis(40);

    /// Exponential services of the mean [`SERVICE`]: the gaps of a Poisson stream.
    fn exponential(count: usize, seed: u64) -> Vec<Duration> {
        let per_second = 1.0 / SERVICE.as_secs_f64();
        let stream = Schedule::poisson(per_second, SERVICE * (count as u32 + count as u32 / 10), seed);
        assert!(stream.len() > count);
        stream.offsets().windows(2).map(|pair| pair[1] - pair[0]).collect()
    }

    fn simulated_loss(load: f64, servers: usize, queue: usize) -> f64 {
        let per_second = load * servers as f64 / SERVICE.as_secs_f64();
        let arrivals = Schedule::poisson(per_second, Duration::from_secs_f64(200_000.0 / per_second), 7);
        let services = exponential(arrivals.len(), 8);
        loss(&simulate(servers, queue, arrivals.offsets(), |n| services[n])).unwrap()
    }

    #[test]
    fn the_closed_forms_are_those_of_the_books() {
        for (load, places) in [(0.8, 5usize), (1.5, 3), (3.0, 10)] {
            let power = |n: usize| f64::powi(load, n as i32);
            let expected = (1.0 - load) * power(places) / (1.0 - power(places + 1));
            assert!((loss_mm1k(load, places) - expected).abs() < 1e-12);
        }
        assert!((loss_mm1k(1.0, 4) - 0.2).abs() < 1e-12);
        // Erlang's own tables: 10 lines offered 7 erlangs lose 7.87 %.
        assert!((loss_mmck(0.7, 10, 10) - 0.0787).abs() < 5e-5);
        // A long queue loses what it must and no more.
        assert!((loss_mmck(1.5, 4, 100_000) - fluid_loss(1.5)).abs() < 1e-9);
    }

    #[test]
    fn the_simulation_agrees_with_the_closed_forms() {
        for load in [0.8, 1.0, 1.5, 3.0] {
            for (servers, queue) in [(1, 4), (4, 0), (4, 8), (8, 16)] {
                let (found, expected) =
                    (simulated_loss(load, servers, queue), loss_mmck(load, servers, servers + queue));
                assert!(
                    (found - expected).abs() < 0.005,
                    "load {load}, {servers} servers, queue of {queue}: {found} simulated, {expected} by the formula"
                );
            }
        }
    }

    #[test]
    fn even_arrivals_and_services_lose_the_fluid_bound() {
        for load in [0.8, 1.5, 3.0] {
            let per_second = load * 4.0 / SERVICE.as_secs_f64();
            let arrivals = Schedule::constant(per_second, Duration::from_secs(1000));
            let found = loss(&simulate(4, 8, arrivals.offsets(), |_| SERVICE)).unwrap();
            assert!((found - fluid_loss(load)).abs() < 0.001, "load {load}: {found} lost");
        }
    }

    #[test]
    fn littles_law_holds_in_the_simulation() {
        let arrivals = Schedule::poisson(80.0, Duration::from_secs(2000), 7);
        let services = exponential(arrivals.len(), 8);
        let fates = simulate(4, usize::MAX, arrivals.offsets(), |n| services[n]);
        let mean = fates.iter().filter_map(|fate| fate.latency()).sum::<Duration>() / fates.len() as u32;
        // How many are inside, counted at moments that have nothing to do with the arrivals.
        let leaves: Vec<_> =
            arrivals.offsets().iter().zip(&fates).map(|(at, fate)| *at + fate.latency().unwrap()).collect();
        let inside = |moment: Duration| {
            let came = arrivals.offsets().partition_point(|at| *at <= moment);
            let recent = came.saturating_sub(2000);
            leaves[recent..came].iter().filter(|leave| **leave > moment).count()
        };
        let looks = 20_000;
        let seen: usize = (0..looks).map(|look| inside(Duration::from_millis(100) * look)).sum();
        let (found, expected) = (seen as f64 / f64::from(looks), in_system(80.0, mean));
        assert!((found / expected - 1.0).abs() < 0.02, "{found} inside, {expected} by the law");
    }

    #[test]
    fn a_full_queue_waits_its_length_over_the_capacity() {
        let arrivals = vec![Duration::ZERO; 13];
        let fates = simulate(4, 8, &arrivals, |_| SERVICE);
        let waits = |n: usize| match fates[n] {
            Fate::Served { waited, .. } => waited,
            Fate::Lost => panic!("request {n} was lost"),
        };
        assert_eq!((waits(0), waits(4), waits(11)), (Duration::ZERO, SERVICE, 2 * SERVICE));
        assert_eq!(fates[12], Fate::Lost);
        assert_eq!(full_queue_wait(8, 4, SERVICE), 2 * SERVICE);
    }
}
