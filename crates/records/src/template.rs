//! How an attribute becomes a passage.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Definition, Error, Result};

/// A template such as `{name}` or `{name}: {definition}`. Training, index, BM25 and re-ranking must use the same one, so
/// it is saved with the model.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct PassageTemplate {
    text: String,
    parts: Vec<Part>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Text(String),
    Name,
    Definition,
}

impl PassageTemplate {
    /// The passage of `definition`. An empty field takes the text before it along, and the text after it when no field
    /// follows or was filled: `{name}: {definition}` and `{name} ({definition})` give the name alone when there is no definition.
    pub fn render(&self, definition: &Definition) -> String {
        let mut passage = String::new();
        let (mut pending, mut fields, mut filled) = ("", 0, 0);
        let mut last_is_empty = false;
        for part in &self.parts {
            let value = match part {
                Part::Text(text) => {
                    pending = text;
                    continue;
                }
                Part::Name => definition.name.trim(),
                Part::Definition => definition.definition.trim(),
            };
            last_is_empty = value.is_empty();
            if !last_is_empty {
                // After nothing but empty fields a separator would stand alone.
                if filled > 0 || fields == 0 {
                    passage.push_str(pending);
                }
                passage.push_str(value);
                filled += 1;
            }
            fields += 1;
            pending = "";
        }
        if !last_is_empty {
            passage.push_str(pending);
        }
        passage
    }
}

impl Default for PassageTemplate {
    /// `{name}: {definition}`.
    fn default() -> Self {
        Self {
            text: "{name}: {definition}".to_owned(),
            parts: vec![Part::Name, Part::Text(": ".to_owned()), Part::Definition],
        }
    }
}

impl FromStr for PassageTemplate {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let refuse = |reason: String| Error::Template {
            template: text.to_owned(),
            reason,
        };
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(open) = rest.find('{') {
            if open > 0 {
                parts.push(Part::Text(rest[..open].to_owned()));
            }
            let close = rest[open..]
                .find('}')
                .ok_or_else(|| refuse("a `{` is not closed".to_owned()))?
                + open;
            parts.push(match &rest[open + 1..close] {
                "name" => Part::Name,
                "definition" => Part::Definition,
                other => {
                    return Err(refuse(format!(
                        "`{{{other}}}` is no field; {{name}} and {{definition}} are"
                    )));
                }
            });
            rest = &rest[close + 1..];
        }
        if !rest.is_empty() {
            parts.push(Part::Text(rest.to_owned()));
        }
        if !parts.iter().any(|part| !matches!(part, Part::Text(_))) {
            return Err(refuse(
                "it has no field, so all passages would be the same; use {name} or {definition}"
                    .to_owned(),
            ));
        }
        Ok(Self {
            text: text.to_owned(),
            parts,
        })
    }
}

impl TryFrom<String> for PassageTemplate {
    type Error = Error;

    fn try_from(text: String) -> Result<Self> {
        text.parse()
    }
}

impl From<PassageTemplate> for String {
    fn from(template: PassageTemplate) -> Self {
        template.text
    }
}

impl fmt::Display for PassageTemplate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn definition(name: &str, definition: &str) -> Definition {
        Definition {
            attribute_id: "a".into(),
            name: name.into(),
            definition: definition.into(),
            kind: None,
            aliases: vec![],
        }
    }

    #[test]
    fn renders_and_leaves_out_what_is_empty() {
        for (template, name, text, expected) in [
            ("{name}", "Weld", "Join metal.", "Weld"),
            (
                "{name}: {definition}",
                "Weld",
                "Join metal.",
                "Weld: Join metal.",
            ),
            ("{name}: {definition}", "Weld", "", "Weld"),
            ("{name} ({definition})", "Weld", "x", "Weld (x)"),
            ("{name} ({definition})", "Weld", " ", "Weld"),
            ("[{definition}] {name}!", "Weld", "x", "[x] Weld!"),
            ("[{definition}] {name}!", "Weld", "", "Weld!"),
            ("{name}, {definition}, {name}", "Weld", "", "Weld, Weld"),
            ("skill: {name}", "Weld", "", "skill: Weld"),
        ] {
            let parsed: PassageTemplate = template.parse().unwrap();
            assert_eq!(parsed.render(&definition(name, text)), expected);
            assert_eq!(parsed.to_string(), template);
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for (template, expected) in [
            ("{nam}", "`{nam}` is no field"),
            ("plain", "it has no field"),
            ("{name", "a `{` is not closed"),
        ] {
            let message = template.parse::<PassageTemplate>().unwrap_err().to_string();
            assert!(message.contains(expected), "{message}");
        }
    }
}
