//: `self.lock()` gives what is `Inside`: `running`, `waiting`, and `next`, the ticket of the next who enters
//: `BTreeMap::len`, `BTreeMap::insert`
//: `Condvar::notify_one` wakes one worker that waits in `next`
// Who runs has a place as well as who waits. A job that nobody hears of waits for ever.
let _ = (job, self.places, &self.changed, self.lock().next);
todo!("lab 00: take a place in a bounded line, or refuse")
