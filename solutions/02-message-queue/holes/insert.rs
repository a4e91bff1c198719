//: `SELECT * FROM UNNEST($1::uuid[], $2::text[], $3::timestamptz[])`: three arrays become rows.
//: `ON CONFLICT (id) DO NOTHING`: a row that is there already is no error.
//: `posts.iter().map(|post| post.id).collect()`: a column, from the one list that all three come from.
//: `sqlx::query(…)`, `.bind(ids)` and so on, `.execute(connection).await`.
// Insert all posts, however many, with one statement and one commit.
//
// A message can be delivered twice. What becomes of a post that is there already?
let _ = (connection, posts, size_of::<(Uuid, OffsetDateTime)>());
todo!("lab 02: insert a batch with one statement")
