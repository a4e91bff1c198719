//: `ORDER BY … DESC`: without it the database owes you no order at all.
//: `LIMIT $1 OFFSET $2`: how many rows, and how many to skip first.
//: `sqlx::query_as(…)` and `.fetch_all(&mut *connection).await`: rows that become posts.
// List a page of posts: newest first, `PAGE_SIZE` of them, from the page's `offset`.
//
// Two posts can carry the same instant. What keeps such a post from standing on two pages, or on
// none?
let _ = (page.offset(), PAGE_SIZE);
todo!("lab 01: list the posts of a page, newest first")
