//: `Post::accept(new)`: the post, with its id and its time.
//: `store.insert(&post).await?`: returns when the post is committed; `?` turns its error into the right refusal.
//: `(StatusCode::CREATED, [(LOCATION, location)], axum::Json(post))`: a tuple is an answer: status, headers, body.
// Make the post, store it, and answer 201 with its `Location` (`/post/{id}`) and itself.
//
// The contract promises that an answered post survives a kill. What must have happened before the
// answer leaves?
let _ = (store, new, LOCATION);
todo!("lab 01: store the post and answer after the commit")
