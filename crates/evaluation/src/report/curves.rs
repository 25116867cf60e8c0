//! Four charts, each with its numbers as a table.

use maud::{Markup, html};

use super::chart::{Chart, Line, XAxis};
use super::html::{Section, count, head, percent, percent_sign, table};
use crate::Result;
use crate::numbers::{CurveRow, Metrics, SystemMetrics};

/// A chart's table has about this many points of a curve; `metrics.json` has five times as many.
const TABLE_POINTS: usize = 20;

/// The section; `threshold` is the decision's.
pub(crate) fn section(metrics: &Metrics, threshold: f32) -> Result<Section> {
    let mut figures = vec![precision_recall(&metrics.systems)?];
    if let Some(last) = metrics.systems.last() {
        figures.push(over_threshold(last, threshold)?);
    }
    figures.push(recall(&metrics.systems)?);
    figures.extend(calibration(&metrics.systems)?);
    Ok(Section {
        id: "curves",
        heading: "Curves",
        body: html! { div.charts { @for figure in &figures { (figure) } } },
    })
}

/// A line for each system that has points, the last system first.
fn lines(
    systems: &[SystemMetrics],
    marked: bool,
    points: impl Fn(&SystemMetrics) -> Vec<(f64, f64)>,
) -> Vec<Line> {
    let line = |system: &SystemMetrics| Line {
        name: system.name.clone(),
        points: points(system),
        marked,
    };
    let lines = systems.iter().rev().map(line);
    lines.filter(|line| !line.points.is_empty()).collect()
}

fn precision_recall(systems: &[SystemMetrics]) -> Result<Markup> {
    let points = |system: &SystemMetrics| {
        let point = |row: &CurveRow| (row.recall, row.precision);
        system.curve.iter().map(point).collect()
    };
    let numbers = table(
        "chart-pr-table",
        "In percent over all pairs, some points of each curve.",
        &head(["System", "Threshold", "Recall", "Precision"]),
        &html! {
            @for system in systems.iter().rev() {
                tbody {
                    @for row in some(&system.curve) {
                        tr {
                            th scope="row" { (system.name) }
                            td { (threshold_text(row.threshold)) }
                            td { (percent(row.recall)) }
                            td { (percent(row.precision)) }
                        }
                    }
                }
            }
        },
    );
    Chart {
        id: "chart-pr",
        title: "Precision and recall",
        caption: "Over all pairs, for every threshold. Higher and further right is better.",
        x: XAxis::Percent,
        x_name: "recall, %",
        y_name: "precision, %",
        lines: &lines(systems, false, points),
        mark: None,
        diagonal: false,
    }
    .figure(&numbers)
}

fn over_threshold(last: &SystemMetrics, threshold: f32) -> Result<Markup> {
    let line = |name: &str, value: fn(&CurveRow) -> f64| Line {
        name: name.to_owned(),
        points: last
            .curve
            .iter()
            .map(|row| (f64::from(row.threshold), value(row)))
            .collect(),
        marked: false,
    };
    let numbers = table(
        "chart-threshold-table",
        "In percent over all pairs, some thresholds.",
        &head(["Threshold", "F1", "Precision", "Recall"]),
        &html! {
            tbody {
                @for row in some(&last.curve) {
                    tr {
                        th scope="row" { (threshold_text(row.threshold)) }
                        td { (percent(row.f1)) }
                        td { (percent(row.precision)) }
                        td { (percent(row.recall)) }
                    }
                }
            }
        },
    );
    let at_decision = last.decided.map_or(String::new(), |decided| {
        format!(", where F1 is {}", percent_sign(decided.quality.f1))
    });
    let caption = format!(
        "Everything with the threshold's score or more is decided. The vertical line is the decision, {}{at_decision}.",
        threshold_text(threshold)
    );
    let highest = last
        .curve
        .first()
        .map_or(1.0, |row| f64::from(row.threshold));
    Chart {
        id: "chart-threshold",
        title: &format!("F1 over the threshold: {}", last.name),
        caption: &caption,
        x: XAxis::Number(((highest * 10.0).ceil() / 10.0).clamp(0.1, 1.0)),
        x_name: "threshold on the final score",
        y_name: "share, %",
        lines: &[
            line("F1", |row| row.f1),
            line("precision", |row| row.precision),
            line("recall", |row| row.recall),
        ],
        mark: Some(f64::from(threshold)),
        diagonal: false,
    }
    .figure(&numbers)
}

fn recall(systems: &[SystemMetrics]) -> Result<Markup> {
    let points = |system: &SystemMetrics| {
        let curve = system.recall_curve.iter();
        curve.map(|at| (at.k as f64, at.recall)).collect()
    };
    let cut_offs: Vec<usize> = systems
        .iter()
        .map(|system| system.recall_curve.iter().map(|at| at.k).collect())
        .max_by_key(Vec::len)
        .unwrap_or_default();
    let headings = ["K"]
        .into_iter()
        .chain(systems.iter().rev().map(|system| system.name.as_str()));
    let body = html! {
        tbody {
            @for (place, k) in cut_offs.iter().enumerate() {
                tr {
                    th scope="row" { (k) }
                    @for system in systems.iter().rev() {
                        td { @if let Some(at) = system.recall_curve.get(place) { (percent(at.recall)) } }
                    }
                }
            }
        }
    };
    let numbers = table(
        "chart-recall-table",
        "In percent, means over jobs.",
        &head(headings),
        &body,
    );
    Chart {
        id: "chart-recall",
        title: "Recall among the first K",
        caption: "Which share of a job's attributes stands among its first K candidates, on average over jobs. K grows on a \
                  logarithmic scale.",
        x: XAxis::CutOffs(cut_offs),
        x_name: "K",
        y_name: "recall, %",
        lines: &lines(systems, true, points),
        mark: None,
        diagonal: false,
    }
    .figure(&numbers)
}

/// Absent when no system gives probabilities.
fn calibration(systems: &[SystemMetrics]) -> Result<Option<Markup>> {
    let points = |system: &SystemMetrics| {
        let bins = system.calibration.iter().flat_map(|it| &it.bins);
        bins.map(|bin| (bin.mean_probability, bin.observed))
            .collect()
    };
    let lines = lines(systems, true, points);
    if lines.is_empty() {
        return Ok(None);
    }
    let known: Vec<_> = systems
        .iter()
        .rev()
        .filter_map(|system| Some((&system.name, system.calibration.as_ref()?)))
        .collect();
    let summary = known.iter().map(|(name, calibration)| {
        format!(
            "{name}: Brier score {:.4}, expected calibration error {:.4}",
            calibration.brier, calibration.expected_calibration_error
        )
    });
    let caption = format!(
        "What is said with 30\u{a0}% should be right in 30\u{a0}%: the thin diagonal. Over all candidates, in ten bins. {}.",
        summary.collect::<Vec<_>>().join("; ")
    );
    let numbers = table(
        "chart-calibration-table",
        "In percent; candidates by their score, bins without one left out.",
        &head(["System", "Score", "Candidates", "Mean score", "Right"]),
        &html! {
            @for (name, calibration) in &known {
                tbody {
                    @for bin in &calibration.bins {
                        tr {
                            th scope="row" { (name) }
                            td { (format!("{:.0}–{:.0}", bin.lower * 100.0, bin.upper * 100.0)) }
                            td { (count(bin.count)) }
                            td { (percent(bin.mean_probability)) }
                            td { (percent(bin.observed)) }
                        }
                    }
                }
            }
        },
    );
    let chart = Chart {
        id: "chart-calibration",
        title: "Calibration of the scores",
        caption: &caption,
        x: XAxis::Percent,
        x_name: "mean score, %",
        y_name: "right, %",
        lines: &lines,
        mark: None,
        diagonal: true,
    };
    Ok(Some(chart.figure(&numbers)?))
}

/// Some points of a curve, evenly, with the last one.
fn some(curve: &[CurveRow]) -> impl Iterator<Item = &CurveRow> {
    let step = curve.len().div_ceil(TABLE_POINTS).max(1);
    let last = curve.len().saturating_sub(1);
    let taken = move |place: &usize| place.is_multiple_of(step) || *place == last;
    (0..curve.len()).filter(taken).map(|place| &curve[place])
}

/// Probabilities have three decimals; the scores of BM25 are larger.
fn threshold_text(threshold: f32) -> String {
    format!("{threshold:.3}")
}
