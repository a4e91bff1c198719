//: `self.publisher.publish(post, clock).await`: returns when the broker has the post on its disk.
//: `journal.append(post).await`: returns when the line is on ours; `self.journal` may be `None`.
//: `Refusal::of(post.id, &error)` and `Refusal::not_recorded(post.id, &error)`: what a failure is to be called.
// Publish the post, then record it if there is a journal. The answer leaves when this returns.
//
// Which of the two comes first? What may a record hold that was refused, and what may it lack that
// was accepted?
let _ = (post, clock, &self.publisher, &self.journal, Refusal::of, Refusal::not_recorded);
todo!("lab 02: publish the post, record it, and only then accept it")
