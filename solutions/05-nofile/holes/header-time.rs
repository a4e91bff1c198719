//: `Limits { connections, head_timeout: …, ..Limits::default() }`: the rest is as before.
// Say how long a client may be slow.
//
// A client that sends one byte a second is busy all the time, and never done. What does it hold meanwhile?
Limits { connections, ..Limits::default() }
