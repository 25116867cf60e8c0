//! Reads what the stages measured, and what they took, into the closing tables.
//!
//! `metrics.json` is what `jobmatch-evaluation` writes (its `Metrics`). What is not there becomes a dash in the table: a table with a gap says more than a failed command.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::Preset;
use super::stages::{BEFORE, Plan, RESULT, Stage};
use super::table::Table;

/// The rows of the table: title, stage, and the system's name in that stage's `metrics.json`.
const SYSTEMS: [(&str, &str, &str); 5] = [
    ("BM25", RESULT, "bm25"),
    ("bi-encoder before training", BEFORE, "bi-encoder"),
    ("trained, whole jobs at once", RESULT, "bi-encoder-by-job"),
    ("bi-encoder after training", RESULT, "bi-encoder"),
    ("with the cross-encoder", RESULT, "two-stage"),
];

/// The columns: title, and where the value stands in a system's part of `metrics.json`.
const MEASURES: [(&str, &str); 6] = [
    ("RP@5", "/ranking/r_precision@5"),
    ("recall@10", "/ranking/recall@10"),
    ("recall@100", "/ranking/recall@100"),
    ("MRR", "/ranking/reciprocal_rank"),
    ("nDCG@10", "/ranking/ndcg@10"),
    ("F1", "/decided/quality/f1"),
];

/// The table of the golden split, in percent, with what a reader must know about it.
pub fn quality(plan: &Plan) -> String {
    let mut head = vec!["golden split, %"];
    head.extend(MEASURES.map(|(title, _)| title));
    let mut table =
        Table::new::<{ MEASURES.len() + 1 }>(head.try_into().unwrap_or([""; MEASURES.len() + 1]));
    for (title, stage, system) in SYSTEMS {
        let metrics = metrics(plan, stage);
        let mut cells = vec![title.to_owned()];
        cells.extend(MEASURES.map(|(_, measure)| {
            let mut systems = metrics["systems"].as_array().into_iter().flatten();
            let found = systems.find(|found| found["name"] == system);
            let value = found.and_then(|found| found.pointer(measure)?.as_f64());
            value.map_or("-".into(), |value| format!("{:.1}", 100.0 * value))
        }));
        table.row(cells);
    }
    let mut text = table.render();
    text.push_str(
        "F1: over all pairs, each system decided by its own threshold, which was chosen on dev.\n",
    );
    let metrics = metrics(plan, RESULT);
    if let Some(verdict) = metrics["verdict"].as_str() {
        text.push_str(&format!("{verdict}\n"));
    }
    let evaluated = &metrics["evaluated"];
    let counts = (
        evaluated["jobs"].as_u64(),
        evaluated["jobs_in_split"].as_u64(),
    );
    if let (Some(jobs), Some(all)) = counts {
        let (jobs, all) = (grouped(jobs), grouped(all));
        text.push_str(&format!("Measured on {jobs} of the split's {all} jobs.\n"));
    }
    if plan.preset == Preset::Quick {
        text.push_str(
            "Preset quick: fewer training steps, a fixed part of the jobs, and fewer candidates re-ranked; \
             --preset full takes everything.\n",
        );
    }
    text
}

/// The table of what each stage took when its artifact was made, be it now or in an earlier run.
pub fn cost(stages: &[Stage]) -> String {
    let mut table = Table::new(["stage", "wall s", "peak MiB"]);
    let mut total = 0.0;
    for stage in stages {
        let row = telemetry(stage);
        let wall = row["wall_seconds"].as_f64();
        total += wall.unwrap_or(0.0);
        let peak = row["peak_memory_bytes"].as_u64();
        table.row(vec![
            stage.name.into(),
            wall.map_or("-".into(), |wall| format!("{wall:.1}")),
            peak.map_or("-".into(), |bytes| grouped(bytes >> 20)),
        ]);
    }
    table.row(vec!["all".into(), format!("{total:.1}"), String::new()]);
    table.render()
}

/// What the stage worked on, as `4,615 jobs, 41,230 pairs`.
pub fn counts(stage: &Stage) -> String {
    let row = telemetry(stage);
    let items = row["items"].as_object().into_iter().flatten();
    let counts: Vec<String> = items
        .filter_map(|(what, count)| Some(format!("{} {what}", grouped(count.as_u64()?))))
        .collect();
    counts.join(", ")
}

fn metrics(plan: &Plan, stage: &str) -> Value {
    json(&plan.output.join(stage).join("metrics.json"), |text| {
        Some(text)
    })
}

/// The last row of the stage's telemetry.
fn telemetry(stage: &Stage) -> Value {
    json(&stage.output.join("telemetry.jsonl"), |text| {
        text.lines().last()
    })
}

fn json(path: &Path, part: impl FnOnce(&str) -> Option<&str>) -> Value {
    let text = fs::read_to_string(path).unwrap_or_default();
    part(&text)
        .and_then(|text| serde_json::from_str(text).ok())
        .unwrap_or_default()
}

/// A number with commas between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::super::data::Data;
    use super::super::stages;
    use super::*;

    fn with_plan(output: &Path, check: impl Fn(&Plan)) {
        let nowhere = PathBuf::from("/nowhere");
        check(&Plan {
            data: &Data::Onet,
            preset: Preset::Quick,
            seed: 1,
            output,
            model: &nowhere,
            onet: &nowhere,
        });
    }

    fn write(path: &Path, text: &str) {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    #[test]
    fn the_table_takes_each_row_from_its_stage_and_shows_gaps() {
        let folder = tempfile::tempdir().unwrap();
        write(
            &folder.path().join(RESULT).join("metrics.json"),
            r#"{"verdict": "Better.", "evaluated": {"jobs": 300, "jobs_in_split": 1005}, "systems": [
                {"name": "bm25", "ranking": {"recall@10": 0.2}, "decided": null},
                {"name": "bi-encoder-by-job", "ranking": {"recall@10": 0.31}, "decided": null},
                {"name": "bi-encoder", "ranking": {"recall@10": 0.334}, "decided": {"quality": {"f1": 0.5}}}]}"#,
        );
        write(
            &folder.path().join(BEFORE).join("metrics.json"),
            r#"{"systems": [{"name": "bi-encoder", "ranking": {"recall@10": 0.285}}]}"#,
        );
        with_plan(folder.path(), |plan| {
            let text = quality(plan);
            let lines: Vec<&str> = text.lines().collect();
            let cells = |line: usize| lines[line].split_whitespace().rev().collect::<Vec<_>>();
            assert_eq!(cells(2)[..6], ["-", "-", "-", "-", "20.0", "-"]);
            assert_eq!(cells(3)[..6], ["-", "-", "-", "-", "28.5", "-"]);
            assert_eq!(cells(4)[..6], ["-", "-", "-", "-", "31.0", "-"]);
            assert_eq!(cells(5)[..6], ["50.0", "-", "-", "-", "33.4", "-"]);
            assert_eq!(cells(6)[..6], ["-"; 6]);
            assert!(text.contains("300 of the split's 1,005 jobs"));
            assert!(text.contains("Better.") && text.contains("Preset quick"));
        });
    }

    #[test]
    fn costs_come_from_the_last_row_of_the_telemetry() {
        let folder = tempfile::tempdir().unwrap();
        write(
            &folder.path().join("segment/telemetry.jsonl"),
            "{\"wall_seconds\":99.0}\n{\"wall_seconds\":1.25,\"peak_memory_bytes\":2147483648,\
             \"items\":{\"jobs\":4615}}\n",
        );
        with_plan(folder.path(), |plan| {
            let stages = stages::stages(plan);
            let text = cost(&stages);
            let cells = |name| {
                let line = text.lines().find(|line| line.starts_with(name)).unwrap();
                line.split_whitespace()
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            };
            assert_eq!(cells("segment"), ["segment", "1.2", "2,048"]);
            assert_eq!(cells("dataset"), ["dataset", "-", "-"]);
            assert_eq!(cells("all"), ["all", "1.2"]);
            assert_eq!(counts(&stages[1]), "4,615 jobs");
            assert_eq!(counts(&stages[2]), "");
        });
    }
}
