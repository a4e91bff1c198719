//! The glossary: one list of terms, the page that is made of it, and no term before the page that introduces it.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use serde::Deserialize;
use testbed::setup::SetUp;

use super::markdown::prose;
use crate::workspace::{read, unreadable};

/// The list, below the book's folder, and the page that is made of it, below the sources.
const LIST: &str = "glossary.toml";
const PAGE: &str = "glossary.md";

/// A term of the field as this book uses it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Term {
    /// The term, as it stands within a sentence.
    term: String,
    /// The page that introduces it, with the section: `part-1-dead.md#four-words-that-can-be-counted`.
    page: String,
    /// What it means, in one sentence.
    meaning: String,
    /// Other forms of it that a page may use; a plural in `s` is found without being listed.
    #[serde(default)]
    also: Vec<String>,
    /// Pages before it that may use the term all the same.
    #[serde(default)]
    except: Vec<Except>,
}

/// A page that may use a term before it is introduced.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Except {
    /// The page.
    page: String,
    /// Why it may.
    reason: String,
}

/// The list, in the order of the alphabet.
fn terms(book: &Path) -> Result<Vec<Term>, SetUp> {
    #[derive(Deserialize)]
    struct List {
        term: Vec<Term>,
    }
    let path = book.join(LIST);
    let mut list: List = toml::from_str(&read(&path)?).map_err(|error| unreadable(&path, &error))?;
    list.term.sort_by_key(|term| term.term.to_lowercase());
    Ok(list.term)
}

/// Writes the page anew.
pub fn write(book: &Path) -> Result<(), SetUp> {
    let path = book.join("src").join(PAGE);
    let page = page(&terms(book)?);
    std::fs::write(&path, page)
        .map_err(|error| SetUp::from_cause(format!("write `{}`", path.display()), error))
}

/// What is wrong with the list and its page, a line each.
pub fn check(book: &Path) -> Result<Vec<String>, SetUp> {
    let source = book.join("src");
    let terms = terms(book)?;
    let twice = terms.windows(2).filter(|two| two[0].term == two[1].term);
    let mut wrong: Vec<String> =
        twice.map(|two| format!("book/{LIST} introduces “{}” twice", two[0].term)).collect();
    if std::fs::read_to_string(source.join(PAGE)).unwrap_or_default() != page(&terms) {
        wrong.push(format!("book/src/{PAGE} is not what book/{LIST} makes: cargo lab book glossary"));
    }
    let order = order(&read(&source.join("SUMMARY.md"))?);
    let mut pages = BTreeMap::new();
    for name in &order {
        pages.insert(name.as_str(), prose(&read(&source.join(name))?));
    }
    wrong.extend(terms.iter().flat_map(|term| too_early(term, &order, &pages)));
    Ok(wrong)
}

/// The page: a table of terms, each with a link to its introduction.
fn page(terms: &[Term]) -> String {
    let mut page = String::from(
        "# Glossary\n\n\
         <!-- Made of book/glossary.toml by `cargo lab book glossary`: change the list, and not this page. -->\n\n\
         One word for one thing. Each term is linked to the page that introduces it; no page before it uses the term, \
         but for a few exceptions.\n\n\
         | term | what it means in this book |\n|---|---|\n",
    );
    for Term { term, page: target, meaning, .. } in terms {
        let target = target.replace("README.md", "index.html");
        // To write into a string cannot fail.
        let _ = writeln!(page, "| [{term}]({target}) | {meaning} |");
    }
    page
}

/// The pages in the order in which they are read.
fn order(summary: &str) -> Vec<String> {
    let linked = summary.lines().filter_map(|line| line.split_once("](")?.1.split_once(')'));
    linked.map(|(page, _)| page.to_owned()).collect()
}

/// Where a term is used before the page that introduces it, and what is wrong with its entry.
fn too_early(term: &Term, order: &[String], pages: &BTreeMap<&str, Vec<(usize, String)>>) -> Vec<String> {
    let name = &term.term;
    let home = term.page.split('#').next().unwrap_or_default();
    let Some(introduced) = order.iter().position(|page| page == home) else {
        return vec![format!("book/{LIST}: `{name}` is introduced on {home}, which is not in SUMMARY.md")];
    };
    let forms: Vec<String> = term.also.iter().chain([name]).map(|form| form.to_lowercase()).collect();
    let holds = |page: &str| {
        let uses = |line: &str| forms.iter().any(|form| has_word(&line.to_lowercase(), form));
        pages.get(page).into_iter().flatten().find(|(_, line)| uses(line)).map(|(number, _)| *number)
    };
    let mut wrong = Vec::new();
    if holds(home).is_none() {
        wrong.push(format!("book/{LIST}: {home} does not use `{name}`, which it introduces"));
    }
    for page in &order[..introduced] {
        let excepted = term.except.iter().find(|except| except.page == *page);
        match (holds(page), excepted) {
            (Some(line), None) => wrong.push(format!(
                "book/src/{page}:{line}: uses `{name}`, which {home} introduces later (book/{LIST})"
            )),
            (None, Some(except)) => wrong.push(format!(
                "book/{LIST}: {page} does not use `{name}`; the exception (\"{}\") is not needed",
                except.reason
            )),
            _ => {}
        }
    }
    wrong
}

/// Whether the line has the words, whole, or with a plural's `s`.
fn has_word(line: &str, words: &str) -> bool {
    let is_end = |rest: &str| !rest.starts_with(|c: char| c.is_alphanumeric());
    line.match_indices(words).any(|(at, _)| {
        let (before, after) = (&line[..at], &line[at + words.len()..]);
        let begins = !before.ends_with(|c: char| c.is_alphanumeric() || c == '-');
        begins && (is_end(after) || after.strip_prefix('s').is_some_and(is_end))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(term: &str) -> Vec<String> {
        let order = ["one.md", "two.md", "three.md"].map(str::to_owned);
        let texts = ["An ack-like thing. The *Acks* come.\n", "## Ack {#ack}\nAn ack is …\n", "ack\n"];
        let pages = order.iter().map(String::as_str).zip(texts.map(prose)).collect();
        too_early(&toml::from_str(term).unwrap(), &order, &pages)
    }

    const ACK: &str = "term = \"ack\"\npage = \"two.md#ack\"\nmeaning = \"…\"\n";

    #[test]
    fn a_term_is_not_used_before_its_page() {
        assert_eq!(
            found(ACK),
            ["book/src/one.md:1: uses `ack`, which two.md introduces later (book/glossary.toml)"]
        );
        assert_eq!(found(&ACK.replace("two.md", "one.md")), [""; 0]);
        assert_eq!(found(&ACK.replace("two.md", "none.md")).len(), 1, "a page that is not there");
        assert_eq!(found(&ACK.replace("\"ack\"", "\"nack\"")).len(), 1, "a term that its page does not use");
    }

    #[test]
    fn an_exception_is_needed_or_wrong() {
        let except = |page: &str| format!("{ACK}except = [{{ page = \"{page}\", reason = \"r\" }}]\n");
        assert_eq!(found(&except("one.md")), [""; 0]);
        let idle = format!(
            "term = \"is\"\npage = \"two.md\"\nmeaning = \"…\"\n{}",
            "except = [{ page = \"one.md\", reason = \"r\" }]\n"
        );
        assert!(found(&idle)[0].contains("is not needed"), "{:?}", found(&idle));
    }

    #[test]
    fn words_are_whole() {
        assert!(has_word("two queues wait", "queue"));
        assert!(has_word("a dead letter's way", "dead letter"));
        assert!(!has_word("feedback", "ack"));
        assert!(!has_word("a queueing law", "queue"));
    }

    #[test]
    fn the_summary_tells_the_order() {
        let order = order("# S\n\n[I](i.md)\n\n- [A](a/README.md)\n  - [B](a/b.md)\n");
        assert_eq!(order, ["i.md", "a/README.md", "a/b.md"]);
    }

    #[test]
    fn the_page_links_each_term() {
        let term: Term = toml::from_str(&ACK.replace("two.md", "two/README.md")).unwrap();
        assert!(page(&[term]).ends_with("| [ack](two/index.html#ack) | … |\n"));
    }
}
