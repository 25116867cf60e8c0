//! Pieces of HTML that every section uses. Text goes through `maud`, which escapes it.

use std::fmt::Display;

use jobmatch_metrics::Interval;
use maud::{Markup, html};

/// A part of the page under a heading of the second level, which the contents name.
pub(crate) struct Section {
    pub id: &'static str,
    pub heading: &'static str,
    pub body: Markup,
}

/// A table in a box of its own, so that a wide one scrolls without the page. The box takes the focus, for keyboards.
pub(crate) fn table(id: &str, caption: &str, head: &Markup, body: &Markup) -> Markup {
    let caption_id = format!("{id}-caption");
    html! {
        div.wide tabindex="0" role="group" aria-labelledby=(caption_id) {
            table id=(id) {
                caption id=(caption_id) { (caption) }
                thead { (head) }
                (body)
            }
        }
    }
}

/// A row of column headings.
pub(crate) fn head<T: Display>(headings: impl IntoIterator<Item = T>) -> Markup {
    html! {
        tr {
            @for heading in headings { th scope="col" { (heading) } }
        }
    }
}

/// A cell in percent, with its interval below.
pub(crate) fn cell(value: Option<f64>, interval: Option<&Interval>) -> Markup {
    html! {
        td {
            @match value {
                Some(value) => (percent(value)),
                None => "–",
            }
            @if let (Some(_), Some(interval)) = (value, interval) { (range(interval)) }
        }
    }
}

/// An interval in percent, small.
pub(crate) fn range(interval: &Interval) -> Markup {
    html! { small { (percent(interval.lower)) "–" (percent(interval.upper)) } }
}

/// A name with its value, for a `<dl>`.
pub(crate) fn entry(name: &str, value: impl maud::Render) -> Markup {
    html! { dt { (name) } dd { (value) } }
}

/// Percent with one decimal.
pub(crate) fn percent(value: f64) -> String {
    format!("{:.1}", value * 100.0)
}

/// The same with the percent sign, which no line break parts from it.
pub(crate) fn percent_sign(value: f64) -> String {
    format!("{}\u{a0}%", percent(value))
}

/// Percent with its sign. What rounds to zero has none.
pub(crate) fn signed(value: f64) -> String {
    let text = format!("{:+.1}", value * 100.0);
    match text.as_str() {
        "-0.0" | "+0.0" => "0.0".to_owned(),
        _ => text.replace('-', "\u{2212}"),
    }
}

/// A count with commas between thousands.
pub(crate) fn count(number: impl TryInto<u64>) -> String {
    let digits = number.try_into().unwrap_or(u64::MAX).to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Without the tail of binary fractions: 1 - 0.35 is 0.65.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// A measure's name as people write it.
pub(crate) fn measure_name(measure: &str) -> String {
    match measure.split_once('@') {
        Some(("r_precision", k)) => format!("R-precision@{k}"),
        Some(("recall", k)) => format!("Recall@{k}"),
        Some(("precision", k)) => format!("Precision@{k}"),
        Some(("hit_rate", k)) => format!("Hit rate@{k}"),
        Some(("ndcg", k)) => format!("nDCG@{k}"),
        _ => match measure {
            "reciprocal_rank" => "MRR".to_owned(),
            "average_precision" => "MAP".to_owned(),
            "f1" => "F1".to_owned(),
            other => other.to_owned(),
        },
    }
}

/// Control characters are not allowed in HTML, not even as references: they become U+FFFD.
pub(crate) fn without_controls(page: String) -> String {
    let bad = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if page.contains(bad) {
        page.replace(bad, "\u{fffd}")
    } else {
        page
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        let text = "<script>\"a\" & 'b'</script>\u{7}";
        let page = html! { p title=(text) { (text) } }.into_string();
        let page = without_controls(page);
        assert!(
            !page.contains("<script") && page.matches('"').count() == 2,
            "{page}"
        );
        assert!(page.ends_with("&lt;/script&gt;\u{fffd}</p>"), "{page}");
    }

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!(
            (signed(0.0123), signed(-0.0004)),
            ("+1.2".into(), "0.0".into())
        );
        assert_eq!(signed(-0.5), "\u{2212}50.0");
        assert_eq!(
            [0u64, 999, 1000, 1_234_567].map(count),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(measure_name("ndcg@10"), "nDCG@10");
        assert_eq!(measure_name("something new"), "something new");
    }
}
