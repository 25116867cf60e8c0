//! What recall the decision can promise, and whether it was kept.

use jobmatch_metrics::Promised;
use maud::{Markup, html};

use super::html::{cell, count, head, percent, table};
use crate::numbers::Metrics;
use crate::promises::PromiseKept;

/// A row for each recall that was asked for.
pub(crate) fn promises(metrics: &Metrics) -> Markup {
    let Some(first) = metrics.promises.first() else {
        return html! {};
    };
    let confidence = format!("{} %", super::html::round(100.0 * first.promise.confidence));
    let headings = [
        "Promised",
        "Threshold",
        "On dev",
        "Here",
        "Kept?",
        "Precision",
        "F1",
        "Decided",
    ];
    html! {
        h3 { "Promised recall" }
        (table(
            "promises-table",
            &format!(
                "The highest threshold on the final score that promises this recall of a new group of jobs, at a confidence of \
                 {confidence}, chosen on dev; recall is the mean over groups, in percent, with its 95 % interval. Groups must be \
                 alike here and there for a promise to hold.",
            ),
            &head(headings),
            &html! { tbody { @for kept in &metrics.promises { (row(kept)) } } },
        ))
    }
}

fn row(kept: &PromiseKept) -> Markup {
    let promise = &kept.promise;
    let name = html! { th scope="row" { (percent(promise.recall)) } };
    let (threshold, on_dev) = match promise.promised {
        Promised::Threshold {
            threshold, recall, ..
        } => (Some(threshold), recall),
        Promised::OutOfReach { recall, .. } => (None, recall),
    };
    html! {
        tr {
            (name)
            td { @if let Some(threshold) = threshold { (format!("{threshold:.4}")) } @else { "out of reach" } }
            (cell(Some(on_dev), None))
            @match &kept.here {
                Some(here) => {
                    (cell(Some(here.recall), here.interval.as_ref()))
                    td {
                        @if here.recall >= promise.recall { span.right { "✓ kept" } }
                        @else { span.wrong { "✗ broken" } }
                    }
                    (cell(Some(here.quality.precision), None))
                    (cell(Some(here.quality.f1), None))
                    td { (count(here.quality.decided)) }
                }
                None => { @for _ in 0..5 { td { "–" } } }
            }
        }
    }
}
