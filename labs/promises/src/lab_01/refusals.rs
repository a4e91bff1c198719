//! Bad input: refused where it is read, in one shape.

use serde_json::json;

use crate::contract::prelude::*;

/// Bad input is refused in one shape, and nothing of it is stored.
pub(crate) async fn bad_input_is_refused(bed: Bed, agreement: Agreement) -> Verdict {
    let service = bed.start().await?;
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
        (json, content(&"a".repeat(70_000)), &[413]),
        (Some("text/plain"), content("plain"), &[415]),
        (Some("application/json-patch+json"), content("a patch"), &[415]),
        (None, content("of no type"), &[415]),
        (Some("application/x-www-form-urlencoded"), b"content=form".to_vec(), &[415]),
    ];
    let cases = bodies.len();
    for (media_type, body, statuses) in bodies {
        service.post_raw(media_type, body).send().await?.is_problem(statuses)?;
    }
    service.get("/post/not-a-uuid").send().await?.is_problem(&[400])?;
    service.get("/post/0190a7d0-0000-7000-8000-000000000000").send().await?.is_problem(&[404])?;
    service.get("/no/such/route").send().await?.is_problem(&[404])?;
    for (method, path, allowed) in [("DELETE", "/post", "POST"), ("PUT", "/posts", "GET")] {
        let (path_method, method) = (method, method.parse().unwrap_or_default());
        let answer = service.ask(method, path).send().await?;
        answer.is_problem(&[405])?;
        promise(format!("a 405 on {path} says what is allowed"))
            .observed(Fact::named("allow", answer.header("allow")))
            .likely(
                answer.header("allow").contains(path_method),
                "it allows what was just refused",
                "list the methods of this path alone",
            )
            .kept_if(
                answer.header("allow").contains(allowed) && !answer.header("allow").contains(path_method),
            )?;
    }
    // What had been queued before it is stored before it.
    agreement.posting.post(&service, &json!({"content": "a good one after all the bad"})).await?;
    let stored = bed.database().rows().await?;
    promise("nothing of what was refused is stored, and the good post after it is")
        .observed(Fact::count("rows", stored))
        .kept_if(stored == 1)?;
    Ok(all_kept(
        "each bad request is refused by its own 4xx as application/problem+json, nothing stored, nothing told",
        cases + 5,
    ))
}
