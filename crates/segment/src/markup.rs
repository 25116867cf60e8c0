//! What is left of HTML in texts that came from web pages: tags and entities.

/// A tag is no longer than this, in bytes.
const LONGEST_TAG: usize = 400;
/// An entity is no longer than this, in bytes, `&` and `;` included.
const LONGEST_ENTITY: usize = 10;

/// Elements that stand in a line of their own.
const BLOCKS: [&str; 22] = [
    "address",
    "article",
    "blockquote",
    "br",
    "dd",
    "div",
    "dl",
    "dt",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "li",
    "ol",
    "p",
    "section",
    "td",
    "tr",
    "ul",
];

/// Entities that texts of jobs hold. The numeric ones need no list.
const ENTITIES: [(&str, char); 27] = [
    ("amp", '&'),
    ("apos", '\''),
    ("bull", '•'),
    ("copy", '©'),
    ("deg", '°'),
    ("eacute", 'é'),
    ("euro", '€'),
    ("frac12", '½'),
    ("gt", '>'),
    ("hellip", '…'),
    ("laquo", '«'),
    ("ldquo", '“'),
    ("lsquo", '‘'),
    ("lt", '<'),
    ("mdash", '—'),
    ("middot", '·'),
    ("nbsp", '\u{a0}'),
    ("ndash", '–'),
    ("ouml", 'ö'),
    ("pound", '£'),
    ("quot", '"'),
    ("raquo", '»'),
    ("rdquo", '”'),
    ("reg", '®'),
    ("rsquo", '’'),
    ("trade", '™'),
    ("uuml", 'ü'),
];

/// The tag that begins `text`: its length in bytes, and its element's name as it is written; `None` where `<` is a sign
/// of less.
pub(crate) fn tag(text: &str) -> Option<(usize, &str)> {
    let rest = text.strip_prefix('<')?;
    let mut end = text.len().min(LONGEST_TAG);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    if rest.starts_with("!--") {
        return Some((text[..end].find("-->")? + 3, "!--"));
    }
    let name_at = usize::from(rest.starts_with('/'));
    let name = &rest[name_at..];
    let name = &name[..name.bytes().take_while(u8::is_ascii_alphanumeric).count()];
    let known = name.starts_with(|c: char| c.is_ascii_alphabetic()) && name.len() <= 10;
    let after = rest[name_at + name.len()..].chars().next()?;
    if !known || !(after == '>' || after == '/' || after.is_whitespace()) {
        return None;
    }
    let close = text[..end].find('>')?;
    Some((close + 1, name))
}

/// Whether a tag of an element that stands in a line of its own begins `text`: an opening one, or, if `closing`, any.
pub(crate) fn is_block(text: &str, closing: bool) -> bool {
    if !text.starts_with('<') || (!closing && text.starts_with("</")) {
        return false;
    }
    tag(text).is_some_and(|(_, name)| is_block_name(name))
}

/// Whether an element stands in a line of its own.
pub(crate) fn is_block_name(name: &str) -> bool {
    BLOCKS.iter().any(|block| block.eq_ignore_ascii_case(name))
}

/// The entity that begins `text`: its length in bytes, and what it stands for.
pub(crate) fn entity(text: &str) -> Option<(usize, char)> {
    let bytes = text.as_bytes();
    let end = bytes
        .iter()
        .take(LONGEST_ENTITY)
        .position(|byte| *byte == b';')?;
    let name = text.get(1..end).filter(|_| bytes[0] == b'&')?;
    let stands_for = match name.strip_prefix('#') {
        Some(number) => {
            let number = match number.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(number.ok()?)?
        }
        None => {
            let found = ENTITIES.binary_search_by_key(&name, |(known, _)| known);
            ENTITIES[found.ok()?].1
        }
    };
    Some((end + 1, stands_for))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_and_signs_of_less() {
        assert_eq!(tag("<li>Plan"), Some((4, "li")));
        assert_eq!(tag("</P> x"), Some((4, "P")));
        assert_eq!(tag("<a href=\"x\">y</a>"), Some((12, "a")));
        assert_eq!(tag("<br/>"), Some((5, "br")));
        assert_eq!(tag("<!-- no -->x"), Some((11, "!--")));
        for text in ["<5 years", "< p>", "<Ctrl+C>", "<li", "x<li>", "<"] {
            assert_eq!(tag(text), None, "{text}");
        }
        assert!(is_block("<BR>", false) && !is_block("<b>", false));
        assert!(!is_block("</li>", false) && is_block("</li>", true));
    }

    #[test]
    fn entities() {
        assert!(ENTITIES.is_sorted_by_key(|(name, _)| *name));
        assert_eq!(entity("&amp; co"), Some((5, '&')));
        assert_eq!(entity("&#39;s"), Some((5, '\'')));
        assert_eq!(entity("&#x2022; Plan"), Some((8, '•')));
        for text in ["& co;", "AT&T;", "&none;", "&#x;", "&#1114112;", "&"] {
            assert_eq!(entity(text), None, "{text}");
        }
    }
}
