//! What comes through the proxy as it is, and what never does: an instance's own answers; an address, a version.

use std::net::SocketAddr;
use std::time::Duration;

use http::HeaderValue;
use serde_json::{Value, json};
use testbed::services::Nginx;
use testbed::wait;
use uuid::Uuid;

use crate::contract::prelude::*;
use crate::contract::{BROKER, Deployed, Logged, without};

use super::keys::KEY;

/// How soon the proxy has its instances again, by the contract.
const BACK: Duration = Duration::from_secs(2);

/// The promise that an instance's own refusals pass: its body, and what it says of coming back. `unread` is what the proxy itself
/// answers to a request that it cannot read, `no_id` what came through it of an instance that was asked for no id.
pub(super) async fn own_answers_pass(deployed: &Deployed, unread: &Answer, no_id: &Answer) -> Verdict {
    let entry = deployed.stack.entry()?.addr();
    let instance = deployed.a_listed_one().await?.addr();
    let nobody = without(&deployed.ways_to_instances(), post(entry, "to nobody")).await?;
    wait::until(BACK, async || {
        post(entry, "to somebody").await.is_ok_and(|answer| answer.status == 202).then_some(())
    })
    .await;
    let to_the_broker: Vec<&Path> = deployed.stack.paths_to(BROKER).collect();
    let (key, why) = (Uuid::new_v4().to_string(), "without a broker");
    let both = async {
        let through = entry.post(&by_hand(why)).header(KEY, &key).send().await?;
        Ok((through, post(instance, why).await?))
    };
    let (through, direct) = without(&to_the_broker, both).await?;
    let own =
        promise("without its broker an instance refuses a post, and its 503 passes with its Retry-After")
            .observed(&through)
            .observed(Fact::named("Retry-After", through.header("retry-after")))
            .likely(
                through.header("retry-after").is_empty(),
                "the proxy takes the header away",
                "let an instance's answer pass as it is: no `proxy_hide_header`",
            )
            .likely(
                true,
                "the proxy puts its own answer in place of the instance's",
                "no `proxy_intercept_errors`",
            )
            .kept_if(through.status == 503 && !through.header("retry-after").is_empty())?;
    let shaped = through.is_problem(&[503])?;
    let unread_direct = instance.get("/post/no-uuid").send().await?;
    let (once, was_refused_inside) = asks_no_other(deployed, &key).await?;
    // An instance that takes longer than the proxy waits has not refused by then, and the proxy says so in its place.
    let own_body = match was_refused_inside {
        true => own_body_passes(&nobody, &through, &direct)?,
        false => Kept::default(),
    };
    let body = own_body
        .and(own_body_passes(unread, no_id, &unread_direct)?)
        .and(tells_nothing(deployed, &[&nobody, &through])?);
    Ok(own.and(shaped).and(once).and(body))
}

/// The promise that no other instance is asked when one has answered, by the log until the post with this key; and whether an instance
/// refused that post.
async fn asks_no_other(deployed: &Deployed, key: &str) -> Result<(Kept, bool), Stop> {
    /// How long a line may be on its way.
    const SOON: Duration = Duration::from_secs(5);
    let mut lines: Vec<Logged> = Vec::new();
    wait::try_until(SOON, async || {
        lines = Logged::all(&deployed.stack.proxy()?.logs().await?.stdout).collect();
        Ok::<_, Stop>(lines.iter().any(|line| line.is_named(key)).then_some(()))
    })
    .await?;
    let repeated = lines.iter().find(|line| line.repeats_an_answer());
    let once = promise("what an instance has answered is the answer: no other instance is asked after it")
        .observed(repeated.map(|line| Fact::named("the request", line.asked())))
        .observed(repeated.map(|line| Fact::named("`upstream_status` in the log", line.upstream_status())))
        .likely(
            true,
            "the proxy takes an answer for a failure, and repeats the request: what one instance refuses is asked of all of them",
            "name no `http_…` in `proxy_next_upstream`: `error` and `timeout` are where no answer came",
        )
        .kept_if(repeated.is_none())?;
    let logged = lines.iter().find(|line| line.is_named(key));
    Ok((once, logged.is_none_or(Logged::is_an_instances_refusal)))
}

/// The promise that what came through the proxy is not what the proxy says itself, where the instance says something else.
fn own_body_passes(of_the_proxy: &Answer, through: &Answer, direct: &Answer) -> Verdict {
    let replaced = body(through) == body(of_the_proxy) && body(direct) != body(of_the_proxy);
    promise("an instance's own refusal passes with its body")
        .observed(replaced.then_some(through))
        .observed(replaced.then(|| Fact::named("by the instance itself", body(direct))))
        .likely(
            true,
            "the proxy puts its own answer in place of the instance's",
            "no `proxy_intercept_errors`: `error_page` is for what the proxy says itself",
        )
        .kept_if(!replaced)
}

fn body(answer: &Answer) -> String {
    String::from_utf8_lossy(&answer.body).trim().to_owned()
}

/// The promise that nobody learns from an answer which version of the proxy there is, or where the instances are.
pub(super) fn tells_nothing(deployed: &Deployed, answers: &[&Answer]) -> Verdict {
    let server = answers.iter().map(|answer| answer.header("server")).find(|server| server.contains('/'));
    let names_it = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("nginx/"));
    let elsewhere = answers.iter().flat_map(|answer| &answer.headers).find(|(_, value)| names_it(value));
    let version = promise("no answer names the version of the proxy")
        .observed(server.map(|server| Fact::named("Server", server)))
        .observed(
            elsewhere.filter(|_| server.is_none()).map(|(name, _)| Fact::named("the header", name.as_str())),
        )
        .likely(
            server.is_some(),
            "nginx names it with every answer unless told otherwise",
            "`server_tokens off;`",
        )
        .likely(true, "it goes out in a header of the template's own", "leave `$nginx_version` out of it")
        .kept_if(server.is_none() && elsewhere.is_none())?;
    let ways = deployed.ways_to_instances();
    let instances: Vec<&str> = deployed.stack.instances().collect();
    let tells = |value: &HeaderValue| {
        let value = String::from_utf8_lossy(value.as_bytes());
        let mut words = value.split(|c: char| !c.is_ascii_alphanumeric() && c != '-');
        ways.iter().any(|way| Nginx::is_named_in(&value, way.addr()))
            || words.any(|word| instances.contains(&word))
    };
    let header = answers.iter().flat_map(|answer| &answer.headers).find(|(_, value)| tells(value));
    let address = promise("no header of an answer tells the name or the address of an instance")
        .observed(header.map(|(name, _)| Fact::named("the header", name.as_str())))
        .likely(
            true,
            "what the proxy knows of its upstreams goes out with its answers",
            "keep $upstream_addr in the log: no `add_header` with it, and none with the name of a host",
        )
        .kept_if(header.is_none())?;
    Ok(version.and(address))
}

async fn post(to: SocketAddr, why: &str) -> Result<Answer, Stop> {
    to.post(&by_hand(why)).send().await
}

fn by_hand(why: &str) -> Value {
    json!({"content": format!("{BY_HAND}, {why}")})
}
