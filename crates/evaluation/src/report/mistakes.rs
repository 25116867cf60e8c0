//! The worst mistakes: the attributes that are wrong most often, and the jobs whose rankings are worst.

use maud::{Markup, html};

use super::html::{Section, cell, count, head, table};
use super::worst::WorstJob;
use crate::numbers::{AttributeRow, Metrics};

/// Attributes shown.
const ATTRIBUTES: usize = 20;
/// Bytes of a job's text that are shown; long ones are cut, and say so.
const TEXT_SHOWN: usize = 12_000;

/// The section.
pub(crate) fn section(metrics: &Metrics, jobs: &[WorstJob]) -> Section {
    Section {
        id: "mistakes",
        heading: "Worst mistakes",
        body: html! {
            (attributes(&metrics.attributes))
            @if !jobs.is_empty() {
                h3 { "Jobs with the worst rankings" }
                p.quiet {
                    "The jobs whose first five attributes are most wrong. A raised number marks the sentence that is the proof \
                     of the prediction with that rank."
                }
                @for (number, worst) in jobs.iter().enumerate() { (job(number, worst)) }
            }
        },
    }
}

fn attributes(attributes: &[AttributeRow]) -> Markup {
    let mistakes = |row: &AttributeRow| row.false_positives + row.false_negatives;
    let mut worst: Vec<&AttributeRow> = attributes.iter().filter(|row| mistakes(row) > 0).collect();
    worst.sort_by_key(|row| std::cmp::Reverse(mistakes(row)));
    worst.truncate(ATTRIBUTES);
    if worst.is_empty() {
        return html! {};
    }
    let body = html! {
        tbody {
            @for row in worst {
                tr {
                    th scope="row" { (row.name) " " span.id { (row.attribute_id) } }
                    td { (count(row.false_positives)) }
                    td { (count(row.false_negatives)) }
                    td { (count(row.true_positives)) }
                    (cell(row.precision, None))
                    (cell(row.recall, None))
                }
            }
        }
    };
    html! {
        h3 { "Attributes with the most mistakes" }
        (table(
            "worst-attributes-table",
            "Jobs for which the attribute is wrongly decided, or missed, at the decision's threshold. Precision and recall in \
             percent.",
            &head(["Attribute", "Wrong", "Missed", "Right", "Precision", "Recall"]),
            &body,
        ))
    }
}

fn job(number: usize, job: &WorstJob) -> Markup {
    let proofs: Vec<(u64, u64)> = job.predicted.iter().map(|it| it.proof).collect();
    html! {
        details.job open[number == 0] {
            summary {
                h4 { (job.title.as_deref().unwrap_or("untitled")) " " span.id { (job.job_id) } }
            }
            div.sides {
                div {
                    (predicted(number, job))
                    h5 { "Labelled" }
                    ul.labelled {
                        @for positive in &job.positives {
                            li {
                                (positive.name) " "
                                span.quiet {
                                    span.id { (positive.attribute_id) } ", "
                                    @match positive.rank {
                                        Some(rank) => { "rank " (rank) }
                                        None => "not among the candidates",
                                    }
                                }
                            }
                        }
                    }
                }
                div {
                    h5 { "Text" }
                    div.text { (highlighted(&job.text, &proofs)) }
                }
            }
        }
    }
}

fn predicted(number: usize, job: &WorstJob) -> Markup {
    let headings = html! {
        tr {
            th scope="col" { "Rank" }
            th.words scope="col" { "Predicted" }
            th.words scope="col" { "Right?" }
            th scope="col" { "Score" }
        }
    };
    let body = html! {
        tbody {
            @for (rank, predicted) in (1..).zip(&job.predicted) {
                tr {
                    th scope="row" { (rank) }
                    td.words { (predicted.name) " " span.id { (predicted.attribute_id) } }
                    td.words {
                        @if predicted.right { span.right { "✓ right" } } @else { span.wrong { "✗ not labelled" } }
                        @if !predicted.decided { br; span.quiet { "below the threshold" } }
                    }
                    td { (format!("{:.3}", predicted.score)) }
                }
            }
        }
    };
    let caption = format!("The first {} of {}", job.predicted.len(), job.job_id);
    table(&format!("job-{number}-table"), &caption, &headings, &body)
}

/// The text with each proof marked by the ranks it belongs to. Proofs are whole sentences, or whole windows: two of them
/// are the same, or apart.
fn highlighted(text: &str, proofs: &[(u64, u64)]) -> Markup {
    let mut spans: Vec<(usize, usize, Vec<String>)> = Vec::new();
    for (rank, (start, end)) in (1..).zip(proofs) {
        let (start, end) = (*start as usize, *end as usize);
        let same = spans.iter_mut().find(|it| (it.0, it.1) == (start, end));
        let rank = i32::to_string(&rank);
        match same {
            Some(span) => span.2.push(rank),
            None => spans.push((start, end, vec![rank])),
        }
    }
    spans.sort();
    let last = spans.iter().map(|span| span.1).max().unwrap_or(0);
    let shown = last.max(TEXT_SHOWN).min(text.len());
    let shown = (shown..=text.len())
        .find(|end| text.is_char_boundary(*end))
        .unwrap_or(text.len());
    let mut pieces = Vec::new();
    let mut at = 0;
    for (start, end, ranks) in spans {
        if let (Some(before), Some(proof)) = (text.get(at..start), text.get(start..end)) {
            pieces.push((before, proof, ranks.join(", ")));
            at = end;
        }
    }
    html! {
        @for (before, proof, ranks) in &pieces { (before) mark { (proof) sup { (ranks) } } }
        (text.get(at..shown).unwrap_or_default())
        @if shown < text.len() { "\n[" (text.len() - shown) " more bytes]" }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proofs_are_marked_once_with_all_their_ranks() {
        let highlighted = |text: &str, proofs: &[_]| super::highlighted(text, proofs).into_string();
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
