//! The directives of a configuration, read before nginx acts on them.
//!
//! `nginx -T` prints each included file by itself, so a directive's block says nothing of where it holds: they are found wherever they stand.

use std::net::SocketAddr;

use super::Nginx;

/// A `server` that does not say where listens on port 80 of every address.
const UNSAID: &str = "*:80";

/// A configuration as `nginx -T` prints it.
pub(super) struct Directives(Vec<Part>);

impl Directives {
    pub(super) fn of(configuration: &str) -> Directives {
        Directives(parts(configuration))
    }

    /// What is said by each directive of this name: its words after the name.
    pub(super) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [String]> {
        self.0.iter().filter_map(move |part| match part {
            Part::Says(words) => {
                words.split_first().filter(|(first, _)| *first == name).map(|(_, rest)| rest)
            }
            _ => None,
        })
    }

    /// Whether a directive names the place of `addr`, other than as a server that is `down`.
    pub(super) fn name(&self, addr: SocketAddr) -> bool {
        let is_it = |word: &String| Nginx::is_named_in(word, addr);
        self.0.iter().any(|part| match part {
            Part::Says(words) => words.iter().any(is_it) && !words.iter().any(|word| word == "down"),
            _ => false,
        })
    }

    /// The place of each `listen`, and port 80 for each `server` that has none.
    pub(super) fn listens(&self) -> Vec<String> {
        let mut places = Vec::new();
        // For each open block, whether it is a server that has not said yet where it listens.
        let mut silent = Vec::new();
        for part in &self.0 {
            match part {
                Part::Opens(words) => silent.push(*words == ["server"]),
                Part::Closes => {
                    if silent.pop() == Some(true) {
                        places.push(UNSAID.to_owned());
                    }
                }
                Part::Says(words) if words.first().is_some_and(|word| word == "listen") => {
                    places.push(words.get(1).cloned().unwrap_or_default());
                    if let Some(last) = silent.last_mut() {
                        *last = false;
                    }
                }
                Part::Says(_) => {}
            }
        }
        places
    }
}

enum Part {
    /// A block begins, after these words.
    Opens(Vec<String>),
    Closes,
    /// A directive, its name first.
    Says(Vec<String>),
}

/// The text without comments, cut at `;`, `{` and `}`, where these are not quoted and not part of a `${variable}`.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut words = Vec::new();
    let mut word = String::new();
    // An empty text in quotes is a word, too.
    let mut quoted = false;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.extend(characters.next()),
            '"' | '\'' if word.is_empty() => {
                quoted = true;
                while let Some(next) = characters.next().filter(|next| *next != character) {
                    // An escaped quote ends nothing.
                    word.extend(if next == '\\' { characters.next() } else { Some(next) });
                }
            }
            '{' if word.ends_with('$') => {
                word.push('{');
                word.extend(characters.by_ref().take_while(|next| *next != '}'));
                word.push('}');
            }
            '#' if word.is_empty() => characters.by_ref().take_while(|next| *next != '\n').for_each(drop),
            ';' | '{' | '}' => {
                words.extend(taken(&mut word, &mut quoted));
                let words = std::mem::take(&mut words);
                parts.push(match character {
                    ';' => Part::Says(words),
                    '{' => Part::Opens(words),
                    _ => Part::Closes,
                });
            }
            blank if blank.is_whitespace() => {
                words.extend(taken(&mut word, &mut quoted));
            }
            _ => word.push(character),
        }
    }
    parts
}

/// The word that has come to its end, if there is one.
fn taken(word: &mut String, quoted: &mut bool) -> Option<String> {
    let is_one = std::mem::take(quoted) || !word.is_empty();
    is_one.then(|| std::mem::take(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listen_is_found_and_no_comment_or_text_is_taken_for_one() {
        let text = r#"
            log_format json '{"listen 7;": "$status", "x": "${time} # {"}';
            # listen 83;
            http {
                upstream all { server 127.0.0.1:1; server 127.0.0.1:2; }
                server { listen 80; # listen 81;
                    set $a "${host}}"; listen	127.0.0.1:82 default_server; location / { return 200 "}"; } }
                server{listen unix:/x;}
                server { location /${b} { proxy_pass http://all; } }
            }"#;
        assert_eq!(Directives::of(text).listens(), ["80", "127.0.0.1:82", "unix:/x", UNSAID]);
    }

    #[test]
    fn an_address_is_named_by_a_directive_and_not_by_a_comment_or_as_down() {
        let text = "upstream a { server 127.0.0.1:80 weight=2; # server 127.0.0.1:81;
            server 127.0.0.1:82 down; server 127.0.0.1:830; } location / { proxy_pass http://127.0.0.1:84/x; }";
        let said = Directives::of(text);
        let named = |port: u16| said.name(([127, 0, 0, 1], port).into());
        assert_eq!([80, 81, 82, 83, 84].map(named), [true, false, false, false, true]);
    }

    #[test]
    fn a_directive_is_found_wherever_it_stands_with_its_quotes_read() {
        let text = r#"worker_processes 1; http { log_format a escape=json '{"u":"$uri",' "\"$status\"}" ''; } # worker_processes 2;
            access_log /dev/stdout a; server { access_log off; }"#;
        let said = Directives::of(text);
        let all = |name| said.all(name).map(<[String]>::to_vec).collect::<Vec<_>>();
        assert_eq!(all("worker_processes"), [["1"]]);
        assert_eq!(all("log_format"), [["a", "escape=json", r#"{"u":"$uri","#, r#""$status"}"#, ""]]);
        assert_eq!(all("access_log"), [vec!["/dev/stdout", "a"], vec!["off"]]);
        assert!(all("worker_connections").is_empty());
    }
}
