//! What a threshold set by hand gives, and what the first N of each job give.

use maud::{Markup, html};

use super::html::{Section, cell, count, head, table};
use super::promises::promises;
use crate::numbers::{Metrics, QualityRow};

const QUALITY: [&str; 7] = [
    "Precision",
    "Recall",
    "F1",
    "Mean precision",
    "Mean recall",
    "Mean F1",
    "Decided",
];

/// The section.
pub(crate) fn section(metrics: &Metrics) -> Section {
    let by_cosine = html! {
        tbody {
            @for at in &metrics.cosine_thresholds {
                (quality(&format!("{:.2}", at.threshold), &at.quality))
            }
        }
    };
    let headed = |first: &str| head([first].into_iter().chain(QUALITY));
    Section {
        id: "thresholds",
        heading: "Thresholds and first N",
        body: html! {
            h3 { "Thresholds on the cosine" }
            (table(
                "cosine-table",
                "A threshold set by hand, bi-encoder alone: every attribute whose best cosine over the job reaches it, in percent \
                 over all pairs, and means over jobs. What one threshold gives differs widely between models.",
                &headed("Cosine"),
                &by_cosine,
            ))
            (promises(metrics))
            @if let Some(last) = metrics.systems.last() {
                h3 { "First N of each job" }
                (table(
                    "first-table",
                    &format!(
                        "{}: the first N attributes of each job, in percent over all pairs, and means over jobs.",
                        last.name
                    ),
                    &headed("N"),
                    &html! {
                        tbody { @for at in &last.top_n { (quality(&at.n.to_string(), &at.quality)) } }
                    },
                ))
            }
        },
    }
}

fn quality(name: &str, quality: &QualityRow) -> Markup {
    let shares = [
        quality.precision,
        quality.recall,
        quality.f1,
        quality.macro_precision,
        quality.macro_recall,
        quality.macro_f1,
    ];
    html! {
        tr {
            th scope="row" { (name) }
            @for share in shares { (cell(Some(share), None)) }
            td { (count(quality.decided)) }
        }
    }
}
