//: `format!("broker;dur={:.3}", …)`: a name, and a number of milliseconds; `Duration::as_secs_f64`.
//: `HeaderValue::from_str(&value)`: an error for what no header may hold.
//: `[(SERVER_TIMING, value)].into_iter().collect()`: a `HeaderMap`. An `Option` gives none or one.
// Say in `Server-Timing` how long the broker took.
//
// A client knows how long it waited, and the proxy how long the instance took. Which part of that can
// only the instance tell?
let _ = (broker, SERVER_TIMING, HeaderValue::from_str);
HeaderMap::new()
