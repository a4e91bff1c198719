//: `Reader::open(path).await`: the audit log; `next_chunk(&mut file).await`: the next posts in it, none at its end.
//: `which_are_stored(store, &chunk).await`: the ids that the table has.
//: `chunk.retain(|post| …)` and `HashSet::insert`, which says whether an id is new.
//: `publish_all(publisher, &chunk).await`: returns when all are confirmed.
//: `ReplayError::File`, `Table`, `Broker`: for `map_err`.
// Publish every post that is in the file and not in the table, each once, and count.
//
// The file may be larger than the memory: `next_chunk` reads a part of it. A post may stand in it
// twice, because its sender has sent it twice.
let _ = (path, store, publisher, Reader::open, HashSet::<Uuid>::new());
let _ = (next_chunk, which_are_stored, publish_all);
todo!("lab 02: publish what the table lacks")
