//: `error.kind()`: `io::ErrorKind::ConnectionAborted` is a client that has left.
//: `self.told`, `self.since`, `TOLD_EVERY`: when it was told of last, how often it happened since, how often it may be told.
//: `sleep(pause).await`: the next attempt would fail as this one did.
// Tell of a connection that could not be accepted, and wait a moment.
//
// Without descriptors `accept` fails at once, and the connection is still there. What does a loop do that goes on, and what
// one that ends?
let _ = (error, pause, self.told, self.since, TOLD_EVERY, io::ErrorKind::ConnectionAborted);
sleep(Duration::from_secs(1)).await;
