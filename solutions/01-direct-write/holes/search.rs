//: `strpos(content, $1) > 0`: whether a text holds another one, letter by letter.
//: `.bind(text.as_str())`: the text travels beside the statement, and is never a part of it.
// Do as `page` does, for the posts that hold the text.
//
// What do `%`, `_` and `'` mean to the database, and what do they mean to the reader?
let _ = (text.as_str(), page);
todo!("lab 01: find the posts that hold the text")
