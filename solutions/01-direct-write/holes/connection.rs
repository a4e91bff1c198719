//: `self.admission.enter()`: a place, at once, or `LineIsFull`; `map_err(StoreError::LineIsFull)` makes it ours.
//: `self.pool.lend_to(place).await`: waits for a connection as long as it takes, and gives the place back with it.
//: `tokio::time::timeout(limit, future).await`: what the future gives, or an error when `limit` is over first.
//: `self.budget.line()`: how long the wait may take.
//: `sqlx::Error::PoolTimedOut`: the name of a wait that was too long, for `StoreError::NoConnection`.
// Take a place in the line, which refuses at once when it is full; then wait for a connection, but
// for no longer than the budget's `line`. Return both.
//
// A database that says nothing refuses nothing either. Which of the two can then wait for ever, and
// what would be left of the request's time for its statement?
let _ = (&self.admission, &self.pool, self.budget.line(), sqlx::Error::PoolTimedOut);
todo!("lab 01: take a place, and wait for a connection, but not for ever")
