//: `interval_at(Instant::now() + self.every, self.every)`, and `.tick().await`; `MissedTickBehavior` says what follows a tick that came late.
//: `read(&mut self.source).await`: a new page, or why there is none.
//: `self.page.send_replace(Arc::new(page))`: from now on this one is served.
//: `stop.run_until_cancelled(…).await`: drops what is under way when the stop comes.
// Read page 1 once in each interval, until the stop.
//
// What does a read that fails change, and what not? And for how long may the stop have to wait for a
// read that is under way?
let _ = (&self.every, &self.page, stop, interval_at, MissedTickBehavior::Delay, Instant::now);
drop(read(&mut self.source));
todo!("lab 03: read page 1 again and again, whatever a read comes to")
