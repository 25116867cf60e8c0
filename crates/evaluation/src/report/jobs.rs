//! The worst jobs on the page.

use std::fmt::Write as _;

use super::html::escape;
use super::worst::WorstJob;

/// Bytes of a job's text that are shown; long ones are cut, and say so.
const TEXT_SHOWN: usize = 12_000;

/// The section of the worst jobs.
pub(crate) fn worst(jobs: &[WorstJob]) -> String {
    if jobs.is_empty() {
        return String::new();
    }
    let mut html = String::from(
        "<h2>Worst jobs</h2>\n<p class=\"quiet\">The jobs whose first five attributes are most wrong. A raised number marks \
         the sentence that is the proof of that prediction.</p>\n",
    );
    for (number, job) in jobs.iter().enumerate() {
        let open = if number == 0 { " open" } else { "" };
        let title = job.title.as_deref().unwrap_or("untitled");
        let _ = write!(
            html,
            "<details{open}><summary>{} <span class=\"quiet\">{}</span></summary>\n<div class=\"wide\"><table>\n\
             <thead><tr><th scope=\"col\">Rank</th><th scope=\"col\" class=\"words\">Predicted</th>\
             <th scope=\"col\" class=\"words\">Right?</th><th scope=\"col\">Score</th></tr></thead>\n<tbody>\n",
            escape(title),
            escape(&job.job_id)
        );
        for (rank, predicted) in (1..).zip(&job.predicted) {
            let (class, word) = if predicted.right {
                ("right", "right")
            } else {
                ("wrong", "not labelled")
            };
            let decided = if predicted.decided {
                ""
            } else {
                ", below the threshold"
            };
            let _ = writeln!(
                html,
                "<tr><th scope=\"row\">{rank}</th><td class=\"words\">{} <span class=\"quiet\">{}</span></td>\
                 <td class=\"words {class}\">{word}{decided}</td><td>{:.3}</td></tr>",
                escape(&predicted.name),
                escape(&predicted.attribute_id),
                predicted.score
            );
        }
        html.push_str("</tbody></table></div>\n<h3>Labelled</h3>\n<ul>\n");
        for positive in &job.positives {
            let place = match positive.rank {
                Some(rank) => format!("rank {rank}"),
                None => "not among the candidates".to_owned(),
            };
            let _ = writeln!(
                html,
                "<li>{} <span class=\"quiet\">{}, {place}</span></li>",
                escape(&positive.name),
                escape(&positive.attribute_id)
            );
        }
        let proofs: Vec<(u64, u64)> = job
            .predicted
            .iter()
            .map(|predicted| predicted.proof)
            .collect();
        let _ = write!(
            html,
            "</ul>\n<h3>Text</h3>\n<div class=\"text\">{}</div>\n</details>\n",
            highlighted(&job.text, &proofs)
        );
    }
    html
}

/// The text with each proof marked by the ranks it belongs to. Proofs are whole sentences, or whole windows: two of them
/// are the same, or apart.
fn highlighted(text: &str, proofs: &[(u64, u64)]) -> String {
    let mut spans: Vec<(usize, usize, Vec<usize>)> = Vec::new();
    for (rank, (start, end)) in (1..).zip(proofs) {
        let (start, end) = (*start as usize, *end as usize);
        match spans
            .iter_mut()
            .find(|span| (span.0, span.1) == (start, end))
        {
            Some(span) => span.2.push(rank),
            None => spans.push((start, end, vec![rank])),
        }
    }
    spans.sort();
    let shown = spans
        .iter()
        .map(|span| span.1)
        .max()
        .unwrap_or(0)
        .max(TEXT_SHOWN)
        .min(text.len());
    let shown = (shown..=text.len())
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(text.len());
    let mut html = String::new();
    let mut at = 0;
    for (start, end, ranks) in spans {
        let (Some(before), Some(proof)) = (text.get(at..start), text.get(start..end)) else {
            continue;
        };
        let ranks: Vec<String> = ranks.iter().map(usize::to_string).collect();
        let _ = write!(
            html,
            "{}<mark>{}<sup>{}</sup></mark>",
            escape(before),
            escape(proof),
            ranks.join(", ")
        );
        at = end;
    }
    html.push_str(&escape(text.get(at..shown).unwrap_or_default()));
    if shown < text.len() {
        let _ = write!(html, "\n[{} more bytes]", text.len() - shown);
    }
    html
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_marked_once_with_all_their_ranks() {
        let text = "Weld <pipes>. Bäck Brot.";
        assert_eq!(
            highlighted(text, &[(14, 25), (0, 13), (14, 25)]),
            "<mark>Weld &lt;pipes&gt;.<sup>2</sup></mark> <mark>Bäck Brot.<sup>1, 3</sup></mark>"
        );
        // A span that is none does no harm.
        assert_eq!(highlighted("ab", &[(1, 9)]), "ab");
        assert!(
            highlighted(&"ä".repeat(TEXT_SHOWN), &[])
                .ends_with(&format!("ä\n[{TEXT_SHOWN} more bytes]"))
        );
    }
}
