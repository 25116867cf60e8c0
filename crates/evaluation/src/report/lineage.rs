//! What was evaluated on what, and with which decision.

use maud::{Markup, html};

use super::ReportContext;
use super::html::{Section, count, entry, percent_sign, round};
use crate::evaluate::Evaluation;

/// The section.
pub(crate) fn section(evaluation: &Evaluation, context: &ReportContext) -> Section {
    Section {
        id: "lineage",
        heading: "What was evaluated on what",
        body: html! {
            h3 { "Data" }
            dl { (data(evaluation)) }
            h3 { "Decision" }
            dl { (decision(evaluation)) }
            h3 { "Models and files" }
            dl.digests {
                (entry("Bi-encoder", &evaluation.decision.bi_encoder))
                @if let Some(cross) = &evaluation.decision.cross_encoder {
                    (entry("Cross-encoder", cross))
                }
                @for (name, value) in &context.lineage { (entry(name, value)) }
            }
        },
    }
}

fn data(evaluation: &Evaluation) -> Markup {
    let e = &evaluation.metrics.evaluated;
    let jobs = format!(
        "{} of {} in {} ({} groups)",
        count(e.jobs as u64),
        count(e.jobs_in_split as u64),
        e.split.name(),
        count(e.groups as u64)
    );
    let texts = format!(
        "{} ({} distinct)",
        count(e.queries as u64),
        count(e.distinct_texts as u64)
    );
    html! {
        (entry("Jobs", jobs))
        (entry("Attributes", count(e.attributes as u64)))
        (entry("Positive pairs", count(e.positives as u64)))
        (entry("Searched texts", texts))
        (entry("Candidates", count(e.candidates as u64)))
        (entry("Pairs re-ranked", count(e.reranked_pairs as u64)))
        (entry("Training jobs known", count(e.training_jobs as u64)))
        @if let Some(check) = &evaluation.metrics.leaks {
            (entry("Near copies of learned jobs", format!(
                "{} among these, compared with {} jobs that the models learned from",
                count(check.leaks.len() as u64),
                count(check.learned_jobs)
            )))
        }
        @if let Some(proof) = &evaluation.metrics.proof {
            (entry("Right proof", format!(
                "{} of {} positives with labelled evidence show a sentence that is part of it",
                percent_sign(proof.share),
                count(proof.pairs as u64)
            )))
        }
    }
}

fn decision(evaluation: &Evaluation) -> Markup {
    let decision = &evaluation.decision;
    let promise = &decision.promise;
    let retrieval = &decision.retrieval;
    let query = format!(
        "{} unit, {} attributes each",
        retrieval.unit, retrieval.sentence_top_k
    );
    let weights = format!(
        "{} bi-encoder, {} cross-encoder ({})",
        decision.alpha,
        round(1.0 - decision.alpha),
        promise.alpha_rule
    );
    html! {
        (entry("Query", query))
        (entry("Candidates per job", count(retrieval.candidates as u64)))
        @if decision.cross_encoder.is_some() {
            (entry("Re-ranked per job", count(retrieval.rerank_depth as u64)))
            (entry("Weights", weights))
        }
        (entry("Threshold", format!(
            "{:.4} on the final score ({})",
            decision.threshold, promise.threshold_rule
        )))
        (entry("Chosen on", format!(
            "{} jobs of {} ({}), {} positives",
            count(promise.jobs as u64),
            promise.split.name(),
            promise.part,
            count(promise.positives)
        )))
        (entry("There it gave", format!(
            "precision {}, recall {}, F1 {}",
            percent_sign(promise.precision),
            percent_sign(promise.recall),
            percent_sign(promise.f1)
        )))
    }
}
