//: `place.is_wanted()`: whether places are short.
//: `response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"))`: the server closes after this answer.
// Let the connection end with this answer, when places are short.
//
// Its client comes back on a new connection, and pays a handshake for it. Who profits, and when is it not worth it?
let _ = (place, response, HeaderValue::from_static("close"), header::CONNECTION);
