//! The result in one sentence.

use jobmatch_metrics::Interval;

use super::MAIN;
use crate::numbers::{Evaluated, SystemMetrics};

/// The last system beside the best of the others, on [`MAIN`], and its F1 at the decision.
pub(crate) fn verdict(evaluated: &Evaluated, systems: &[SystemMetrics]) -> String {
    let Some((last, others)) = systems.split_last() else {
        return String::new();
    };
    let percent = |value: f64| format!("{:.1} %", value * 100.0);
    let main = MAIN.to_string();
    let mut sentence = format!("On {} {} jobs", evaluated.jobs, evaluated.split.name());
    if let Some(reached) = last.ranking.get(&main) {
        sentence.push_str(&format!(
            ", {} reaches {} R-precision@5",
            last.name,
            percent(*reached)
        ));
        if let Some(Interval { lower, upper, .. }) = last.intervals.get(&main) {
            sentence.push_str(&format!(
                " (95 % interval {:.1} to {:.1})",
                lower * 100.0,
                upper * 100.0
            ));
        }
        let best = best(others, |system| system.ranking.get(&main).copied());
        if let Some((reached, name)) = best {
            sentence.push_str(&format!(" against {} by {name}", percent(reached)));
        }
    }
    if let Some(decided) = &last.decided {
        sentence.push_str(&format!("; F1 {}", percent(decided.quality.f1)));
    }
    sentence.push('.');
    sentence
}

/// The highest of a number over systems, with the system's name.
pub(crate) fn best(
    systems: &[SystemMetrics],
    number: impl Fn(&SystemMetrics) -> Option<f64>,
) -> Option<(f64, &str)> {
    let known = systems
        .iter()
        .filter_map(|system| Some((number(system)?, system.name.as_str())));
    known.max_by(|a, b| a.0.total_cmp(&b.0))
}
