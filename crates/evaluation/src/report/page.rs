//! The page itself.

use std::fmt::Write as _;

use super::ReportContext;
use super::chart::{self, Line};
use super::html::{cell, entry, escape, percent, round, signed};
use super::jobs::worst;
use crate::Result;
use crate::evaluate::Evaluation;
use crate::numbers::{CurveRow, Metrics, QualityRow, SystemMetrics};

/// Columns of the table of systems: measure, its heading.
const COLUMNS: [(&str, &str); 5] = [
    ("r_precision@5", "R-precision@5"),
    ("recall@10", "Recall@10"),
    ("recall@100", "Recall@100"),
    ("reciprocal_rank", "MRR"),
    ("ndcg@10", "nDCG@10"),
];

/// The whole page.
pub(crate) fn page(evaluation: &Evaluation, context: &ReportContext) -> Result<String> {
    let metrics = &evaluation.metrics;
    let title = match context.title.as_str() {
        "" => format!("Evaluation on {}", metrics.evaluated.split.name()),
        title => format!("{title}: evaluation on {}", metrics.evaluated.split.name()),
    };
    let title = escape(&title);
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <title>{title}</title>\n<style>\n{}</style>\n</head>\n<body>\n<main>\n<h1>{title}</h1>\n\
         <p class=\"verdict\">{}</p>\n",
        include_str!("style.css"),
        escape(&metrics.verdict)
    );
    html.push_str(&notes(metrics));
    html.push_str(&systems(metrics));
    html.push_str(&charts(metrics, evaluation.decision.threshold)?);
    html.push_str(&decision(evaluation));
    html.push_str(&tables(metrics));
    html.push_str(&evaluated(evaluation, context));
    html.push_str(&worst(&evaluation.worst));
    html.push_str("</main>\n<footer>\n");
    if !context.attribution.is_empty() {
        let _ = writeln!(html, "<p>{}</p>", escape(&context.attribution));
    }
    html.push_str("<p>Every number of this page stands in <code>metrics.json</code> beside it.</p>\n</footer>\n</body>\n</html>\n");
    Ok(html)
}

/// What a reader must know before trusting the numbers.
fn notes(metrics: &Metrics) -> String {
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
        notes.push("The decision was chosen on these very jobs, so its numbers are better here than elsewhere.".to_owned());
    }
    match &metrics.leaks {
        None => notes.push(
            "What the models learned from is not known, so it could not be checked that these jobs are new to them.".to_owned(),
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
        .iter()
        .map(|note| format!("<p class=\"quiet\">{}</p>\n", escape(note)))
        .collect()
}

fn systems(metrics: &Metrics) -> String {
    let columns: Vec<_> = COLUMNS
        .iter()
        .filter(|(measure, _)| {
            metrics
                .systems
                .iter()
                .any(|system| system.ranking.contains_key(*measure))
        })
        .collect();
    let mut html = String::from(
        "<h2>Systems</h2>\n<div class=\"wide\"><table>\n\
         <caption>In percent, means over jobs; below, 95 % intervals by group. F1: over all pairs, decided by each \
         system's own threshold chosen on dev.</caption>\n<thead><tr><th scope=\"col\">System</th>",
    );
    for (_, heading) in &columns {
        let _ = write!(html, "<th scope=\"col\">{heading}</th>");
    }
    html.push_str("<th scope=\"col\">Precision</th><th scope=\"col\">Recall</th><th scope=\"col\">F1</th></tr></thead>\n<tbody>\n");
    for (number, system) in metrics.systems.iter().enumerate() {
        let class = if number + 1 == metrics.systems.len() {
            " class=\"last\""
        } else {
            ""
        };
        let _ = write!(
            html,
            "<tr{class}><th scope=\"row\" title=\"{}\">{}</th>",
            escape(&system.what),
            escape(&system.name)
        );
        for (measure, _) in &columns {
            let value = system.ranking.get(*measure).copied();
            html.push_str(&cell(value, system.intervals.get(*measure)));
        }
        let quality = system.decided.map(|decided| decided.quality);
        html.push_str(&cell(quality.map(|quality| quality.precision), None));
        html.push_str(&cell(quality.map(|quality| quality.recall), None));
        html.push_str(&cell(
            quality.map(|quality| quality.f1),
            system.intervals.get("f1"),
        ));
        html.push_str("</tr>\n");
    }
    html.push_str("</tbody></table></div>\n<ul class=\"quiet\">\n");
    for system in &metrics.systems {
        let _ = writeln!(
            html,
            "<li>{}: {}.</li>",
            escape(&system.name),
            escape(&system.what)
        );
    }
    for difference in &metrics.differences {
        let interval = difference.interval.map_or(String::new(), |interval| {
            let clear = if interval.lower > 0.0 || interval.upper < 0.0 {
                "a clear difference"
            } else {
                "no clear difference"
            };
            format!(
                " (95 % interval {} to {}: {clear})",
                signed(interval.lower),
                signed(interval.upper)
            )
        });
        let _ = writeln!(
            html,
            "<li>{} minus {}, R-precision@5: {} points{interval}.</li>",
            escape(&difference.system),
            escape(&difference.with),
            signed(difference.difference)
        );
    }
    let ceiling = &metrics.ceiling;
    let _ = write!(
        html,
        "<li>Ceiling: the {} candidates of a job hold {} % of the positives{}.</li>\n</ul>\n",
        ceiling.candidates,
        percent(ceiling.recall),
        match metrics.evaluated.reranked_pairs {
            0 => String::new(),
            _ => format!(
                "; the first {}, which the cross-encoder sees, {} %",
                metrics.retrieval.rerank_depth,
                percent(ceiling.reranked_recall)
            ),
        }
    );
    html
}

fn charts(metrics: &Metrics, threshold: f32) -> Result<String> {
    let Some(last) = metrics.systems.last() else {
        return Ok(String::new());
    };
    let over = |value: fn(&CurveRow) -> f64| {
        last.curve
            .iter()
            .map(|row| (f64::from(row.threshold), value(row)))
            .collect()
    };
    let named = |name: &str, points| Line {
        name: name.to_owned(),
        points,
    };
    let by_threshold = [
        named("F1", over(|row| row.f1)),
        named("precision", over(|row| row.precision)),
        named("recall", over(|row| row.recall)),
    ];
    let by_recall: Vec<Line> = metrics
        .systems
        .iter()
        .rev()
        .map(|system| {
            named(
                &system.name,
                system
                    .curve
                    .iter()
                    .map(|row| (row.recall, row.precision))
                    .collect(),
            )
        })
        .collect();
    let mark = f64::from(threshold);
    let left = chart::lines(
        "F1 over the threshold",
        ("threshold on the final score", "share"),
        1.0,
        &by_threshold,
        Some(mark),
    )?;
    let right = chart::lines(
        "precision and recall",
        ("recall", "precision"),
        1.0,
        &by_recall,
        None,
    )?;
    let best = last.decided.map_or(String::new(), |decided| {
        format!(
            " At the decision's threshold {:.3}, F1 is {} %.",
            decided.threshold,
            percent(decided.quality.f1)
        )
    });
    Ok(format!(
        "<h2>Curves</h2>\n<div class=\"charts\">\n{}{}</div>\n",
        figure(
            &left,
            &by_threshold,
            &format!(
                "{} over its threshold; the vertical line is the decision.{best}",
                last.name
            )
        ),
        figure(
            &right,
            &by_recall,
            "Precision and recall over all pairs, for every threshold."
        )
    ))
}

fn figure(svg: &str, lines: &[Line], caption: &str) -> String {
    let keys: String = lines
        .iter()
        .enumerate()
        .map(|(number, line)| {
            let number = number % chart::COLOURS.len();
            format!(
                "<span class=\"key k{number}\"></span>{}",
                escape(&line.name)
            )
        })
        .collect();
    format!(
        "<figure>{svg}<figcaption class=\"quiet\">{keys}<br>{}</figcaption></figure>\n",
        escape(caption)
    )
}

fn decision(evaluation: &Evaluation) -> String {
    let decision = &evaluation.decision;
    let promise = &decision.promise;
    let retrieval = &decision.retrieval;
    let mut html = String::from("<h2>Decision</h2>\n<dl>\n");
    html.push_str(&entry(
        "Query",
        &format!(
            "{} unit, {} attributes each",
            retrieval.unit, retrieval.sentence_top_k
        ),
    ));
    html.push_str(&entry(
        "Candidates per job",
        &retrieval.candidates.to_string(),
    ));
    if decision.cross_encoder.is_some() {
        html.push_str(&entry(
            "Re-ranked per job",
            &retrieval.rerank_depth.to_string(),
        ));
        let alpha = format!(
            "{} bi-encoder, {} cross-encoder",
            decision.alpha,
            round(1.0 - decision.alpha)
        );
        html.push_str(&entry(
            "Weights",
            &format!("{alpha} ({})", promise.alpha_rule),
        ));
    }
    html.push_str(&entry(
        "Threshold",
        &format!(
            "{:.4} on the final score ({})",
            decision.threshold, promise.threshold_rule
        ),
    ));
    html.push_str(&entry(
        "Chosen on",
        &format!(
            "{} jobs of {} ({}), {} positives",
            promise.jobs,
            promise.split.name(),
            promise.part,
            promise.positives
        ),
    ));
    html.push_str(&entry(
        "There it gave",
        &format!(
            "precision {} %, recall {} %, F1 {} %",
            percent(promise.precision),
            percent(promise.recall),
            percent(promise.f1)
        ),
    ));
    html.push_str("</dl>\n");
    html
}

fn tables(metrics: &Metrics) -> String {
    let mut html = String::from("<h2>Thresholds and first N</h2>\n");
    let headings = "<th scope=\"col\">Precision</th><th scope=\"col\">Recall</th><th scope=\"col\">F1</th>\
                    <th scope=\"col\">Mean precision</th><th scope=\"col\">Mean recall</th><th scope=\"col\">Mean F1</th>\
                    <th scope=\"col\">Decided</th>";
    let _ = write!(
        html,
        "<div class=\"wide\"><table>\n<caption>A threshold set by hand on the job's best cosine, bi-encoder alone, in percent \
         over all pairs, and means over jobs. What one threshold gives differs widely between models.</caption>\n\
         <thead><tr><th scope=\"col\">Cosine</th>{headings}</tr></thead>\n<tbody>\n"
    );
    for at in &metrics.cosine_thresholds {
        html.push_str(&quality(&format!("{:.2}", at.threshold), &at.quality));
    }
    html.push_str("</tbody></table></div>\n");
    if let Some(last) = metrics.systems.last() {
        let _ = write!(
            html,
            "<h3>First N of each job</h3>\n<div class=\"wide\"><table>\n<caption>{}: the first N attributes of each job, in \
             percent.</caption>\n<thead><tr><th scope=\"col\">N</th>{headings}</tr></thead>\n<tbody>\n",
            escape(&last.name)
        );
        for at in &last.top_n {
            html.push_str(&quality(&at.n.to_string(), &at.quality));
        }
        html.push_str("</tbody></table></div>\n");
        html.push_str(&unseen(&metrics.systems));
    }
    html
}

fn unseen(systems: &[SystemMetrics]) -> String {
    let Some(known) = systems.iter().find_map(|system| system.unseen.as_ref()) else {
        return String::new();
    };
    let mut html = format!(
        "<h3>Attributes never seen in training</h3>\n<div class=\"wide\"><table>\n<caption>{} attributes, {} positive pairs; \
         in percent of these pairs.</caption>\n<thead><tr><th scope=\"col\">System</th><th scope=\"col\">Recall@10</th>\
         <th scope=\"col\">Among candidates</th></tr></thead>\n<tbody>\n",
        known.attributes, known.positives
    );
    for system in systems {
        let unseen = system.unseen.as_ref();
        let _ = writeln!(
            html,
            "<tr><th scope=\"row\">{}</th>{}{}</tr>",
            escape(&system.name),
            cell(unseen.map(|unseen| unseen.recall_at_10), None),
            cell(unseen.map(|unseen| unseen.recall), None)
        );
    }
    html.push_str("</tbody></table></div>\n");
    html
}

fn quality(name: &str, quality: &QualityRow) -> String {
    let values = [
        quality.precision,
        quality.recall,
        quality.f1,
        quality.macro_precision,
        quality.macro_recall,
        quality.macro_f1,
    ];
    let cells: String = values
        .iter()
        .map(|value| cell(Some(*value), None))
        .collect();
    format!(
        "<tr><th scope=\"row\">{name}</th>{cells}<td>{}</td></tr>\n",
        quality.decided
    )
}

fn evaluated(evaluation: &Evaluation, context: &ReportContext) -> String {
    let e = &evaluation.metrics.evaluated;
    let mut html = String::from("<h2>What was evaluated</h2>\n<dl>\n");
    for (name, value) in [
        (
            "Jobs",
            format!(
                "{} of {} in {} ({} groups)",
                e.jobs,
                e.jobs_in_split,
                e.split.name(),
                e.groups
            ),
        ),
        ("Attributes", e.attributes.to_string()),
        ("Positive pairs", e.positives.to_string()),
        (
            "Searched texts",
            format!("{} ({} distinct)", e.queries, e.distinct_texts),
        ),
        ("Candidates", e.candidates.to_string()),
        ("Pairs re-ranked", e.reranked_pairs.to_string()),
        ("Training jobs known", e.training_jobs.to_string()),
    ] {
        html.push_str(&entry(name, &value));
    }
    if let Some(proof) = &evaluation.metrics.proof {
        let value = format!(
            "{} % of {} positives with labelled evidence show a sentence that is part of it",
            percent(proof.share),
            proof.pairs
        );
        html.push_str(&entry("Right proof", &value));
    }
    html.push_str(&entry("Bi-encoder", &evaluation.decision.bi_encoder));
    if let Some(cross) = &evaluation.decision.cross_encoder {
        html.push_str(&entry("Cross-encoder", cross));
    }
    for (name, value) in &context.lineage {
        html.push_str(&entry(name, value));
    }
    html.push_str("</dl>\n");
    html
}
