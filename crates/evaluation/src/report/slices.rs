//! How groups of attributes fare: each kind, and rare and common ones.

use maud::{Markup, html};

use super::html::{Section, cell, count, head, table};
use crate::numbers::{Metrics, Slice, SliceBy, SystemMetrics};

/// The section.
pub(crate) fn section(metrics: &Metrics) -> Section {
    Section {
        id: "slices",
        heading: "Kinds of attributes",
        body: html! {
            @if let Some(last) = metrics.systems.last() {
                (of_system(last))
                @if metrics.systems.len() > 1 { (side_by_side(&metrics.systems)) }
            }
        },
    }
}

fn of_system(system: &SystemMetrics) -> Markup {
    let rows = |slice: &Slice| {
        let decided = slice.decided;
        html! {
            th scope="row" { (name(slice)) }
            td { (count(slice.attributes as u64)) }
            td { (count(slice.attributes_with_positives as u64)) }
            td { (count(slice.positives)) }
            (cell(slice.recall_at_10, None))
            (cell(slice.recall, None))
            (cell(decided.map(|decided| decided.precision), None))
            (cell(decided.map(|decided| decided.recall), None))
            (cell(decided.map(|decided| decided.f1), None))
        }
    };
    table(
        "slices-table",
        &format!(
            "{}, in percent over the pairs of these attributes. Recall@10 and candidates: the share of positives among a \
             job's first 10, and among all its candidates; the others at the decision's threshold.",
            system.name
        ),
        &head([
            "Attributes",
            "In the index",
            "Positive here",
            "Positive pairs",
            "Recall@10",
            "Candidates",
            "Precision",
            "Recall",
            "F1",
        ]),
        &groups(&system.slices, 9, &rows),
    )
}

/// Recall of every system.
fn side_by_side(systems: &[SystemMetrics]) -> Markup {
    let Some(last) = systems.last() else {
        return html! {};
    };
    let of = |system: &SystemMetrics, slice: &Slice| {
        let mut slices = system.slices.iter();
        slices
            .find(|other| (other.by, &other.value) == (slice.by, &slice.value))
            .and_then(|slice| slice.recall_at_10.or(slice.recall))
    };
    let rows = |slice: &Slice| {
        html! {
            th scope="row" { (name(slice)) }
            @for system in systems { (cell(of(system, slice), None)) }
        }
    };
    let cut_off = match last.slices.iter().any(|slice| slice.recall_at_10.is_some()) {
        true => "Recall@10",
        false => "Recall among the candidates",
    };
    let headings = ["Attributes"]
        .into_iter()
        .chain(systems.iter().map(|system| system.name.as_str()));
    html! {
        details {
            summary { "All systems: " (cut_off) }
            (table(
                "slices-systems-table",
                &format!("{cut_off} over the pairs of these attributes, in percent."),
                &head(headings),
                &groups(&last.slices, systems.len() + 1, &rows),
            ))
        }
    }
}

/// Rows in groups of what the slices are by, each under a heading that spans the table.
fn groups(slices: &[Slice], columns: usize, row: &dyn Fn(&Slice) -> Markup) -> Markup {
    html! {
        @for group in slices.chunk_by(|a, b| a.by == b.by) {
            tbody {
                @if let Some(heading) = heading(group[0].by) {
                    tr.group { th scope="rowgroup" colspan=(columns) { (heading) } }
                }
                @for slice in group { tr { (row(slice)) } }
            }
        }
    }
}

fn heading(by: SliceBy) -> Option<&'static str> {
    match by {
        SliceBy::All => None,
        SliceBy::Kind => Some("By kind"),
        SliceBy::TrainingJobs => Some("By the number of training jobs that have the attribute"),
    }
}

fn name(slice: &Slice) -> String {
    match (slice.by, slice.value.as_str()) {
        (SliceBy::All, _) => "all".to_owned(),
        (SliceBy::Kind, "") => "without a kind".to_owned(),
        (SliceBy::Kind, kind) => kind.replace('_', " "),
        (SliceBy::TrainingJobs, "0") => "0 (never seen in training)".to_owned(),
        (SliceBy::TrainingJobs, range) => range.replace('-', "–"),
    }
}
