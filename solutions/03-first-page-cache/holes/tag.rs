//: `Sha256::digest(body)`: 32 bytes that only these bytes give.
//: `BASE64_URL_SAFE_NO_PAD.encode(…)`: bytes as letters, digits, `-` and `_`.
//: `"\"…\"".parse::<ETag>()`: a strong tag is a text in quotes.
// Make a tag of the bytes of the page.
//
// The same bytes have the same tag, after each refresh and in each instance. What would a client pay
// for a tag that is made of the time, or of a counter?
let _ = BASE64_URL_SAFE_NO_PAD.encode(Sha256::digest(body));
todo!("lab 03: make a tag of the bytes of the page")
