//: `listener.into_std()`, then `accept()` until it fails: what the kernel has accepted and nobody serves yet.
//: `stream.set_nonblocking(true)` and `TcpStream::from_std(stream)`: back to tokio, and to `self.serve(stream, (), std::future::pending())`.
//: `self.stop.cancel()`: every connection ends after the request that it is serving.
//: `self.tasks.close()` and `self.tasks.wait()`: the wait for their end.
//: `tokio::time::timeout(drain, …)`: the end of that wait.
// Stop in three steps: no more connections, the word to those that are open (`stop`), and a wait for
// their end (`tasks`) that has an end itself, `drain`.
//
// Some connections the kernel has accepted for us, and nobody serves them yet. What do their clients
// see when the listener is just dropped?
let _ = (listener, drain, TcpStream::from_std);
todo!("lab 01: stop gracefully")
