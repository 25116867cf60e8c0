//! Words whose stop does not end a sentence, or does so only sometimes.

/// Written before a name, a number or an example: their stop never ends a sentence. Lower-case, without the stop.
const ALWAYS: [&str; 46] = [
    "adj", "approx", "asst", "attn", "capt", "cf", "col", "dr", "drs", "e.g", "eg", "esp", "est",
    "exec", "ext", "fig", "figs", "gen", "gov", "hon", "i.e", "ie", "incl", "lt", "max", "messrs",
    "min", "mr", "mrs", "ms", "mt", "no", "nos", "p", "pp", "prof", "rep", "rev", "sen", "sgt",
    "ste", "tel", "univ", "viz", "vol", "vs",
];

/// They end a sentence when a word follows that begins one. Lower-case, without the last stop.
const SOMETIMES: [&str; 67] = [
    "a.m", "apr", "assn", "assoc", "aug", "ave", "b.a", "b.s", "b.sc", "bldg", "blvd", "bros",
    "co", "corp", "d.c", "dec", "dept", "div", "etc", "feb", "fri", "ft", "hr", "hrs", "inc",
    "intl", "jan", "jr", "lb", "lbs", "llc", "ltd", "m.a", "m.b.a", "m.d", "m.s", "m.sc", "mfg",
    "mgr", "mo", "mon", "mos", "natl", "nov", "oct", "p.a", "p.m", "ph.d", "r.n", "sat", "sec",
    "sep", "sept", "sr", "st", "sun", "thu", "tue", "u.k", "u.n", "u.s", "u.s.a", "wed", "wk",
    "wks", "yr", "yrs",
];

/// Words that begin sentences far more often than they go on after an abbreviation.
const STARTERS: [&str; 54] = [
    "A",
    "All",
    "An",
    "And",
    "Any",
    "Applicants",
    "As",
    "At",
    "But",
    "Candidates",
    "Each",
    "Experience",
    "For",
    "He",
    "Her",
    "His",
    "How",
    "However",
    "I",
    "If",
    "In",
    "Is",
    "It",
    "Its",
    "Job",
    "Must",
    "No",
    "Not",
    "On",
    "Our",
    "Please",
    "Responsibilities",
    "She",
    "So",
    "Some",
    "That",
    "The",
    "Then",
    "There",
    "These",
    "They",
    "This",
    "Those",
    "To",
    "We",
    "What",
    "When",
    "Where",
    "Who",
    "Why",
    "Will",
    "With",
    "You",
    "Your",
];

/// What a stop after a word may mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stop {
    /// It belongs to the word.
    Abbreviation,
    /// It belongs to the word, and may end a sentence too.
    Either,
    /// It ends the sentence.
    End,
}

/// What a stop after `word` (without it) may mean.
pub(crate) fn stop_after(word: &str) -> Stop {
    let Some(key) = key(word, true) else {
        return Stop::End;
    };
    if ALWAYS_KEYS.binary_search(&key).is_ok() {
        Stop::Abbreviation
    } else if SOMETIMES_KEYS.binary_search(&key).is_ok() || is_dotted_capitals(word) {
        Stop::Either
    } else {
        Stop::End
    }
}

/// Whether `word` begins sentences far more often than not.
pub(crate) fn starts_sentences(word: &str) -> bool {
    key(word, false).is_some_and(|key| STARTERS_KEYS.binary_search(&key).is_ok())
}

/// The bytes of a word as a number that sorts as they do, capitals as small letters if asked; `None` for a word longer
/// than any that is looked for.
const fn key(word: &str, small: bool) -> Option<u128> {
    let bytes = word.as_bytes();
    if bytes.len() > 16 {
        return None;
    }
    let mut key = 0;
    let mut at = 0;
    while at < 16 {
        let byte = if at < bytes.len() { bytes[at] } else { 0 };
        let byte = if small {
            byte.to_ascii_lowercase()
        } else {
            byte
        };
        key = key << 8 | byte as u128;
        at += 1;
    }
    Some(key)
}

const fn keys<const N: usize>(words: &[&str; N]) -> [u128; N] {
    let mut keys = [0; N];
    let mut at = 0;
    while at < N {
        if let Some(key) = key(words[at], false) {
            keys[at] = key;
        }
        at += 1;
    }
    keys
}

const ALWAYS_KEYS: [u128; ALWAYS.len()] = keys(&ALWAYS);
const SOMETIMES_KEYS: [u128; SOMETIMES.len()] = keys(&SOMETIMES);
const STARTERS_KEYS: [u128; STARTERS.len()] = keys(&STARTERS);

/// `J`, `J.R`, `U.S`: capitals with a stop after each but the last.
fn is_dotted_capitals(word: &str) -> bool {
    !word.is_empty()
        && word
            .split('.')
            .all(|part| part.chars().count() == 1 && part.chars().all(char::is_uppercase))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_are_sorted_since_they_are_searched() {
        for list in [&ALWAYS[..], &SOMETIMES, &STARTERS] {
            assert!(list.is_sorted(), "{list:?}");
            assert!(list.iter().all(|word| key(word, false).is_some()));
        }
    }

    #[test]
    fn classes() {
        for (word, expected) in [
            ("Dr", Stop::Abbreviation),
            ("e.g", Stop::Abbreviation),
            ("U.S", Stop::Either),
            ("J", Stop::Either),
            ("Inc", Stop::Either),
            ("experience", Stop::End),
        ] {
            assert_eq!(stop_after(word), expected, "{word}");
        }
        assert!(starts_sentences("We") && !starts_sentences("we"));
    }
}
