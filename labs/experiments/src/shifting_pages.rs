//! Pages that are turned by their number, and pages that go on after the last post, while posts are committed or deleted between
//! two turns.

use std::collections::HashSet;
use std::time::Duration;

use promises::contract::prelude::*;
use serde_json::json;
use sqlx::Executor as _;
use sqlx::types::Uuid;
use sqlx::types::time::OffsetDateTime;
use testbed::services::Database;
use testbed::wait;

use crate::figure::{Ink, Squares};
use crate::findings::{Findings, Table, claim};
use crate::subject::server;

/// Posts on a page, by the contract.
const PAGE: usize = 20;
const PAGES: usize = 10;
/// More than the pages hold, with what moves up when others are deleted.
const POSTS: usize = 300;
/// So many posts are committed, or deleted, between two turns.
const EACH: usize = 2;
/// How many that are in all.
const CHANGED: usize = (PAGES - 1) * EACH;
// The newest are deleted: all of them were on page 1, so whoever turns pages has seen them.
const _: () = assert!(CHANGED <= PAGE);
/// How long page 1 may take to show what is in the table. Several times what the contract allows.
const SHOWN: Duration = Duration::from_secs(10);

/// What happens between two turns.
#[derive(Clone, Copy)]
enum Meanwhile {
    Committed,
    Deleted,
}

impl Meanwhile {
    async fn happens(self, database: &Database) -> Result<(), Stop> {
        match self {
            Meanwhile::Committed => {
                for _ in 0..EACH {
                    database.plant_one("committed between two turns").await?;
                }
            }
            Meanwhile::Deleted => {
                let newest = "DELETE FROM post WHERE id IN (SELECT id FROM post ORDER BY created_at DESC, id DESC LIMIT $1)";
                database.pool().execute(sqlx::query(newest).bind(EACH as i64)).await?;
            }
        }
        Ok(())
    }
}

/// What two readers were shown who turned their pages at the same moments.
struct Walks {
    /// The posts at the start, newest first.
    there: Vec<Uuid>,
    /// Those of them that were there at the end, too.
    stayed: HashSet<Uuid>,
    /// What `GET /posts?page=n` has listed, page by page.
    by_number: Vec<Uuid>,
    /// What came after the last post.
    after_the_last: Vec<Uuid>,
}

pub async fn run(bed: Bed) -> Result<Findings, Stop> {
    let service = server(&bed).role("api").start().await?;
    let committed = walk(&bed, &service, Meanwhile::Committed).await?;
    let deleted = walk(&bed, &service, Meanwhile::Deleted).await?;
    Ok(findings(&committed, &deleted))
}

/// Both readers turn their pages; between two turns the writer commits, and is waited for.
async fn walk(bed: &Bed, service: &Subject, meanwhile: Meanwhile) -> Result<Walks, Stop> {
    let database = bed.database();
    let there = start_anew(bed, service).await?;
    let (mut by_number, mut after_the_last) = (Vec::new(), Vec::new());
    for page in 1..=PAGES {
        if page > 1 {
            meanwhile.happens(database).await?;
        }
        by_number.extend(listed(service, page).await?);
        let next = after(database, after_the_last.last()).await?;
        after_the_last.extend(next);
    }
    let stayed: Vec<Uuid> = sqlx::query_scalar("SELECT id FROM post").fetch_all(database.pool()).await?;
    let after_the_last = after_the_last.into_iter().map(|(_, id)| id).collect();
    Ok(Walks { there, stayed: stayed.into_iter().collect(), by_number, after_the_last })
}

/// A table of posts, newest first. Page 1 is read once a second: when this returns, it is that of the table.
async fn start_anew(bed: &Bed, service: &Subject) -> Result<Vec<Uuid>, Stop> {
    bed.database().pool().execute("TRUNCATE post").await?;
    let mut there = bed.database().plant_numbered(POSTS).await?;
    there.reverse();
    bed.says("waiting until page 1 is that of the table");
    let shown = wait::try_until(SHOWN, async || {
        let first = listed(service, 1).await?;
        Ok::<_, Stop>((first == there[..PAGE]).then_some(()))
    });
    promise("what is committed is on page 1 within REFRESH_MS")
        .observed(Fact::count("planted", POSTS))
        .kept_if(shown.await?.is_some())?;
    Ok(there)
}

/// What the service lists on a page.
async fn listed(service: &Subject, page: usize) -> Result<Vec<Uuid>, Stop> {
    let answer = service.get(&format!("/posts?page={page}")).send().await?;
    answer.has_status(200)?;
    answer.ids()
}

/// A page of the posts that come after this one; the first page without it.
async fn after(
    database: &Database,
    last: Option<&(OffsetDateTime, Uuid)>,
) -> Result<Vec<(OffsetDateTime, Uuid)>, Stop> {
    let posts = match last {
        None => sqlx::query_as("SELECT created_at, id FROM post ORDER BY created_at DESC, id DESC LIMIT 20"),
        Some((created_at, id)) => sqlx::query_as(
            "SELECT created_at, id FROM post WHERE (created_at, id) < ($1, $2)
             ORDER BY created_at DESC, id DESC LIMIT 20",
        )
        .bind(created_at)
        .bind(id),
    };
    Ok(posts.fetch_all(database.pool()).await?)
}

impl Walks {
    /// How many of the posts were shown before.
    fn twice(shown: &[Uuid]) -> usize {
        shown.len() - shown.iter().collect::<HashSet<_>>().len()
    }

    /// The posts at the start, from the newest to the last one that was shown, and whether each was shown or had gone. A reader who
    /// turns no further has passed over the others.
    fn passed(&self, shown: &[Uuid]) -> Vec<bool> {
        let seen: HashSet<_> = shown.iter().collect();
        let end = self.there.iter().rposition(|post| seen.contains(post)).map_or(0, |last| last + 1);
        self.there[..end].iter().map(|post| seen.contains(post) || !self.stayed.contains(post)).collect()
    }

    /// How many posts were there all the time, and passed over.
    fn never(&self, shown: &[Uuid]) -> usize {
        self.passed(shown).into_iter().filter(|seen| !seen).count()
    }
}

fn findings(committed: &Walks, deleted: &Walks) -> Findings {
    let mut table = Table::of(&["how the pages are turned", "posts shown", "shown twice", "never shown"]);
    for (walks, meanwhile) in [(committed, "committed"), (deleted, "deleted")] {
        for (how, shown) in [("by number", &walks.by_number), ("after the last", &walks.after_the_last)] {
            table.row([
                format!("{how}, {EACH} {meanwhile} a turn"),
                shown.len().to_string(),
                Walks::twice(shown).to_string(),
                walks.never(shown).to_string(),
            ]);
        }
    }
    let (twice, never) = (Walks::twice(&committed.by_number), deleted.never(&deleted.by_number));
    let sentence = format!(
        "Between every two of {PAGES} pages {EACH} posts were committed, {CHANGED} in all: by number, {twice} posts were shown \
         twice. When as many were deleted, {never} were never shown that were there from the start to the end. Asked for what \
         comes after the last post that was shown, the table gave {} posts either time, each once, and passed over none.",
        committed.after_the_last.len(),
    );
    let whole = |shown: &[Uuid]| shown.len() == PAGES * PAGE;
    let is_exact = |walks: &Walks| {
        let shown = &walks.after_the_last;
        whole(shown) && Walks::twice(shown) == 0 && walks.never(shown) == 0
    };
    let data = |walks: &Walks| json!({ "there": walks.there, "by number": walks.by_number, "after the last": walks.after_the_last });
    Findings {
        table,
        sentence,
        claims: vec![
            claim("every page by number is whole", whole(&committed.by_number) && whole(&deleted.by_number)),
            claim("by number, as many posts are shown twice as were committed meanwhile", twice == CHANGED),
            claim("by number, as many posts are never shown as were deleted meanwhile", never == CHANGED),
            claim(
                "after the last post, each is shown once, and none is passed over",
                is_exact(committed) && is_exact(deleted),
            ),
        ],
        figures: vec![
            ("shifting-pages-committed", shown_before(&committed.by_number).svg()),
            ("shifting-pages-deleted", passed_over(deleted).svg()),
        ],
        data: json!({ "committed": data(committed), "deleted": data(deleted) }),
    }
}

/// A row for each page, as it was shown.
fn shown_before(shown: &[Uuid]) -> Squares {
    let mut seen = HashSet::new();
    let inks: Vec<Ink> =
        shown.iter().map(|post| if seen.insert(post) { Ink::Good } else { Ink::Refused }).collect();
    let legend = [(Ink::Good, "shown for the first time"), (Ink::Refused, "shown before")];
    let title = format!("a row for each page by number, while {EACH} posts a turn are committed");
    squares("shifting-pages-committed", title, inks, legend)
}

/// The posts of the start in their order, as if nothing had moved.
fn passed_over(walks: &Walks) -> Squares {
    let passed = walks.passed(&walks.by_number);
    let inks: Vec<Ink> = passed.iter().map(|seen| if *seen { Ink::Good } else { Ink::Lost }).collect();
    let legend = [(Ink::Good, "shown"), (Ink::Lost, "never shown, and there all the time")];
    let title = format!("the posts of the start, newest first, while {EACH} a turn are deleted");
    squares("shifting-pages-deleted", title, inks, legend)
}

fn squares(id: &'static str, title: String, inks: Vec<Ink>, legend: [(Ink, &str); 2]) -> Squares {
    let count = |ink| inks.iter().filter(|found| **found == ink).count();
    let legend = legend.map(|(ink, words)| (ink, format!("{} {words}", count(ink)))).into();
    Squares { id, title, inks, legend }
}
