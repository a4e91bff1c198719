//: `self.page.borrow().clone()`: the page that is served now; cloning it copies no bytes.
//: `page.age()`, `page.tag()`, `page.body()`; `Error::Unavailable` is 503 with `Retry-After`.
//: `self.headers(age)`, then `headers.typed_insert(page.tag())` and `headers.typed_insert(ContentType::json())`.
//: `(StatusCode::NOT_MODIFIED, headers).into_response()`: no body. `is_known(&page, known)` is the next hole.
// Answer from memory: the page as it is, 304 to who has it already, 503 when it is too old.
//
// A page that is old is better than none, up to a point. Who says which point, and what tells the
// reader how old it is?
let _ = (known, &self.page, self.stale, Self::headers, is_known, Error::Unavailable);
let _ = (StatusCode::NOT_MODIFIED, ContentType::json());
todo!("lab 03: answer page 1 from memory")
