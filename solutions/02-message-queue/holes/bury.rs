//: `channel.basic_reject(tag, BasicRejectOptions { requeue: … })`: hands a message back, into its queue or out of it.
//: `within("…", call).await?`: waits for the broker's answer, but not for ever.
//: `tracing::warn!(…)`: somebody will want to know why it is there.
// Reject the message, so that it goes to the dead letters' queue, and say in the log why.
//
// Acknowledged, it is lost; put back, it comes again at once: twenty times, or for ever before RabbitMQ 4.
let _ = (channel, tag, reason, topology::DEAD_QUEUE, BasicRejectOptions::default());
todo!("lab 02: put a poisonous message aside")
