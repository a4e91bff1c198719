//: `self.connection().await?`: a place and a connection; hold both until the statement has ended.
//: `sqlx::query("INSERT …")` and `.bind(…)` for `$1`, `$2`, `$3`: a statement with its values beside it.
//: `.execute(&mut *connection).await`: returns when the database has committed.
//: `.map_err(failed_to("insert the post"))?`: its error, with what was tried.
//: `connection.give_back()`: the statement has ended well, so the next request may have the connection at once.
// Insert one row into `post (id, content, created_at)`. `get`, below, shows how a statement is run.
//
// When this returns `Ok` the row is committed. What does an error tell, and what does it not?
let _ = post;
todo!("lab 01: insert the post")
