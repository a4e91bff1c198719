//: `Refresher::open(table, every).await`: reads page 1 for the first time, and gives the refresher and the page's receiver.
//: `background.spawn(refresher.run(stop))`: a task that the stop waits for.
//: `.map_err(cannot("read page 1 for the first time"))?`: what the log says when it fails.
// Read page 1 for the first time, then let the refresher run in the background.
//
// When this function returns, the service begins to listen. What would the first thousand readers be
// answered if it listened first and read then?
let _ = (table, every, stop, background, Refresher::<Table>::open, Refresher::<Table>::run);
let _ = cannot::<std::io::Error>;
todo!("lab 03: read page 1 before the service listens, then keep it fresh")
