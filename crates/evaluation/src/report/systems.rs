//! The systems side by side, and how sure their differences are.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::html::{Section, cell, head, measure_name, percent_sign, signed, table};
use crate::numbers::{Difference, Metrics, SystemMetrics};

/// Ranking measures of the main table.
const COLUMNS: [&str; 5] = [
    "r_precision@5",
    "recall@10",
    "recall@100",
    "reciprocal_rank",
    "ndcg@10",
];

/// The section.
pub(crate) fn section(metrics: &Metrics) -> Section {
    Section {
        id: "systems",
        heading: "Systems",
        body: html! {
            (main_table(&metrics.systems))
            dl.quiet {
                @for system in &metrics.systems { dt { (system.name) } dd { (system.what) } }
                dt { "ceiling" }
                dd { (ceiling(metrics)) }
            }
            (differences(&metrics.differences))
            (all_measures(&metrics.systems))
        },
    }
}

fn main_table(systems: &[SystemMetrics]) -> Markup {
    let taken = |measure: &&str| {
        let mut rankings = systems.iter().map(|system| &system.ranking);
        rankings.any(|ranking| ranking.contains_key(*measure))
    };
    let columns: Vec<&str> = COLUMNS.iter().copied().filter(taken).collect();
    let headings = ["System".to_owned()]
        .into_iter()
        .chain(columns.iter().map(|measure| measure_name(measure)))
        .chain(["Precision", "Recall", "F1"].map(str::to_owned));
    let body = html! {
        tbody {
            @for (number, system) in (1..).zip(systems) {
                @let quality = system.decided.map(|decided| decided.quality);
                tr.last[number == systems.len()] {
                    th scope="row" { (system.name) }
                    @for measure in &columns {
                        (cell(system.ranking.get(*measure).copied(), system.intervals.get(*measure)))
                    }
                    (cell(quality.map(|quality| quality.precision), None))
                    (cell(quality.map(|quality| quality.recall), None))
                    (cell(quality.map(|quality| quality.f1), system.intervals.get("f1")))
                }
            }
        }
    };
    table(
        "systems-table",
        "In percent, means over jobs; below, 95 % bootstrap intervals by group. Precision, recall and F1: over all pairs, \
         decided by each system's own threshold chosen on dev. The last system is the one that the decision is about.",
        &head(headings),
        &body,
    )
}

fn ceiling(metrics: &Metrics) -> String {
    let ceiling = &metrics.ceiling;
    let mut text = format!(
        "the {} candidates of a job hold {} of the positives: no ranking of them finds more",
        ceiling.candidates,
        percent_sign(ceiling.recall)
    );
    if metrics.evaluated.reranked_pairs > 0 {
        text.push_str(&format!(
            "; the first {}, which the cross-encoder sees, {}",
            metrics.retrieval.rerank_depth,
            percent_sign(ceiling.reranked_recall)
        ));
    }
    text
}

/// A row for each other system, a column for each measure.
fn differences(differences: &[Difference]) -> Markup {
    let Some(first) = differences.first() else {
        return html! {};
    };
    let row = |difference: &&Difference| difference.with == first.with;
    let measures: Vec<&str> = differences
        .iter()
        .filter(row)
        .map(|difference| difference.measure.as_str())
        .collect();
    let headings = ["Compared with".to_owned()]
        .into_iter()
        .chain(measures.iter().map(|measure| measure_name(measure)));
    let body = html! {
        tbody {
            @for of_system in differences.chunk_by(|a, b| a.with == b.with) {
                tr {
                    th scope="row" { (of_system[0].with) }
                    @for difference in of_system { (difference_cell(difference)) }
                }
            }
        }
    };
    html! {
        h3 { "Differences" }
        (table(
            "differences-table",
            &format!(
                "{} minus each other system on the same jobs, in percentage points; below, 95 % bootstrap intervals by \
                 group. A difference whose interval holds 0 is not clear.",
                first.system
            ),
            &head(headings),
            &body,
        ))
    }
}

fn difference_cell(difference: &Difference) -> Markup {
    html! {
        td {
            (signed(difference.difference))
            @if let Some(interval) = difference.interval {
                small { (signed(interval.lower)) " to " (signed(interval.upper)) }
                small {
                    @if interval.lower > 0.0 { span.right { "▲ better" } }
                    @else if interval.upper < 0.0 { span.wrong { "▼ worse" } }
                    @else { "not clear" }
                }
            }
            @if let Some(p) = difference.p_value {
                small {
                    @if p < 0.001 { "p < 0.001" } @else { "p = " (format!("{p:.3}")) }
                }
            }
        }
    }
}

/// Measures as rows, so that a phone shows them.
fn all_measures(systems: &[SystemMetrics]) -> Markup {
    let measures: BTreeSet<&String> = systems
        .iter()
        .flat_map(|system| system.ranking.keys())
        .collect();
    let headings = ["Measure"]
        .into_iter()
        .chain(systems.iter().map(|system| system.name.as_str()));
    let body = html! {
        tbody {
            @for measure in measures {
                tr {
                    th scope="row" { (measure_name(measure)) }
                    @for system in systems { (cell(system.ranking.get(measure).copied(), None)) }
                }
            }
            tr {
                th scope="row" { "Average precision, all pairs at once" }
                @for system in systems { (cell(Some(system.pooled_average_precision), None)) }
            }
        }
    };
    html! {
        details {
            summary { "All ranking measures" }
            (table("measures-table", "In percent, means over jobs.", &head(headings), &body))
        }
    }
}
