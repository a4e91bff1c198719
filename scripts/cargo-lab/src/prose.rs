//! Sentences in the terminal, folded to the width of a verdict.

use testbed::report::text::WIDTH;
use textwrap::{Options, WordSplitter, fill};

/// `text` with `first` before it, folded between words. Its other lines are set in as far as `first` is wide.
pub fn folded(first: &str, text: &str) -> String {
    let rest = " ".repeat(first.chars().count());
    let options = Options::new(WIDTH)
        .initial_indent(first)
        .subsequent_indent(&rest)
        .word_splitter(WordSplitter::NoHyphenation)
        .break_words(false);
    fill(text, options)
}
