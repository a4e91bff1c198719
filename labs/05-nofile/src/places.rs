//! The places for clients: each connection holds one. When they run short, whoever holds one without
//! asking for anything has to give it back.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, sleep_until},
};
use tokio_util::sync::CancellationToken;

/// How long a connection may at least take until its first request, or until the next one, whoever
/// waits. A request that has arrived may not have been read yet.
const GRACE: Duration = Duration::from_millis(100);

/// All places, free and taken. A clone means the same ones.
#[derive(Clone, Debug)]
pub struct Places {
    free: Arc<Semaphore>,
    all: usize,
    waiting: Arc<Mutex<Waiting>>,
}

/// The connections that have no whole request, by how long they have had none.
#[derive(Debug, Default)]
struct Waiting {
    next: u64,
    by_age: BTreeMap<u64, (Instant, CancellationToken)>,
}

impl Places {
    /// So many, and all of them free.
    #[must_use]
    pub fn new(all: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(all)), all, waiting: Arc::default() }
    }

    /// Whether so few are free that nobody should keep one for later.
    #[must_use]
    pub fn are_short(&self) -> bool {
        self.free.available_permits() < self.all / 5
    }

    /// A place for a connection that has been accepted. Where none is free, whoever has been without a
    /// request for longest is sent away.
    // ANCHOR: take
    pub async fn take(&self) -> Place {
        // ANCHOR: hole-take
        // Take a free place. When there is none, send away whoever has been without a request for longest, once `GRACE` is over for him,
        // and take the place that he gives back.
        //
        // A connection that was accepted a moment ago has no request either. Why must it not be sent away at once?
        let _ = (Self::waiting, GRACE, Self::send_one_away, sleep_until);
        loop {
            if let Ok(permit) = self.free.clone().acquire_owned().await {
                return self.place(permit);
            }
        }
        // ANCHOR_END: hole-take
    }
    // ANCHOR_END: take

    /// Closes the connection that has been without a request for longest, if that is long enough.
    fn send_one_away(&self) {
        let mut waiting = self.waiting();
        if let Some(first) = waiting.by_age.first_entry()
            && first.get().0.elapsed() >= GRACE
        {
            first.remove().1.cancel();
        }
    }

    fn place(&self, permit: OwnedSemaphorePermit) -> Place {
        let seat = Seat {
            places: self.clone(),
            left: CancellationToken::new(),
            key: Mutex::new(None),
            _permit: permit,
        };
        seat.waits();
        Place(Arc::new(seat))
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place that is taken, until its last clone is gone.
#[derive(Clone, Debug)]
pub struct Place(Arc<Seat>);

#[derive(Debug)]
struct Seat {
    places: Places,
    left: CancellationToken,
    /// Under which it is listed among those that wait.
    key: Mutex<Option<u64>>,
    _permit: OwnedSemaphorePermit,
}

impl Place {
    /// Completes when the connection has to go.
    pub fn left(&self) -> impl Future<Output = ()> + Send + use<> {
        self.0.left.clone().cancelled_owned()
    }

    /// Among those places that are wanted.
    #[must_use]
    pub fn is_wanted(&self) -> bool {
        self.0.places.are_short()
    }

    /// Has a whole request from now on, until what is returned is dropped.
    #[must_use]
    pub fn asks(&self) -> Asking {
        self.0.asks();
        Asking(self.clone())
    }
}

/// A request that is being answered.
#[derive(Debug)]
pub struct Asking(Place);

impl Drop for Asking {
    fn drop(&mut self) {
        self.0.0.waits();
    }
}

impl Seat {
    fn waits(&self) {
        let mut waiting = self.places.waiting();
        let key = waiting.next;
        waiting.next += 1;
        waiting.by_age.insert(key, (Instant::now(), self.left.clone()));
        *self.key() = Some(key);
    }

    fn asks(&self) {
        let mut waiting = self.places.waiting();
        if let Some(key) = self.key().take() {
            waiting.by_age.remove(&key);
        }
    }

    fn key(&self) -> MutexGuard<'_, Option<u64>> {
        self.key.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.asks();
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;

    use super::*;

    const SOON: Duration = Duration::from_secs(10);
    /// Long enough for what happens at once, and shorter than the grace.
    const MOMENT: Duration = Duration::from_millis(10);

    #[tokio::test]
    async fn a_place_that_was_given_back_is_free() {
        let places = Places::new(1);
        drop(timeout(SOON, places.take()).await.expect("it is free"));
        timeout(SOON, places.take()).await.expect("and again");
    }

    #[tokio::test]
    async fn who_has_been_without_a_request_for_longest_has_to_go() {
        let places = Places::new(2);
        let (first, second) = (places.take().await, places.take().await);
        let (left, stays) = (first.left(), second.left());
        let third = tokio::spawn({
            let places = places.clone();
            async move { places.take().await }
        });
        timeout(SOON, left).await.expect("somebody waits");
        drop(first);
        timeout(SOON, third).await.expect("there is a place").expect("no panic");
        assert!(timeout(MOMENT, stays).await.is_err(), "one was enough");
    }

    #[tokio::test]
    async fn who_asks_is_let_be_and_so_is_who_was_answered_a_moment_ago() {
        let places = Places::new(1);
        let place = places.take().await;
        let asking = place.asks();
        assert!(timeout(3 * GRACE, places.take()).await.is_err(), "nobody has given anything back");
        assert!(timeout(MOMENT, place.left()).await.is_err(), "the request is not cut off");
        drop(asking);
        let wanted = tokio::spawn(async move { places.take().await });
        assert!(timeout(MOMENT, place.left()).await.is_err(), "the answer has just left");
        timeout(SOON, place.left()).await.expect("now it has to go");
        wanted.abort();
    }

    #[tokio::test]
    async fn the_last_fifth_is_short() {
        let places = Places::new(10);
        let mut taken = Vec::new();
        for _ in 0..8 {
            taken.push(places.take().await);
        }
        assert!(!places.are_short());
        taken.push(places.take().await);
        assert!(places.are_short() && taken[0].is_wanted());
    }
}
