//: `self.channel.basic_publish("".into(), topology::QUEUE.into(), options, &message.body, message.properties.clone())`: its first `await` sends, and gives the confirm; awaiting that gives the answer.
//: `BasicPublishOptions { mandatory: true, .. }`: what no queue takes comes back.
//: `Confirmation::Ack(None)`: stored; `Ack(Some(_))` or `Nack(Some(_))`: it came back; `Nack(None)`: refused; `NotRequested`: a fault of ours.
//: `PublishError::Unknown`: sent, and nothing more is known; `Unavailable`: the broker has not got it.
//: `failed_to("…")(error)`: lapin's error, with what was tried.
// Publish the message to `topology::QUEUE`, wait for its confirm, and match it.
//
// A confirm that is awaited is not yet a confirm that is read: what are the four things that it can
// say, and which of them means that the post is in the queue? After which error is it not known what
// became of the post?
let Message { body, properties } = message;
let _ = (&self.channel, body, properties, failed_to, BasicPublishOptions::default(), topology::QUEUE);
let _ = (Outcome::Stored, Outcome::Unroutable, Confirmation::NotRequested);
todo!("lab 02: publish the post and match its confirm")
