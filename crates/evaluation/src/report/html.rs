//! Pieces of HTML.

use jobmatch_metrics::Interval;

/// A cell in percent, with its interval below.
pub(crate) fn cell(value: Option<f64>, interval: Option<&Interval>) -> String {
    let Some(value) = value else {
        return "<td>–</td>".to_owned();
    };
    let interval = interval.map_or(String::new(), |interval| {
        format!(
            "<small>{}–{}</small>",
            percent(interval.lower),
            percent(interval.upper)
        )
    });
    format!("<td>{}{interval}</td>", percent(value))
}

/// A name with its value, for a `<dl>`.
pub(crate) fn entry(name: &str, value: &str) -> String {
    format!("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value))
}

/// Percent with one decimal.
pub(crate) fn percent(value: f64) -> String {
    format!("{:.1}", value * 100.0)
}

/// The same with its sign.
pub(crate) fn signed(value: f64) -> String {
    format!("{:+.1}", value * 100.0)
}

/// Without the tail of binary fractions: 1 - 0.35 is 0.65.
pub(crate) fn round(value: f64) -> f64 {
    (value * 1e6).round() / 1e6
}

/// Text as HTML.
pub(crate) fn escape(text: &str) -> String {
    let mut html = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => html.push_str("&amp;"),
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            // Other control characters are not allowed in HTML, not even as references.
            c if c.is_control() && c != '\n' && c != '\t' => html.push('\u{fffd}'),
            c => html.push(c),
        }
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_a_text_is_markup() {
        assert_eq!(
            escape("<script>\"a\" & 'b'</script>\u{7}"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;\u{fffd}"
        );
    }
}
