//: `message::decode(&delivery.data)`: the post in a message, or why there is none.
//: `store_batch(channel, inbox, &posts, stop).await?`: for each post `None` when it is committed, or why the database refuses it for ever.
//: `bury(channel, tag, &reason).await?`: the place among the dead letters.
//: `acknowledge(channel, tag).await?`: settles this message and every one before it that is not settled yet.
// Decode the messages of the batch, store their posts, and then tell the broker of each message what
// became of it.
//
// A message has one of three ends: a row and an acknowledgement, a place among the dead letters, or
// another delivery. What must have happened before the broker forgets it?
let _ = (channel, inbox, batch, stop, message::decode);
let _ = (store_batch, acknowledge, bury);
todo!("lab 02: store the batch, then acknowledge it")
