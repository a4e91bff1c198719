//! What a configuration must say for a run to be able to judge it.

use super::directives::Directives;

/// Where both image families lead to the container's own streams.
const STDERR: [&str; 3] = ["stderr", "/dev/stderr", "/var/log/nginx/error.log"];
const STDOUT: [&str; 2] = ["/dev/stdout", "/var/log/nginx/access.log"];

/// What a configuration must say, beside what is always asked of one: that it listens on `${LISTEN}` alone, has one worker, and logs
/// on the container's own streams.
#[derive(Clone, Debug, Default)]
pub struct Demands {
    /// The value of `worker_connections`, where one is settled.
    pub worker_connections: Option<u32>,
    /// What an access log must tell, where something reads it.
    pub log_format: Option<LogFormat>,
}

/// An access log that is settled.
#[derive(Clone, Debug)]
pub struct LogFormat {
    /// Its name.
    pub name: String,
    /// Each thing that its text must contain.
    pub members: Vec<String>,
}

impl Demands {
    /// The first thing that a configuration says otherwise, as a sentence.
    pub(super) fn unmet(&self, configuration: &str, listen: &str) -> Option<String> {
        let said = Directives::of(configuration);
        listens_elsewhere(&said, listen)
            .or_else(|| workers(&said))
            .or_else(|| self.connections(&said))
            .or_else(|| errors(&said))
            .or_else(|| self.accesses(&said))
    }

    fn connections(&self, said: &Directives) -> Option<String> {
        let wanted = self.worker_connections?.to_string();
        let found = said.all("worker_connections").next().and_then(|words| words.first());
        match found {
            Some(found) if *found == wanted => None,
            Some(found) => Some(format!(
                "`worker_connections {found};`: it is to be ${{WORKER_CONNECTIONS}}, which is {wanted} here"
            )),
            None => Some(format!(
                "no `worker_connections`: it is to be ${{WORKER_CONNECTIONS}}, which is {wanted} here"
            )),
        }
    }

    fn accesses(&self, said: &Directives) -> Option<String> {
        let kept = || said.all("access_log").filter(|words| words.first().is_none_or(|place| place != "off"));
        let place = |words: &[String]| words.first().cloned().unwrap_or_default();
        if let Some(place) = kept().map(place).find(|place| !STDOUT.contains(&place.as_str())) {
            return Some(format!("`access_log {place}`: it is to be on /dev/stdout, where it is read"));
        }
        let LogFormat { name, members } = self.log_format.as_ref()?;
        if !kept().any(|words| words.get(1) == Some(name)) {
            return Some(format!("no `access_log /dev/stdout {name};`: the log is to be in that format"));
        }
        if let Some(later) = kept().flatten().find(|word| word.starts_with("buffer=")) {
            return Some(format!("`access_log` with `{later}`: each line is to be written at once"));
        }
        let format = || said.all("log_format").filter(|words| words.first() == Some(name)).flatten().skip(1);
        let is_json = members.iter().any(|member| member.starts_with('"'));
        if is_json && !format().any(|word| word == "escape=json") {
            return Some(format!(
                "`log_format {name}` is to have `escape=json`: a quote in a value would end the text"
            ));
        }
        let strings = format().filter(|word| !word.starts_with("escape="));
        let format: String = strings.map(String::as_str).collect();
        let told = plain(&format);
        let missing = members.iter().find(|member| !told.contains(plain(member).as_str()))?;
        Some(format!("`log_format {name}` is to contain `{missing}`, and is `{format}`"))
    }
}

/// A format without what makes no difference: blanks around the quoted names and values of JSON, and braces around the name of a variable.
fn plain(format: &str) -> String {
    let mut plain = String::with_capacity(format.len());
    let mut rest = format;
    while let Some((before, braced)) = rest.split_once("${") {
        let (name, after) = braced.split_once('}').unwrap_or((braced, ""));
        plain.extend([before, "$", name]);
        rest = after;
    }
    plain.push_str(rest);
    let mut is_quoted = false;
    plain.retain(|character| {
        is_quoted ^= character == '"';
        is_quoted || !character.is_whitespace()
    });
    plain
}

fn listens_elsewhere(said: &Directives, listen: &str) -> Option<String> {
    let places = said.listens();
    let other = places.iter().find(|place| *place != listen)?;
    Some(format!("`listen {other}`: the proxy is to listen on ${{LISTEN}}, and nowhere else"))
}

/// One is what nginx starts where nothing is said.
fn workers(said: &Directives) -> Option<String> {
    let found = said.all("worker_processes").next().and_then(|words| words.first())?;
    (found != "1").then(|| format!("`worker_processes {found};`: the proxy is to have one worker"))
}

fn errors(said: &Directives) -> Option<String> {
    let place = |words: &[String]| words.first().cloned().unwrap_or_default();
    let other = said.all("error_log").map(place).find(|place| !STDERR.contains(&place.as_str()))?;
    Some(format!("`error_log {other}`: it is to be on stderr, where it is read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "127.0.0.1:7";

    fn unmet(configuration: &str) -> String {
        let log_format = Some(LogFormat {
            name: "lab".to_owned(),
            members: vec!["$status".to_owned(), "$upstream_addr".to_owned()],
        });
        let demands = Demands { worker_connections: Some(20), log_format };
        demands.unmet(configuration, HERE).unwrap_or_default()
    }

    fn whole() -> String {
        format!(
            "worker_processes 1; error_log stderr notice; events {{ worker_connections 20; }}
            http {{ log_format lab escape=json '$status' ' $upstream_addr'; access_log /dev/stdout lab;
            server {{ listen {HERE}; location = /health {{ access_log off; }} }} }}"
        )
    }

    #[test]
    fn what_is_settled_holds_also_where_it_is_the_default() {
        assert_eq!(unmet(&whole()), "");
        let short = whole().replace("worker_processes 1; error_log stderr notice;", "");
        assert_eq!(unmet(&short.replace("/dev/stdout", "/var/log/nginx/access.log")), "");
        assert_eq!(Demands::default().unmet("", HERE), None);
        assert_eq!(unmet(&whole().replace("$status", "${status}")), "");
        let aligned = r#"{ "a": "${b}",  "c"  :"$d e" }"#;
        assert_eq!(plain(aligned), r#"{"a":"$b","c":"$d e"}"#);
    }

    #[test]
    fn a_log_of_json_is_escaped_as_json() {
        let members = vec![r#""id":"$request_id""#.to_owned()];
        let demands =
            Demands { log_format: Some(LogFormat { name: "a".to_owned(), members }), ..Demands::default() };
        let said = |format: &str| {
            let text = format!("log_format a {format}; access_log /dev/stdout a;");
            demands.unmet(&text, HERE).unwrap_or_default()
        };
        assert_eq!(said(r#"escape=json '{"n":"1",' '"id": "${request_id}"}'"#), "");
        assert_eq!(said(r#"escape=json '{ "n" : "1", ' '"id"  :  "$request_id" }'"#), "");
        assert!(said(r#"escape=json '{"id":"$request_id "}'"#).contains("is to contain"));
        assert!(said(r#"'{"id":"$request_id"}'"#).contains("is to have `escape=json`"));
    }

    #[test]
    fn each_thing_that_is_said_otherwise_is_named() {
        let wrong = [
            ("listen 127", "listen 0.0.0.0:80; listen 127", "`listen 0.0.0.0:80`"),
            ("worker_processes 1", "worker_processes auto", "`worker_processes auto;`"),
            ("worker_processes 1", "worker_processes 2", "one worker"),
            ("worker_connections 20", "worker_connections 1024", "which is 20 here"),
            ("worker_connections 20;", "", "no `worker_connections`"),
            ("error_log stderr", "error_log /dev/null", "`error_log /dev/null`"),
            ("/dev/stdout lab", "/tmp/access.log lab", "`access_log /tmp/access.log`"),
            ("/dev/stdout lab", "/dev/stdout", "no `access_log /dev/stdout lab;`"),
            ("access_log /dev/stdout lab;", "", "no `access_log /dev/stdout lab;`"),
            ("/dev/stdout lab", "/dev/stdout lab buffer=64k", "`buffer=64k`"),
            (" $upstream_addr", "", "is to contain `$upstream_addr`, and is `$status`"),
            ("$status", "", "is to contain `$status`, and is ` $upstream_addr`"),
        ];
        for (from, to, words) in wrong {
            let said = unmet(&whole().replace(from, to));
            assert!(said.contains(words), "no `{words}` in `{said}`");
        }
    }
}
