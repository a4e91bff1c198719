//! What of a page is prose: the text that a reader reads, without code, figures, includes and addresses.

/// The lines outside code blocks, with their numbers from 1.
pub fn lines(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut is_code = false;
    (1..).zip(text.lines()).filter(move |(_, line)| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The prose of a page, line by line, with the lines' numbers.
pub fn prose(text: &str) -> Vec<(usize, String)> {
    let mut is_figure = false;
    let mut prose = Vec::new();
    for (number, line) in lines(text) {
        is_figure |= line.contains("<svg");
        if !is_figure && !line.starts_with("{{#") {
            prose.push((number, words(line)));
        }
        is_figure &= !line.contains("</svg>");
    }
    prose
}

/// A line without inline code, tags, a heading's id, and the addresses of links.
fn words(line: &str) -> String {
    let pairs = [("`", "`"), ("<", ">"), (" {#", "}"), ("](", ")")];
    pairs.iter().fold(line.to_owned(), |line, (open, close)| without(&line, open, close))
}

/// The text without what stands between `open` and `close`.
fn without(text: &str, open: &str, close: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(open) {
        let Some((_, after)) = after.split_once(close) else { break };
        kept.push_str(before);
        kept.push(' ');
        rest = after;
    }
    kept + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_figures_and_addresses_are_no_prose() {
        let text = "# One {#one}\n```sh\ncargo ack\n```\n<svg>\n<text>ack</text>\n</svg>\n{{#include x}}\na `b` [c](d.md) <e>f\n";
        let found: Vec<(usize, String)> = prose(text);
        assert_eq!(found, [(1, "# One ".to_owned()), (9, "a   [c   f".to_owned())]);
    }
}
