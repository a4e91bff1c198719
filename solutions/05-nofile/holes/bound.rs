//: `limit.saturating_sub(own)`: never below zero.
//: `.min(MOST)`: a bound of its own, for when the limit is far away or there is none.
// Tell how many clients fit under the limit, beside what the service needs itself.
//
// When the connection to the broker dies, a new one is opened. How many descriptors must be free at that moment, and
// who would have taken them?
let _ = (limit, database, OWN, BROKER);
usize::try_from(MOST).ok()
