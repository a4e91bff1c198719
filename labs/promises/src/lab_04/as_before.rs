//! What HTTP shows of the labs before, through the submission's own proxy: on its way nothing of it changes.

use std::net::SocketAddr;

use serde_json::json;
use testbed::verdict::Broken;

use crate::contract::Deployed;
use crate::contract::prelude::*;
use crate::{lab_01, lab_03};

const AGREED: Agreement = Agreement::PROXIED;

/// The verdict on what the check `alone` asks of an instance by itself, with a word about the proxy where it is broken.
fn on_the_way<T>(outcome: Result<T, Stop>, alone: &str) -> Result<T, Stop> {
    let through = |broken: Broken| Broken {
        likely: Some(format!("the proxy changes it on its way, if an instance by itself keeps it ({alone})")),
        next: Some(format!(
            "cargo lab check 04 --only {alone}; where that is kept, see what the template does to paths, queries, headers and answers"
        )),
        ..broken
    };
    outcome.map_err(|stop| match stop {
        Stop::Broken(broken) => Stop::Broken(Box::new(through(*broken))),
        other => other,
    })
}

/// A post comes back exactly as it was sent.
pub(super) async fn posts(bed: Bed) -> Verdict {
    let deployed = Deployed::roomy(&bed).await?;
    let entry = deployed.stack.entry()?;
    let come_back = lab_01::posts_come_back(&bed, entry, AGREED).await;
    let come_back = on_the_way(come_back.map(|(kept, _)| kept), "create-then-read")?;
    let created = entry.post(&json!({"content": "where is it?"})).send().await?;
    Ok(come_back.and(leads_nowhere_else(&created, entry.addr())?))
}

/// The promise that a client which follows Location comes to whom it asked, and learns of nobody else.
pub(super) fn leads_nowhere_else(created: &Answer, asked: SocketAddr) -> Verdict {
    let location = created.header("location");
    let absolute = location.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    promise("Location is a path, or an absolute URL with the address that the client asked")
        .observed(Fact::named("location", location))
        .observed(Fact::named("asked", asked.to_string()))
        .likely(
            true,
            "it names an upstream, an instance, or a host without its port: who follows it comes to somebody else, or to nobody",
            "send a path; and let nginx neither write it anew (`proxy_redirect off`) nor hide the Host that was asked for ($http_host)",
        )
        .kept_if(absolute.is_none_or(|authority| authority == asked.to_string()))
}

/// The list is newest first, twenty a page.
pub(super) async fn lists(bed: Bed) -> Verdict {
    let deployed = Deployed::roomy(&bed).await?;
    on_the_way(lab_01::lists_meet(&bed, deployed.stack.entry()?, AGREED).await, "list-newest-first")
}

/// A search finds what was typed, and nothing else.
pub(super) async fn searches(bed: Bed) -> Verdict {
    let deployed = Deployed::roomy(&bed).await?;
    on_the_way(lab_01::searches_are_literal(&bed, deployed.stack.entry()?).await, "search-is-literal")
}

/// Bad input is refused in one shape, and nothing of it is stored.
pub(super) async fn bad_input(bed: Bed) -> Verdict {
    let deployed = Deployed::roomy(&bed).await?;
    let refused = lab_01::refuses_what_is_bad(&bed, deployed.stack.entry()?, AGREED).await;
    on_the_way(refused, "bad-input-is-refused")
}

/// A reader who has page 1 gets no body; everything else is never old.
pub(super) async fn pages(bed: Bed) -> Verdict {
    /// So many that each instance has answered.
    const TIMES: usize = 12;
    let deployed = Deployed::roomy(&bed).await?;
    let entry = deployed.stack.entry()?;
    let never_old = on_the_way(lab_03::are_never_old(&bed, entry).await, "others-are-never-old")?;
    let (_, post) = AGREED.posting.post(entry, &json!({"content": "through the proxy"})).await?;
    AGREED.first_page_shows(entry, |listed| listed.iter().any(|id| post["id"] == id.to_string())).await?;
    let first = lab_03::FirstPage::of(entry).await?;
    let tag = on_the_way(first.tag(), "tags")?;
    on_the_way(first.age(), "database-away")?;
    let mut others = 0;
    for _ in 0..TIMES {
        others += usize::from(lab_03::FirstPage::of(entry).await?.tag()? != tag);
    }
    let same = promise("the same page has the same tag, whichever instance it comes from")
        .observed(Fact::count("asked for", TIMES))
        .observed(Fact::count("with another tag", others))
        .likely(
            true,
            "the tag holds something of the process, or the proxy makes one of its own",
            "make the tag of the bytes alone, and let the proxy pass it on",
        )
        .kept_if(others == 0)?;
    let no_body = on_the_way(lab_03::who_has_it_gets_no_body(entry, &tag).await, "tags")?;
    Ok(never_old.and(same).and(no_body).and(nothing_is_packed(&deployed).await?))
}

/// The promise that page 1 comes through the proxy as an instance sends it, also to who would take it compressed.
async fn nothing_is_packed(deployed: &Deployed) -> Verdict {
    let listed = deployed.listed().await?;
    let Some(first) = listed.first() else { return Ok(Kept::default()) };
    let ask =
        async |endpoint: &dyn Endpoint| endpoint.get("/posts").header("accept-encoding", "gzip").send().await;
    let instance = deployed.stack.instance(first)?;
    let (through, direct) = (ask(deployed.stack.entry()?).await?, ask(instance).await?);
    // A proxy may keep from the instances what a client would take.
    let plain = instance.get("/posts").send().await?;
    let sent =
        |answer: &Answer| [answer.header("etag").to_owned(), answer.header("content-encoding").to_owned()];
    let told = |answer: &Answer| {
        let tag = if answer.header("etag").starts_with("W/") { "weak" } else { "strong" };
        match answer.header("content-encoding") {
            "" => format!("{tag} tag"),
            packed => format!("{tag} tag, {packed}"),
        }
    };
    promise("page 1 has the same ETag through the proxy as at an instance, also where `Accept-Encoding: gzip` is sent")
        .observed(Fact::named("at an instance", told(&direct)))
        .observed(Fact::named("through the proxy", told(&through)))
        .likely(
            true,
            "the proxy compresses what an instance has sent, and makes the strong tag a weak one by it",
            "`gzip off;`, which is the default, or compress in the instances",
        )
        .kept_if([sent(&direct), sent(&plain)].contains(&sent(&through)))
}
