//! A hole file: what a learner finds in place of the solution's lines, and the calls to look up.

use super::Fault;
use super::region::{Kind, dedented};

const TODO: &str = "todo!(";

/// What `holes/NAME.rs` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filling {
    /// The calls to look up, a line each. They are shown when asked for, and never dug in.
    pub hints: Vec<String>,
    /// What is dug in, without the region's indentation.
    pub lines: Vec<String>,
    /// What the comments say.
    pub question: Vec<String>,
    /// The text of its `todo!`, as a check reports it: `lab 00: take a place in a bounded line, or refuse`. Nothing where the starter works.
    pub todo: Option<String>,
}

/// What a starter does before anybody has worked on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// It compiles, and each of its functions with a hole ends in a `todo!`.
    Open,
    /// It works, and keeps too little of what it must: no hole has a `todo!`.
    Works,
}

impl Filling {
    /// Reads a hole file of lab `number`, and tells what is wrong with it.
    pub fn parse(text: &str, kind: Kind, number: &str, before: Before) -> (Filling, Vec<Fault>) {
        let (hint, comment) = (format!("{}:", kind.comment()), kind.comment());
        let is_hint = |line: &&str| line.trim_start().starts_with(&hint);
        let rest =
            |line: &str, mark: &str| line.trim_start().strip_prefix(mark).map(|rest| rest.trim().to_owned());
        let hints: Vec<String> = text.lines().filter_map(|line| rest(line, &hint)).collect();
        let body: Vec<&str> = text.lines().filter(|line| !is_hint(line)).collect();
        let lines = dedented(body.join("\n").trim_matches('\n').lines());
        let is_doc = |line: &&String| line.trim_start().starts_with("///");
        let question =
            lines.iter().filter(|line| !is_doc(line)).filter_map(|line| rest(line, comment)).collect();

        let mut faults = Vec::new();
        if hints.iter().all(String::is_empty) {
            faults.push(Fault::new(1, format!("no hint: a line `{hint} …` with a call to look up")));
        }
        let mut todo = None;
        if kind == Kind::Rust && before == Before::Open {
            let todos = todos(text);
            match todos[..] {
                [] => faults.push(Fault::new(1, "no `todo!`: a hole has exactly one")),
                [_] => {}
                [_, second, ..] => faults.push(Fault::new(second, "another `todo!`: a hole has exactly one")),
            }
            todo = text_of_todo(&lines.join("\n"));
            let wanted = format!("lab {number}: ");
            if let Some(line) = todos.first().copied()
                && !todo.as_ref().is_some_and(|text| text.starts_with(&wanted))
            {
                faults.push(Fault::new(line, format!("its `todo!` does not say \"{wanted}…\"")));
            }
        } else if lines.is_empty() {
            faults.push(Fault::new(1, "nothing to dig in"));
        } else if let (Kind::Rust, Some(line)) = (kind, todos(text).first()) {
            faults.push(Fault::new(*line, "a `todo!`: `first` is empty, so the starter works as it is dug"));
        }
        (Filling { hints, lines, question, todo }, faults)
    }

    /// What is to be done, in a few words: the text of the `todo!` without the lab, or the comment.
    pub fn task(&self) -> &str {
        let todo = self.todo.as_deref().and_then(|text| text.split_once(": ")).map(|(_, task)| task);
        todo.or(self.question.first().map(String::as_str)).unwrap_or("fill it")
    }
}

/// The lines with a `todo!` that is no comment. They count from 1.
pub fn todos(text: &str) -> Vec<usize> {
    let is_comment = |line: &str| line.trim_start().starts_with("//");
    let has = |(number, line): (usize, &str)| (!is_comment(line) && line.contains(TODO)).then_some(number);
    (1..).zip(text.lines()).filter_map(has).collect()
}

fn text_of_todo(body: &str) -> Option<String> {
    let line = todos(body).first().copied()?;
    let from = body.lines().skip(line - 1).collect::<Vec<_>>().join("\n");
    let (_, after) = from.split_once(TODO)?;
    after.trim_start().strip_prefix('"')?.split_once('"').map(|(text, _)| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hints_are_kept_apart_from_what_is_dug_in() {
        let text = "//: `BTreeMap::insert`\n//: `notify_one`\n\n// Who wakes the worker?\nlet _ = job;\n\ntodo!(\"lab 00: enter\")\n";
        let (filling, faults) = Filling::parse(text, Kind::Rust, "00", Before::Open);
        assert_eq!(faults, []);
        assert_eq!(filling.hints, ["`BTreeMap::insert`", "`notify_one`"]);
        assert_eq!(
            filling.lines,
            ["// Who wakes the worker?", "let _ = job;", "", "todo!(\"lab 00: enter\")"]
        );
        assert_eq!(filling.question, ["Who wakes the worker?"]);
        assert_eq!(filling.todo.as_deref(), Some("lab 00: enter"));
        assert_eq!(filling.task(), "enter");
    }

    #[test]
    fn a_todo_may_be_inside_and_over_two_lines() {
        let text = "//: x\nloop {\n    todo!(\n        \"lab 01: wait\"\n    )\n}\n";
        let (filling, faults) = Filling::parse(text, Kind::Rust, "01", Before::Open);
        assert_eq!((filling.todo.as_deref(), faults), (Some("lab 01: wait"), Vec::new()));
    }

    #[test]
    fn what_a_hole_file_lacks_is_named_with_its_line() {
        let faults = |text: &str| Filling::parse(text, Kind::Rust, "00", Before::Open).1;
        assert_eq!(faults("//: x\n1\n"), [Fault::new(1, "no `todo!`: a hole has exactly one")]);
        let two = "//: x\ntodo!(\"lab 00: a\");\n// A todo!( in a comment is none.\ntodo!(\"lab 00: b\")\n";
        assert_eq!(faults(two), [Fault::new(4, "another `todo!`: a hole has exactly one")]);
        assert_eq!(
            faults("todo!(\"lab 00: a\")\n"),
            [Fault::new(1, "no hint: a line `//: …` with a call to look up")]
        );
        assert_eq!(
            faults("//: x\n\ntodo!(\"later\")\n"),
            [Fault::new(3, "its `todo!` does not say \"lab 00: …\"")]
        );
    }

    #[test]
    fn a_deploy_file_needs_no_todo() {
        let (filling, faults) =
            Filling::parse("#: `keepalive`\n# One server.\nserver a;\n", Kind::Conf, "04", Before::Open);
        assert_eq!(faults, []);
        assert_eq!(filling.lines, ["# One server.", "server a;"]);
        assert_eq!(filling.task(), "One server.");
        let empty = Filling::parse("#: x\n", Kind::Yaml, "04", Before::Open);
        assert_eq!(empty.1, [Fault::new(1, "nothing to dig in")]);
    }

    #[test]
    fn a_starter_that_works_has_no_todo() {
        let of = |text: &str| Filling::parse(text, Kind::Rust, "04", Before::Works);
        let (filling, faults) = of("//: `HeaderMap::get`\n// Take the id from the header.\nNone\n");
        assert_eq!((filling.task(), filling.todo.as_ref()), ("Take the id from the header.", None));
        assert_eq!(faults, []);
        let what = "a `todo!`: `first` is empty, so the starter works as it is dug";
        assert_eq!(of("//: x\ntodo!(\"lab 04: a\")\n").1, [Fault::new(2, what)]);
        assert_eq!(of("//: x\n").1, [Fault::new(1, "nothing to dig in")]);
    }
}
