//! Bad input: refused where it is read, in one shape.

use serde_json::json;

use testbed::verdict::Promise;

use super::blanks::white_space_is_blank;
use crate::contract::prelude::*;

/// Bad input is refused in one shape, and nothing of it is stored.
pub(crate) async fn bad_input_is_refused(bed: Bed, agreement: Agreement) -> Verdict {
    let service = bed.start().await?;
    refuses_what_is_bad(&bed, &service, agreement).await
}

/// The promise that each bad request is refused by its own status, in one shape, and that nothing of it is stored.
pub(crate) async fn refuses_what_is_bad(bed: &Bed, service: &impl Endpoint, agreement: Agreement) -> Verdict {
    let json = Some("application/json");
    let content = |text: &str| json!({ "content": text }).to_string().into_bytes();
    let bodies: [(Option<&'static str>, Vec<u8>, &[u16]); 22] = [
        (json, b"{\"content\":".to_vec(), &[400]),
        (json, b"".to_vec(), &[400, 422]),
        (json, b"{\"content\":\"\xff\xfe\"}".to_vec(), &[400, 422]),
        (json, b"{\"content\":\"half a \\ud800 pair\"}".to_vec(), &[400, 422]),
        (json, b"[]".to_vec(), &[422]),
        (json, b"\"text\"".to_vec(), &[422]),
        (json, b"{}".to_vec(), &[422]),
        (json, b"{\"content\":7}".to_vec(), &[422]),
        (json, b"{\"content\":null}".to_vec(), &[422]),
        (json, content(""), &[422]),
        (json, content(" \t\n "), &[422]),
        (json, content("\u{3000}\u{2003}"), &[422]),
        (json, content("nul \0 inside"), &[422]),
        (json, content(&"a".repeat(10_001)), &[422]),
        (json, content(&"글".repeat(10_001)), &[422]),
        (json, content(&"🦀".repeat(10_001)), &[422]),
        (
            json,
            [content("one byte too long"), vec![b' '; 65_537 - content("one byte too long").len()]].concat(),
            &[413],
        ),
        // Two faults at once: which of them is answered is open.
        (json, content(&"a".repeat(70_000)), &[413, 422]),
        (Some("application/x-www-form-urlencoded"), b"content=form".to_vec(), &[400, 415]),
        (Some("text/plain"), content("plain"), &[415]),
        (Some("application/json-patch+json"), content("a patch"), &[415]),
        (None, content("of no type"), &[415]),
    ];
    let cases = bodies.len();
    for (media_type, body, statuses) in bodies {
        service.post_raw(media_type, body).send().await?.is_problem(statuses)?;
    }
    nothing_follows_the_object(service).await?;
    white_space_is_blank(service).await?;
    // A proxy may refuse such a body by itself, or send it on in another way.
    if !agreement.proxied {
        what_comes_is_counted(service).await?;
    }
    service.get("/post/not-a-uuid").send().await?.is_problem(&[400])?;
    service.get("/post/0190a7d0-0000-7000-8000-000000000000").send().await?.is_problem(&[404])?;
    service.get("/no/such/route").send().await?.is_problem(&[404])?;
    let refused_methods = [
        ("DELETE", "/post", "POST"),
        ("PUT", "/posts", "GET"),
        ("PUT", "/post/0190a7d0-0000-7000-8000-000000000000", "GET"),
        ("POST", "/search", "GET"),
        ("DELETE", "/health", "GET"),
    ];
    for (method, path, allowed) in refused_methods {
        let (path_method, method) = (method, method.parse().unwrap_or_default());
        let answer = service.ask(method, path).send().await?;
        answer.is_problem(&[405])?;
        let listed = answer.header_list("allow");
        promise(format!("a 405 on {path} says what is allowed"))
            .observed(Fact::named("allow", &listed))
            .likely(
                listed.contains(path_method),
                "it allows what was just refused",
                "list the methods of this path alone",
            )
            .kept_if(listed.contains(allowed) && !listed.contains(path_method))?;
    }
    // What had been queued before it is stored before it.
    agreement.posting.post(service, &json!({"content": "a good one after all the bad"})).await?;
    let stored = bed.database().rows().await?;
    promise("nothing of what was refused is stored, and the good post after it is")
        .observed(Fact::count("rows", stored))
        .kept_if(stored == 1)?;
    Ok(all_kept(
        "each bad request is refused by its own 4xx as application/problem+json, nothing stored, nothing told",
        cases + refused_methods.len() + 9,
    ))
}

/// The promise that a body is one JSON value, and nothing more.
async fn nothing_follows_the_object(service: &impl Endpoint) -> Verdict {
    let answer =
        service.post_raw(Some("application/json"), r#"{"content":"an object"} and more"#).send().await?;
    let told = promise("a body in which something follows the JSON object is no JSON, and is answered 400")
        .observed(&answer)
        .likely(
            answer.status < 300,
            "the parser stopped after the first value",
            "ask whether anything but blanks follows it",
        );
    is_refused_by_its_rule(told, &answer, 400)
}

/// The promise that a body is bounded by what comes of it, whoever says how long it is.
async fn what_comes_is_counted(service: &impl Endpoint) -> Verdict {
    let object = r#"{"content":"one byte too long, in chunks"}"#;
    let body = format!("{object}{}", " ".repeat(65_537 - object.len()));
    let answer = service.post_raw(Some("application/json"), body).in_chunks().send().await?;
    let told = promise("a body of 65,537 bytes that comes in chunks, without a length, is refused with 413")
        .observed(Fact::named("65,537 bytes in chunks", format!("answered {}", answer.status)))
        .likely(
            answer.status < 300,
            "the length is taken from Content-Length, and this body has none",
            "count what is read",
        );
    is_refused_by_its_rule(told, &answer, 413)
}

/// The promise that an answer is the refusal with this status, and no other.
pub(super) fn is_refused_by_its_rule(told: Promise, answer: &Answer, status: u16) -> Verdict {
    told.likely(true, "it is refused by another rule", "compare with the contract's table of statuses")
        .kept_if(answer.status == status)?;
    answer.is_problem(&[status])
}
