//: `message::encode(post)`: the post as one line of JSON; its line feed is still to come.
//: `oneshot::channel()`: one end goes with the `Line`, by the other the writer says what became of it.
//: `self.lines.send(Line { text, written }).await`: hands the line to the writer; an error says that it is gone.
//: `JournalError::new(…)`: of an error or of a text.
// Hand the writer a `Line`, and wait until it says that the line is on the disk.
//
// When this returns `Ok` the line survives a crash. Who waits for whom, and how many lines does one
// sync write while you wait?
let _ = (post, &self.lines, message::encode, oneshot::channel::<Result<(), JournalError>>);
todo!("lab 02: append the post to the audit log")
