//! The top of the page: the verdict, the main numbers, and what a reader must know before trusting them.

use maud::{Markup, html};

use super::html::{count, measure_name, percent, percent_sign, range};
use crate::measure::best;
use crate::numbers::{Metrics, SystemMetrics};

/// The verdict with the main numbers of the last system.
pub(crate) fn overview(metrics: &Metrics) -> Markup {
    html! {
        p.verdict { (metrics.verdict) }
        @if let Some((last, others)) = metrics.systems.split_last() {
            dl.tiles { (tiles(last, others, metrics)) }
        }
        @let notes = notes(metrics);
        @if !notes.is_empty() {
            ul.quiet { @for note in &notes { li { (note) } } }
        }
    }
}

fn tiles(last: &SystemMetrics, others: &[SystemMetrics], metrics: &Metrics) -> Markup {
    let ranking =
        |measure: &'static str| move |system: &SystemMetrics| system.ranking.get(measure).copied();
    let f1 = |system: &SystemMetrics| system.decided.map(|decided| decided.quality.f1);
    let tile = |name: &str, measure: &str, of: &dyn Fn(&SystemMetrics) -> Option<f64>| {
        html! {
            @if let Some(value) = of(last) {
                div {
                    dt { (name) " " small { (measure_name(measure)) } }
                    dd {
                        strong { (percent_sign(value)) } " "
                        @if let Some(interval) = last.intervals.get(measure) { (range(interval)) }
                        @if let Some((value, name)) = best(others, of) {
                            br; small { (name) " " (percent(value)) }
                        }
                    }
                }
            }
        }
    };
    html! {
        (tile("Right among the first 5", "r_precision@5", &ranking("r_precision@5")))
        (tile("Found among the first 10", "recall@10", &ranking("recall@10")))
        (tile("Decided: right and complete", "f1", &f1))
        @if let Some(proof) = &metrics.proof {
            div {
                dt { "Right sentence shown" " " small { "as proof" } }
                dd {
                    strong { (percent_sign(proof.share)) } br;
                    small { "of " (count(proof.pairs as u64)) " pairs with evidence" }
                }
            }
        }
    }
}

fn notes(metrics: &Metrics) -> Vec<String> {
    let e = &metrics.evaluated;
    let mut notes = Vec::new();
    if e.jobs_left_out > 0 {
        notes.push(format!(
            "A part of the jobs: {} of {}, drawn evenly over groups with seed {}.",
            e.jobs,
            e.jobs + e.jobs_left_out,
            e.seed
        ));
    }
    if metrics.chosen_here {
        notes.push(
            "The decision was chosen on these very jobs, so its numbers are better here than elsewhere."
                .to_owned(),
        );
    }
    match &metrics.leaks {
        None => notes.push(
            "What the models learned from is not known, so it could not be checked that these jobs are new to them."
                .to_owned(),
        ),
        Some(check) if !check.leaks.is_empty() => notes.push(format!(
            "{} of these jobs are near copies of jobs that the models learned from: what is measured on them says little.",
            check.leaks.len()
        )),
        Some(_) => {}
    }
    if e.jobs_set_aside > 0 {
        notes.push(format!(
            "{} jobs are set aside for selecting models.",
            e.jobs_set_aside
        ));
    }
    if e.jobs_without_sentences > 0 {
        notes.push(format!(
            "{} jobs have no sentence: nothing is found for them, and they count as misses.",
            e.jobs_without_sentences
        ));
    }
    if e.jobs_without_positives > 0 {
        notes.push(format!(
            "{} jobs have no positive label: they count in precision, not in means over jobs.",
            e.jobs_without_positives
        ));
    }
    notes
}
