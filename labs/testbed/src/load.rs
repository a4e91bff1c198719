//! An open-loop HTTP load generator: requests leave at the moments that the schedule names, whether or not the
//! earlier ones were answered, and every scheduled request ends in exactly one [`Outcome`].
//!
//! A closed-loop client waits for an answer before it sends the next request, so a server that stalls also
//! silences the client that should have measured the stall ("coordinated omission"). Here the arrivals are data
//! ([`Schedule`]), and latency is taken from the intended start, with the actual send beside it.
//!
//! Everything that touches the network runs on one thread of its own, so that a run costs one core at most and
//! is not disturbed by the runtime of the check. What that thread could not do in time is part of the result:
//! [`Outcomes::send_lag`], and [`Outcomes::void`] when the run says nothing about the server.
//!
//! | room | owns |
//! |---|---|
//! | `schedule` | when each request is due |
//! | `traffic` | what each request is |
//! | `outcome` | how one request ended; counts |
//! | `board` | the shared account: which request is due, which connection is idle, how each ended |
//! | `pacer` | wakes the driver at the due moments |
//! | `driver` | the thread: hands due requests to connections |
//! | `connection` | one HTTP/1.1 connection, one exchange at a time |
//! | `running` | the handle that a check holds |
//! | `record`, `latency` | what a run gives: samples, series, histograms |

mod board;
mod connection;
mod driver;
mod latency;
mod outcome;
mod pacer;
mod record;
mod running;
mod schedule;
mod socket;
mod traffic;

pub use latency::Latency;
pub use outcome::{Counts, Outcome, Sample};
pub use record::{Outcomes, Second};
pub use running::{Load, Running};
pub use schedule::Schedule;
pub use traffic::{Gets, Traffic, gets};
