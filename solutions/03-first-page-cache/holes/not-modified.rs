//: `known.precondition_passes(&tag)`: whether the page is to be sent in full: no tag of the header is this one.
//: `Option::is_some_and`.
// Say whether the sender has the page already.
//
// A header may hold one tag, several, a weak one (`W/"x"`), or `*`. The typed header knows them all.
let _ = (page, known);
todo!("lab 03: say whether the reader has the page already")
