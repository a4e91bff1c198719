//! A run: its identity, by which everything that it starts can be found again and removed, and the hold on it, by which it is.

mod hold;
mod id;

pub use hold::{Run, block_on};
pub use id::{FOLDER, LABEL, RunId, VARIABLE};
