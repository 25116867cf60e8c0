//! Cases of job text and prose.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use jobmatch_segment::{Kind, Segmenter};

fn split(text: &str) -> Vec<&str> {
    let segmenter = Segmenter::english();
    let sentences: Vec<_> = segmenter.sentences(text).collect();
    sentences
        .into_iter()
        .map(|s| &text[s.start..s.end])
        .collect()
}

/// A text written with `|` where its sentences part (and a blank or nothing beside it).
fn check(marked: &str) {
    let text = marked.replace('|', "");
    let expected: Vec<&str> = marked.split('|').map(str::trim).collect();
    assert_eq!(split(&text), expected);
}

#[test]
fn prose() {
    for marked in [
        "You will report to Dr. Weber.| She leads the lab.",
        "Our client, Acme Inc., hires.| Apply now!| Are you ready?| Good.",
        "Work for Acme Inc.| The team is small.",
        "Pay is $45.50 per hour, i.e. more than most.| Shifts start at 6 a.m. and end at 2 p.m.| You may choose.",
        "Know .NET, Node.js and C#.| Send it to jobs@acme.com or www.acme.com/Jobs.| Thanks.",
        "We need five years of experience.|Must have a licence.",
        "Version 3.2.1 is required.| No. 4 is not.",
        "\"You grow.\"| We help (a lot).| It works...| Really.",
        "Hold a B.S. or Ph.D. in Physics.| J. R. Smith signs.",
        "U.S. citizens only.| The U.S. Navy hires.",
    ] {
        check(marked);
    }
}

#[test]
fn lists_and_headings() {
    for marked in [
        "Requirements:|\n• Plan budgets|\n• Sell. |Then sell more|\n• Clean",
        "DUTIES|\n1. Plan|\n2. Write reports\n   and read them|\n3. Sell",
        "Skills |• Rust |• SQL |• Excel",
        "(a) lift 50 lbs.|\n(b) drive",
        "Job Title|\n\nWe hire.| You work",
        "The ideal candidate for this position has worked in a hospital for\nat least two years.| Apply.",
        "Short line|\nAnother line|\nLast line",
        "Plan\r\n|\r\nSell\u{a0}",
    ] {
        check(marked);
    }
}

#[test]
fn tables_flattened_to_text() {
    for marked in [
        // Cells parted by tabs, by blanks, by bars.
        "Skill|\tLevel|\nPython|\tGood|\nProject management|\tBasic|\n\nApply now.",
        "Location|   Pay range|   Start|\nSt. Louis|  $18 - $21|   1 May|\n\nApply now.",
        "Skill|\tLevel|\r\nPython|\tGood",
    ] {
        check(marked);
    }
    let barred = "| Day | 8 a.m. to 4 p.m. |\n|-----|-----|\n| Night | 10 p.m. to 6 a.m. |";
    assert_eq!(split(barred), barred.split('\n').collect::<Vec<_>>());
}

#[test]
fn kinds() {
    let text = "About Us\n\nWe bake bread.\n\nDuties:\n- Knead\n- Bake. Daily.";
    let segmenter = Segmenter::english();
    let kinds: Vec<Kind> = segmenter.sentences(text).map(|s| s.kind).collect();
    use Kind::{Bullet, Heading, Prose};
    assert_eq!(kinds, [Heading, Prose, Heading, Bullet, Bullet, Bullet]);
}

#[test]
fn a_users_abbreviations() {
    let text = "Hold a Dipl. Ing. Then apply.";
    let segmenter = Segmenter::english().with_abbreviations(["Dipl.", "Ing"]);
    assert_eq!(segmenter.sentences(text).count(), 1);
    assert_eq!(Segmenter::english().sentences(text).count(), 3);
    // A marker opens an item, whatever the line before ends with.
    for text in ["- Hold a Dipl.\n- Sell", "1. Bring approx.\n2. Sell"] {
        assert_eq!(segmenter.sentences(text).count(), 2, "{text}");
    }
}

#[test]
fn stops_without_end_take_linear_time() {
    // A quadratic rule would need minutes for this.
    for unit in [
        ".",
        ". ",
        "a.",
        "• ",
        "\"",
        "x\n",
        "1. ",
        "Dr. ",
        "word.Xx/",
        "<",
        "<p",
        "&",
        "A: ",
        "1. 2. ",
        "(",
        "X ",
        "Go. - Run ",
        "Go! * A ",
        "a) x. ",
        "<!-- ",
        "<p>x ",
        "&#1",
        "A:B ",
        "… ",
        "Go.Run ",
        "Go at 5 p.m. Now ",
        "www.a.B/",
        "\u{200b}",
        "\u{200b}<p>",
        "\"A b ",
        "Go . . . ",
        "Pay:\t1 ",
        "- x",
    ] {
        let text = unit.repeat(1_000_000 / unit.len());
        let covered: usize = Segmenter::english()
            .sentences(&text)
            .map(|s| s.end - s.start)
            .sum();
        assert!(covered <= text.len());
    }
}
