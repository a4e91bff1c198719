//! `cargo lab book`: build it, serve it, prove it, record what its commands print.

mod console;
mod glossary;
mod includes;
mod links;
mod markdown;

mod record;
mod serve;
mod teaching;

pub use record::Recording;

use clap::Subcommand;
use mdbook_driver::MDBook;
use testbed::exit::Exit;
use testbed::setup::SetUp;

use crate::verify::Verify;
use crate::workspace::Workspace;

/// What to do with the book.
#[derive(Clone, Subcommand)]
pub enum Book {
    /// Build it into target/book
    Build,
    /// Serve it on 127.0.0.1, built again whenever a page has changed
    Serve {
        /// The port to listen on
        #[arg(long, default_value_t = 3000)]
        port: u16,
    },
    /// Prove that every include, anchor, link, console block and heading holds, that no answer is in sight, and that no term
    /// comes before its introduction
    Check,
    /// Write the glossary's page anew from its list, book/glossary.toml
    Glossary,
    /// Run the commands of the console blocks again, and record what they print and plot
    Record {
        /// Only the recordings whose file's name holds this text
        text: Option<String>,
    },
}

/// Does what was asked.
pub fn run(what: Book) -> Result<Exit, SetUp> {
    let workspace = Workspace::find()?;
    match what {
        Book::Build => {
            build(&workspace)?;
            println!("built {}", workspace.book().join("index.html").display());
            Ok(Exit::Kept)
        }
        Book::Serve { port } => serve::run(workspace, port),
        Book::Check => {
            let wrong = check(&workspace)?;
            wrong.iter().for_each(|line| println!("{line}"));
            println!("{} wrong in the book", wrong.len());
            Ok(if wrong.is_empty() { Exit::Kept } else { Exit::Broken })
        }
        Book::Glossary => {
            glossary::write(&workspace.root.join("book"))?;
            Ok(Exit::Kept)
        }
        Book::Record { text } => record::run(&workspace, text.as_deref()),
    }
}

/// Builds the book into the target folder.
pub fn build(workspace: &Workspace) -> Result<(), SetUp> {
    let fault = |error: mdbook_driver::errors::Error| {
        SetUp::new("build the book", format!("{error:#}"), "look at book/book.toml and book/src/SUMMARY.md")
    };
    let mut book = MDBook::load(workspace.root.join("book")).map_err(fault)?;
    book.config.build.build_dir = workspace.book();
    book.build().map_err(fault)
}

/// Everything that is wrong with the book, a line each.
pub fn check(workspace: &Workspace) -> Result<Vec<String>, SetUp> {
    let source = workspace.root.join("book").join("src");
    let mut wrong = includes::check(&source)?;
    wrong.extend(console::check(workspace)?);
    wrong.extend(teaching::check(&source)?);
    wrong.extend(glossary::check(&workspace.root.join("book"))?);
    build(workspace)?;
    let pages = links::Pages::read(&workspace.book())?;
    wrong.extend(pages.dead_links());
    for lab in workspace.labs()? {
        let Some(verify) = Verify::build(workspace, &lab.solution())? else {
            wrong.push(format!("{} does not compile, so its anchors cannot be looked at", lab.solution()));
            continue;
        };
        for check in verify.list(true)? {
            if !pages.has(&check.read.href) {
                wrong.push(format!(
                    "lab {}: `{}` points to {}, which is not in the book",
                    lab.number, check.name, check.read.href
                ));
            }
        }
    }
    Ok(wrong)
}
