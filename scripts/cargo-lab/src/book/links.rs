//! Every link inside the built book leads somewhere.

use std::collections::{HashMap, HashSet};
use std::path::{Component, Path, PathBuf};

use testbed::setup::SetUp;

use crate::workspace::{files, read};

/// The built pages: what each can be linked to by, and where each links.
pub struct Pages {
    root: PathBuf,
    anchors: HashMap<PathBuf, HashSet<String>>,
    links: Vec<(PathBuf, String)>,
}

impl Pages {
    /// Reads every page under `root`.
    pub fn read(root: &Path) -> Result<Pages, SetUp> {
        let mut pages = Pages { root: root.to_path_buf(), anchors: HashMap::new(), links: Vec::new() };
        for file in files(root)? {
            if file.extension().is_some_and(|extension| extension == "html") {
                pages.add(file)?;
            }
        }
        Ok(pages)
    }

    fn add(&mut self, name: PathBuf) -> Result<(), SetUp> {
        let text = read(&self.root.join(&name))?;
        let mut ids: HashSet<String> = attributes(&text, "id").collect();
        ids.insert(String::new());
        self.anchors.insert(name.clone(), ids);
        // The print page repeats every chapter, with links that are only right on the chapter's own page.
        if name != Path::new("print.html") && name != Path::new("404.html") {
            let links = attributes(&text, "href").chain(attributes(&text, "src"));
            self.links.extend(links.map(|link| (name.clone(), link)));
        }
        Ok(())
    }

    /// Whether `page.html#anchor` is in the book.
    pub fn has(&self, href: &str) -> bool {
        self.leads_somewhere(Path::new("index.html"), href)
    }

    /// The links that lead nowhere, a line each. Links to the outside are not followed: a check must not need a network.
    pub fn dead_links(&self) -> Vec<String> {
        let inside = self.links.iter().filter(|(_, link)| !is_outside(link));
        let dead: HashSet<String> = inside
            .filter(|(page, link)| !self.leads_somewhere(page, link))
            .map(|(page, link)| format!("{}: the link `{link}` leads nowhere", page.display()))
            .collect();
        let mut dead: Vec<String> = dead.into_iter().collect();
        dead.sort();
        dead
    }

    fn leads_somewhere(&self, page: &Path, link: &str) -> bool {
        let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
        let target = if path.is_empty() { page.to_path_buf() } else { join(page, path) };
        match self.anchors.get(&target) {
            Some(ids) => ids.contains(anchor),
            None => anchor.is_empty() && self.root.join(&target).exists(),
        }
    }
}

fn is_outside(link: &str) -> bool {
    ["http://", "https://", "mailto:", "data:", "javascript:"].iter().any(|scheme| link.starts_with(scheme))
}

/// A link's path, seen from its page, without `.` and `..`.
fn join(page: &Path, link: &str) -> PathBuf {
    let mut joined = page.parent().unwrap_or(Path::new("")).to_path_buf();
    for part in Path::new(link).components() {
        match part {
            Component::ParentDir => _ = joined.pop(),
            Component::Normal(name) => joined.push(name),
            Component::CurDir | Component::RootDir | Component::Prefix(_) => {}
        }
    }
    joined
}

/// The values of an attribute in HTML that mdBook wrote: always `name="value"`.
fn attributes<'a>(html: &'a str, name: &str) -> impl Iterator<Item = String> + 'a {
    let mark = format!(" {name}=\"");
    let mut rest = html;
    std::iter::from_fn(move || {
        let (_, after) = rest.split_once(mark.as_str())?;
        let (value, after) = after.split_once('"')?;
        rest = after;
        Some(value.replace("&amp;", "&"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dead_links_and_missing_anchors_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        write(
            "index.html",
            r##"<a href="one.html#here">1</a> <a href="one.html#gone">2</a> <a href="two.html">3</a> <a href="https://x.y">4</a>"##,
        );
        write("one.html", r#"<h2 id="here">Here</h2> <img src="picture.svg"> <a href="./index.html">0</a>"#);
        let dead = Pages::read(folder.path()).unwrap().dead_links();
        let expected = [
            "index.html: the link `one.html#gone` leads nowhere",
            "index.html: the link `two.html` leads nowhere",
            "one.html: the link `picture.svg` leads nowhere",
        ];
        assert_eq!(dead, expected);
    }
}
