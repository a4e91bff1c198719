//: `queue(channel, NAME, &[("key", "value"), …]).await?`: declares one queue; it is below.
//: `x-dead-letter-exchange` and `x-dead-letter-routing-key`: where a rejected message goes; the exchange "" takes the key for a queue's name.
//: `x-dead-letter-strategy`, `at-least-once`: a dead letter leaves its queue when the other one has confirmed it.
//: `x-overflow`, `reject-publish`: a full queue refuses the newest message, where it would else drop the oldest.
// Declare two queues, `QUEUE` and `DEAD_QUEUE`, with `queue`, below.
//
// Which of them first, so that nothing is ever rejected into a queue that is not there? And what must
// `QUEUE` be told, so that what is rejected goes to `DEAD_QUEUE`, and leaves only when it is safe there?
let _ = (channel, queue);
todo!("lab 02: declare the queue and the dead letters' queue")
