//! The result in one sentence.

use jobmatch_metrics::Interval;

use super::MAIN;
use crate::numbers::{Evaluated, SystemMetrics};

/// The result in one sentence.
pub(crate) fn verdict(evaluated: &Evaluated, systems: &[SystemMetrics]) -> String {
    let Some((last, others)) = systems.split_last() else {
        return String::new();
    };
    let percent = |value: f64| format!("{:.1} %", value * 100.0);
    let main = MAIN.to_string();
    let mut sentence = format!("On {} {} jobs", evaluated.jobs, evaluated.split.name());
    if let Some(reached) = last.ranking.get(&main) {
        sentence.push_str(&format!(
            ", {} reaches an R-precision@5 of {}",
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
        let others: Vec<String> = others
            .iter()
            .filter_map(|system| {
                Some(format!(
                    "{} {}",
                    system.name,
                    percent(*system.ranking.get(&main)?)
                ))
            })
            .collect();
        if !others.is_empty() {
            sentence.push_str(&format!(", against {}", others.join(", ")));
        }
    }
    if let Some(decided) = &last.decided {
        sentence.push_str(&format!(
            "; decided by the threshold chosen on dev, {} of what it says is right and it finds {} of what there is \
             (F1 {})",
            percent(decided.quality.precision),
            percent(decided.quality.recall),
            percent(decided.quality.f1)
        ));
    }
    sentence.push('.');
    sentence
}
