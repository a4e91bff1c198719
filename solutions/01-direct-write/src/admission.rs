//! The bounded line in front of the pool.
//!
//! Above capacity a line only grows: whoever joins it waits longer, until nobody in it can be
//! served in time. So it is bounded twice: by time, where the connection is taken (`Store`), and by
//! number, here. Thus memory is bounded, and who comes too late is told so at once. Who is refused
//! has cost the database nothing, and that is what keeps it at full speed.

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// How many requests may wait for each connection.
///
/// A full line is over after so many statements, however large the pool is: 20 ms when one takes 5
/// ms, 400 ms when one takes 100 ms. That rides out a burst, and it is short enough to be served
/// inside a deadline of 2 s. With slower statements the bound by time comes first. A longer line
/// would not let more requests be served, only make all of them wait longer.
const WAITING_PER_CONNECTION: usize = 4;

/// The right to wait for a connection and to use it. Dropping it lets somebody else in.
#[derive(Debug)]
pub struct Place(#[expect(dead_code, reason = "held, never read")] OwnedSemaphorePermit);

/// As many are being served and are waiting as may.
#[derive(Clone, Copy, Debug, Eq, Error, PartialEq)]
#[error("the waiting line is full")]
pub struct LineIsFull;

/// Gives out the places: one for each connection, and those of the line.
#[derive(Clone, Debug)]
pub struct Admission {
    places: Arc<Semaphore>,
}

impl Admission {
    /// The places in front of a pool of `connections`.
    #[must_use]
    pub fn new(connections: u16) -> Self {
        Self { places: Arc::new(Semaphore::new(usize::from(connections) * (1 + WAITING_PER_CONNECTION))) }
    }

    /// Takes a place. This never waits.
    ///
    /// # Errors
    /// All places are taken.
    // ANCHOR: admission
    pub fn enter(&self) -> Result<Place, LineIsFull> {
        self.places.clone().try_acquire_owned().map(Place).map_err(|_| LineIsFull)
    }
    // ANCHOR_END: admission
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_line_refuses_and_a_place_comes_back() {
        let admission = Admission::new(2);
        let mut places = Vec::new();
        while let Ok(place) = admission.enter() {
            places.push(place);
            assert!(places.len() <= 1_000, "the line has no end");
        }
        assert_eq!(places.len(), 2 * (1 + WAITING_PER_CONNECTION));

        places.pop();
        let place = admission.enter();
        assert!(place.is_ok(), "the place that was given back is free");
        assert_eq!(admission.enter().err(), Some(LineIsFull));
    }

    #[test]
    fn clones_share_the_places() {
        let admission = Admission::new(1);
        let places: Vec<_> = (0..=WAITING_PER_CONNECTION).map(|_| admission.clone().enter()).collect();
        assert!(places.iter().all(Result::is_ok));
        assert_eq!(admission.enter().err(), Some(LineIsFull));
    }
}
