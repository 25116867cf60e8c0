//! The table of checks.

use std::fs;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use anyhow::Result;
use serde::Serialize;

/// What came of a check.
#[derive(Debug, Serialize)]
pub struct Outcome {
    figure: String,
    bound: String,
    verdict: Verdict,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Held,
    Failed,
    /// A figure without a bound.
    Measured,
    Absent,
}

impl Outcome {
    pub fn held(figure: impl Into<String>, bound: impl Into<String>) -> Self {
        Self::judged(figure, bound, true)
    }

    pub fn judged(figure: impl Into<String>, bound: impl Into<String>, held: bool) -> Self {
        Self {
            figure: figure.into(),
            bound: bound.into(),
            verdict: if held { Verdict::Held } else { Verdict::Failed },
        }
    }

    pub fn measured(figure: impl Into<String>) -> Self {
        Self {
            figure: figure.into(),
            bound: String::new(),
            verdict: Verdict::Measured,
        }
    }

    pub fn absent(why: &str) -> Self {
        Self {
            figure: why.lines().next().unwrap_or_default().to_owned(),
            bound: String::new(),
            verdict: Verdict::Absent,
        }
    }
}

#[derive(Debug, Serialize)]
struct Row {
    check: String,
    #[serde(flatten)]
    outcome: Outcome,
}

#[derive(Debug, Default, Serialize)]
pub struct Report {
    rows: Vec<Row>,
}

impl Report {
    /// Runs a check; one that breaks is a failed row, and the others go on.
    pub fn run(&mut self, check: &str, work: impl FnOnce() -> Result<Outcome>) {
        self.run_all(check, || Ok(vec![(check.to_owned(), work()?)]));
    }

    /// Runs a check that gives several rows.
    pub fn run_all(&mut self, check: &str, work: impl FnOnce() -> Result<Vec<(String, Outcome)>>) {
        // What libtorch refuses inside tch is a panic.
        let outcome = catch_unwind(AssertUnwindSafe(work));
        let rows = match outcome {
            Ok(Ok(rows)) => rows,
            Ok(Err(error)) => vec![failed(check, format!("{error:#}"))],
            Err(_) => vec![failed(check, "it panicked; its log says why".to_owned())],
        };
        for (check, outcome) in rows {
            println!("{check}: {}", outcome.figure);
            self.rows.push(Row { check, outcome });
        }
    }

    pub fn all_held(&self) -> bool {
        let failed = |row: &Row| row.outcome.verdict == Verdict::Failed;
        !self.rows.iter().any(failed)
    }

    /// As Markdown.
    pub fn table(&self) -> String {
        let mut text = "\n| check | figure | bound | |\n| --- | --- | --- | --- |\n".to_owned();
        for row in &self.rows {
            let Outcome {
                figure,
                bound,
                verdict,
            } = &row.outcome;
            let verdict = format!("{verdict:?}").to_lowercase();
            let figure = figure.replace(['|', '\n'], " ");
            text += &format!("| {} | {figure} | {bound} | {verdict} |\n", row.check);
        }
        text
    }

    pub fn write(&self, folder: &Path) -> io::Result<()> {
        fs::create_dir_all(folder)?;
        fs::write(folder.join("table.md"), self.table())?;
        let text = serde_json::to_string_pretty(&self.rows)?;
        fs::write(folder.join("report.json"), text + "\n")
    }
}

fn failed(check: &str, why: String) -> (String, Outcome) {
    (check.to_owned(), Outcome::judged(why, "", false))
}
