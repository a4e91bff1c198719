//: `fs::read_link(path)?`: what a descriptor leads to, as `socket:[4711]`, `pipe:[12]`, `anon_inode:[eventpoll]` or a path.
//: `text.split(':').next()`: what stands before the first colon.
// Count this descriptor under its kind, and not everything as other.
//
// A descriptor may be closed between the listing and the look. Is that a fault?
let _ = (descriptor.map_err(unread)?, fs::read_link::<&Path>);
found.open += 1;
found.other += 1;
