//: `text(headers)?`: the header's text, without quotes; `None` where there is none.
//: `key.parse::<Uuid>()`: any spelling of a UUID, 32 digits without hyphens included.
//: `Uuid::new_v5(&NAMESPACE, key.as_bytes())`: an id that the same text has everywhere.
// Give a post the id that its `Idempotency-Key` names.
//
// Two instances get the same request, one after the other, and know nothing of each other. What must
// the id be made of, so that the table has one row in the end?
let _ = (text(headers), NAMESPACE, Uuid::new_v5);
Ok(None)
