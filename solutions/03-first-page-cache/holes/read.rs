//: `connection.take()`: the open connection, if there is one; `*connection = Some(…)` puts it back.
//: `PgConnection::connect_with(options).await`: a new one. `StoreError::NoConnection` says that there is none.
//: `sqlx::query_as("…").bind(PAGE_SIZE).fetch_all(&mut lent).await`: the posts. `failed_to("…")` names what was tried.
//: `timeout(DEADLINE, …).await`: an error when it was not over in time, and what was under way is dropped. `OPEN` is for the connection.
// Read the posts of page 1, newest first, over the connection that is open, or over a new one.
//
// All of it within `DEADLINE`, and a new connection within `OPEN`. What becomes of the connection when the statement fails, and what when
// nobody ever answers it? Which connection will the next read use?
let _ = (connection, PgConnection::connect_with(options), StoreError::NoConnection, PAGE_SIZE);
let _ = (OPEN, timeout(DEADLINE, std::future::ready(())), failed_to("read page 1"));
todo!("lab 03: read the posts of page 1, within a deadline")
