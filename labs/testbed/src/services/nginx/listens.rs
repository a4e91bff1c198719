//! Where a configuration makes nginx listen, read before it does.

/// A `server` that does not say where listens on port 80 of every address.
const UNSAID: &str = "*:80";

/// The place of each `listen`, and port 80 for each `server` that has none.
pub(super) fn listens(configuration: &str) -> Vec<String> {
    let mut places = Vec::new();
    // For each open block, whether it is a server that has not said yet where it listens.
    let mut silent = Vec::new();
    for part in parts(configuration) {
        match part {
            Part::Opens(words) => silent.push(words == ["server"]),
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

enum Part {
    /// A block begins, after these words.
    Opens(Vec<String>),
    Closes,
    /// A directive, its name first.
    Says(Vec<String>),
}

/// The configuration without comments, cut at `;`, `{` and `}`, where these are not quoted and not part of a `${variable}`.
fn parts(text: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut words = Vec::new();
    let mut word = String::new();
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => word.extend(characters.next()),
            '"' | '\'' if word.is_empty() => {
                word.extend(characters.by_ref().take_while(|next| *next != character));
            }
            '{' if word.ends_with('$') => {
                word.push('{');
                word.extend(characters.by_ref().take_while(|next| *next != '}'));
                word.push('}');
            }
            '#' if word.is_empty() => characters.by_ref().take_while(|next| *next != '\n').for_each(drop),
            ';' | '{' | '}' => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
                let words = std::mem::take(&mut words);
                parts.push(match character {
                    ';' => Part::Says(words),
                    '{' => Part::Opens(words),
                    _ => Part::Closes,
                });
            }
            blank if blank.is_whitespace() => {
                words.extend(Some(std::mem::take(&mut word)).filter(|word| !word.is_empty()));
            }
            _ => word.push(character),
        }
    }
    parts
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
        assert_eq!(listens(text), ["80", "127.0.0.1:82", "unix:/x", UNSAID]);
    }
}
