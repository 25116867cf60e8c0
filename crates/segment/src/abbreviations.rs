//! Words whose stop does not end a sentence, or does so only sometimes.

/// Written before a name, a number or an example: their stop never ends a sentence. Lower-case, without the stop.
const ALWAYS: &[&str] = &[
    "adj", "approx", "capt", "cf", "col", "dr", "e.g", "eg", "esp", "est", "ext", "fig", "figs",
    "gen", "gov", "hon", "i.e", "ie", "incl", "lt", "max", "min", "mr", "mrs", "ms", "mt", "no",
    "nos", "pp", "prof", "rep", "rev", "sen", "sgt", "ste", "tel", "viz", "vol", "vs",
];

/// They end a sentence when a word follows that begins one. Lower-case, without the last stop.
const SOMETIMES: &[&str] = &[
    "a.m", "apr", "aug", "ave", "b.a", "b.s", "b.sc", "bldg", "blvd", "co", "corp", "d.c", "dec",
    "dept", "div", "etc", "feb", "ft", "hr", "hrs", "inc", "jan", "jr", "llc", "ltd", "m.a",
    "m.b.a", "m.d", "m.s", "m.sc", "mgr", "mo", "mos", "nov", "oct", "p.m", "ph.d", "r.n", "sec",
    "sep", "sept", "sr", "st", "u.k", "u.n", "u.s", "u.s.a", "wk", "wks", "yr", "yrs",
];

/// Words that begin sentences far more often than they go on after an abbreviation.
const STARTERS: &[&str] = &[
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
pub(crate) fn stop_after(word: &str, user: &[String]) -> Stop {
    let lower = word.to_lowercase();
    if user.contains(&lower) {
        return Stop::Abbreviation;
    }
    if ALWAYS.binary_search(&lower.as_str()).is_ok() {
        return Stop::Abbreviation;
    }
    if SOMETIMES.binary_search(&lower.as_str()).is_ok() || is_dotted_capitals(word) {
        return Stop::Either;
    }
    Stop::End
}

/// Whether `word` begins sentences far more often than not.
pub(crate) fn starts_sentences(word: &str) -> bool {
    STARTERS.binary_search(&word).is_ok()
}

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
        for list in [ALWAYS, SOMETIMES, STARTERS] {
            assert!(list.is_sorted(), "{list:?}");
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
            assert_eq!(stop_after(word, &[]), expected, "{word}");
        }
        assert_eq!(stop_after("Dipl", &["dipl".to_owned()]), Stop::Abbreviation);
    }
}
