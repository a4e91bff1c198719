//! A YAML file as a tree whose nodes know their lines.
//!
//! Anchors, aliases and merge keys are refused where they stand: with them, what a key says is no longer where it is read.

use std::fmt::Write as _;

use saphyr_parser::{Event, Parser, ScalarStyle};

use super::STACK;
use crate::submission::DeployFault;

/// Deeper than any Compose file.
const DEEPEST: usize = 32;

/// A value, and the line where it begins.
#[derive(Debug)]
pub(super) struct Node {
    pub line: usize,
    pub what: What,
}

#[derive(Debug)]
pub(super) enum What {
    /// A scalar. `plain` tells one without quotes, which may mean a number, a truth value or nothing.
    Text {
        text: String,
        plain: bool,
    },
    List(Vec<Node>),
    Map(Vec<Entry>),
}

#[derive(Debug)]
pub(super) struct Entry {
    pub key: String,
    pub line: usize,
    pub value: Node,
}

impl Node {
    /// The value of a key; `None` where this is no map, or has no such key.
    pub fn get(&self, key: &str) -> Option<&Node> {
        match &self.what {
            What::Map(entries) => entries.iter().find(|entry| entry.key == key).map(|entry| &entry.value),
            _ => None,
        }
    }

    /// Whether nothing stands there, or `null`.
    pub fn is_nothing(&self) -> bool {
        matches!(&self.what, What::Text { text, plain: true } if ["", "~", "null", "Null", "NULL"].contains(&text.as_str()))
    }
}

/// Reads a text.
pub(super) fn read(text: &str) -> Result<Node, DeployFault> {
    let mut tree = Tree::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            DeployFault::at(STACK, error.marker().line(), format!("this is no YAML: {}", error.info()))
        })?;
        tree.take(event, span.start.line())?;
    }
    tree.root.ok_or_else(|| DeployFault::of(STACK, "the file is empty"))
}

/// A tree as it grows.
#[derive(Default)]
struct Tree {
    open: Vec<Open>,
    root: Option<Node>,
}

/// A list or a map that has not ended yet.
struct Open {
    line: usize,
    what: Growing,
}

enum Growing {
    List(Vec<Node>),
    /// With the key whose value comes next.
    Map(Vec<Entry>, Option<(String, usize)>),
}

impl Tree {
    fn take(&mut self, event: Event<'_>, line: usize) -> Result<(), DeployFault> {
        match event {
            Event::Alias(_) => return Err(self.refused(line, "an alias (`*…`)")),
            Event::Scalar(_, _, anchor, _)
            | Event::SequenceStart(anchor, _)
            | Event::MappingStart(anchor, _)
                if anchor > 0 =>
            {
                return Err(self.refused(line, "an anchor (`&…`)"));
            }
            Event::Scalar(text, style, ..) => {
                let text = What::Text { text: text.into_owned(), plain: style == ScalarStyle::Plain };
                self.put(Node { line, what: text })?;
            }
            Event::SequenceStart(..) => self.opens(line, Growing::List(Vec::new()))?,
            Event::MappingStart(..) => self.opens(line, Growing::Map(Vec::new(), None))?,
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Open { line, what }) = self.open.pop() {
                    let what = match what {
                        Growing::List(nodes) => What::List(nodes),
                        Growing::Map(entries, _) => What::Map(entries),
                    };
                    self.put(Node { line, what })?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn opens(&mut self, line: usize, what: Growing) -> Result<(), DeployFault> {
        if self.open.len() == DEEPEST {
            return Err(DeployFault::at(STACK, line, format!("{DEEPEST} levels are as deep as it may go")));
        }
        self.open.push(Open { line, what });
        Ok(())
    }

    fn put(&mut self, node: Node) -> Result<(), DeployFault> {
        let Some(Open { what, .. }) = self.open.last_mut() else {
            if self.root.is_some() {
                return Err(DeployFault::at(
                    STACK,
                    node.line,
                    "a second document begins here: there is to be one",
                ));
            }
            self.root = Some(node);
            return Ok(());
        };
        match what {
            Growing::List(nodes) => nodes.push(node),
            Growing::Map(entries, next) => match next.take() {
                Some((key, line)) => entries.push(Entry { key, line, value: node }),
                None => match node.what {
                    What::Text { text, plain: true } if text == "<<" => {
                        return Err(self.refused(node.line, "a merge key (`<<`)"));
                    }
                    What::Text { text, .. } if entries.iter().any(|entry| entry.key == text) => {
                        let says = format!("the key `{text}` is there twice");
                        return Err(DeployFault::at(STACK, node.line, says));
                    }
                    What::Text { text, .. } => *next = Some((text, node.line)),
                    _ => return Err(DeployFault::at(STACK, node.line, "a key is to be a text")),
                },
            },
        }
        Ok(())
    }

    fn refused(&self, line: usize, what: &str) -> DeployFault {
        let place = match self.place() {
            place if place.is_empty() => String::new(),
            place => format!("`{place}` has "),
        };
        let says =
            format!("{place}{what}, which the test-bed does not follow: write the keys out at each service");
        DeployFault::at(STACK, line, says)
    }

    /// The keys that lead to what comes next: `services.api-1.environment`.
    fn place(&self) -> String {
        let mut place = String::new();
        for open in &self.open {
            if let Growing::Map(_, Some((key, _))) = &open.what {
                let dot = if place.is_empty() { "" } else { "." };
                let _ = write!(place, "{dot}{key}");
            }
        }
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(text: &str) -> String {
        read(text).unwrap_err().to_string()
    }

    #[test]
    fn what_stands_somewhere_else_is_refused_by_its_place() {
        let said = fault("x-a: &common\n  A: 1\nservices: {}\n");
        assert!(said.contains("`x-a` has an anchor"), "{said}");
        let said = fault("services:\n  api-1:\n    image: &image tiny\n");
        assert!(said.contains("line 3: `services.api-1.image` has an anchor"), "{said}");
        let said = fault("services:\n  api-1:\n    environment: *common\n");
        assert!(said.contains("line 3"), "{said}");
        let said = fault("services:\n  api-1:\n    <<: {A: 1}\n");
        assert!(said.contains("line 3: `services.api-1` has a merge key"), "{said}");
    }

    #[test]
    fn what_is_no_tree_of_texts_is_refused_by_its_line() {
        for (text, words) in [
            ("a: 1\nb: [1\n", "this is no YAML"),
            ("a: 1\nb: 2\na: 3\n", "line 3: the key `a` is there twice"),
            ("? [a]\n: b\n", "a key is to be a text"),
            ("a: 1\n---\nb: 1\n", "a second document"),
            ("# nothing\n", "the file is empty"),
        ] {
            assert!(fault(text).contains(words), "no `{words}` in `{}`", fault(text));
        }
        assert!(fault(&"[".repeat(100)).contains("levels"));
    }

    #[test]
    fn quotes_tell_a_text_from_nothing() {
        let tree = read("a: ''\nb:\nc: null\nd: 'null'\n\"<<\": 1\n").unwrap();
        let nothing = |key| tree.get(key).unwrap().is_nothing();
        assert_eq!(["a", "b", "c", "d"].map(nothing), [false, true, true, false]);
    }
}
