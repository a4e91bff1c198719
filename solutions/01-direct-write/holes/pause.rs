//: `tracing::warn!(…)`: one line for each attempt, however many requests wait for it.
//: `sleep(duration).await`: nothing for so long. The place in the pool is held until this returns.
// Say in the log what went wrong, and let `self.times.pause` go by.
//
// Whoever asks for a connection next makes the next attempt, and while the database is down somebody
// always asks. What does a server that is just getting up see of that?
let _ = (error, self.times.pause, sleep);
todo!("lab 01: pause after a failed attempt to connect")
