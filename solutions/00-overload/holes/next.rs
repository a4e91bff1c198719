//: `BTreeMap::pop_first` takes the entry with the smallest key; `inside` must be `mut` for it
//: `Condvar::wait_while` has returned, so `waiting` is not empty: `expect` may say so
let inside = self.changed.wait_while(self.lock(), empty).unwrap_or_else(PoisonError::into_inner);
// There is a job now. What must be counted in the same moment in which it leaves the line?
let _ = inside.running;
todo!("lab 00: give a worker the job that has waited longest")
