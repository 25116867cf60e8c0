//! Every attribute by itself, to be sorted and filtered. Without the script all rows are there, in one order.

use std::collections::BTreeSet;

use maud::{Markup, html};

use super::html::{Section, cell, count};
use crate::numbers::{AttributeRow, Metrics};

/// A column: its heading, and whether it holds words or numbers. The script reads both.
struct Column {
    heading: &'static str,
    words: bool,
}

/// The section.
pub(crate) fn section(metrics: &Metrics) -> Section {
    let attributes = &metrics.attributes;
    let last = metrics.systems.last().map_or("", |system| &system.name);
    Section {
        id: "attributes",
        heading: "Attributes",
        body: html! {
            p.quiet {
                "Each attribute that an evaluated job has, or that was decided for one: " (count(attributes.len() as u64))
                ". Under " (last) ", at the decision's threshold, in percent; AP is the average precision over jobs."
            }
            (controls(attributes))
            (table(attributes))
        },
    }
}

/// Shown by the script, which they need.
fn controls(attributes: &[AttributeRow]) -> Markup {
    let kinds: BTreeSet<&str> = attributes.iter().map(kind).collect();
    html! {
        div.controls id="attributes-controls" hidden {
            p {
                label for="attributes-words" { "Name or id contains" }
                input type="search" id="attributes-words" autocomplete="off" spellcheck="false";
            }
            @if has_kinds(attributes) {
                p {
                    label for="attributes-kind" { "Kind" }
                    select id="attributes-kind" {
                        option value="" { "all kinds" }
                        @for kind in kinds { option value=(kind) { (kind) } }
                    }
                }
            }
            p.count id="attributes-count" role="status" aria-live="polite" {}
            p { button type="button" id="attributes-all" aria-pressed="false" { "Show all" } }
        }
    }
}

fn table(attributes: &[AttributeRow]) -> Markup {
    let kinds = has_kinds(attributes);
    let training = attributes.iter().any(|row| row.training_jobs.is_some());
    let words = |heading| Column {
        heading,
        words: true,
    };
    let number = |heading| Column {
        heading,
        words: false,
    };
    let mut columns = vec![words("Attribute"), words("Id")];
    columns.extend(kinds.then(|| words("Kind")));
    columns.extend(training.then(|| number("Training jobs")));
    columns.extend(
        [
            "Positives",
            "Decided",
            "Right",
            "Wrong",
            "Missed",
            "Precision",
            "Recall",
            "F1",
            "AP",
        ]
        .map(number),
    );
    // Those that most jobs have come first, since they weigh most in every number above.
    let mut sorted: Vec<&AttributeRow> = attributes.iter().collect();
    sorted.sort_by_key(|row| std::cmp::Reverse(row.positives));
    html! {
        div.wide.tall tabindex="0" role="group" aria-labelledby="attributes-table-caption" {
            table id="attributes-table" {
                caption id="attributes-table-caption" { "Attributes one by one" }
                thead {
                    tr {
                        @for column in &columns {
                            @let sorted = (column.heading == "Positives").then_some("descending");
                            th scope="col" class=[column.words.then_some("words")] aria-sort=[sorted] {
                                (column.heading)
                            }
                        }
                    }
                }
                tbody {
                    @for row in sorted {
                        tr {
                            th scope="row" { (row.name) }
                            td.id { (row.attribute_id) }
                            @if kinds { td.words { (kind(row)) } }
                            @if training {
                                td { @if let Some(jobs) = row.training_jobs { (count(jobs)) } @else { "–" } }
                            }
                            td { (count(row.positives)) }
                            td { (count(row.decided)) }
                            td { (count(row.true_positives)) }
                            td { (count(row.false_positives)) }
                            td { (count(row.false_negatives)) }
                            (cell(row.precision, None))
                            (cell(row.recall, None))
                            (cell(Some(row.f1), None))
                            (cell(row.average_precision, None))
                        }
                    }
                }
            }
        }
    }
}

fn has_kinds(attributes: &[AttributeRow]) -> bool {
    attributes.iter().any(|row| row.kind.is_some())
}

fn kind(row: &AttributeRow) -> &str {
    row.kind.as_deref().unwrap_or("–")
}
