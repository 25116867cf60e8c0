//! Writes the prepared data as ordinary input files.

use std::fs;
use std::path::Path;

use jobmatch_records::{Definition, Split};
use serde::Serialize;

use crate::error::{Error, Result};
use crate::prepare::Prepared;

/// What the licence of the data asks everyone to say who passes it on.
pub const ATTRIBUTION: &str = "Includes information from the O*NET Database by the U.S. Department \
of Labor, Employment and Training Administration (USDOL/ETA). Used under the CC BY 4.0 license. \
O*NET(R) is a trademark of USDOL/ETA. This project has modified all or some of this information. \
USDOL/ETA has not approved, endorsed, or tested these modifications.";

#[derive(Serialize)]
struct DefinitionRow<'a> {
    attribute_id: &'a str,
    kind: &'a str,
    name: &'a str,
    definition: &'a str,
}

impl Prepared {
    /// The files that [`write`](Self::write) writes.
    pub const FILES: [&'static str; 5] = [
        "definitions.tsv",
        "jobs.csv",
        "labels.csv",
        "golden_labels.csv",
        "README.md",
    ];

    /// Writes `definitions.tsv` (without quoting), `jobs.csv`, `labels.csv` (train and dev),
    /// `golden_labels.csv` and a `README.md` with the attribution into a folder that is there.
    ///
    /// # Errors
    /// When a file cannot be written.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let (golden, others): (Vec<_>, Vec<_>) = self
            .labels
            .iter()
            .partition(|label| label.split == Split::Golden);
        definitions_table(&folder.join("definitions.tsv"), &self.definitions)?;
        let columns = ["job_id", "split", "group_id", "source", "title", "text"];
        table(&folder.join("jobs.csv"), b',', &columns, &self.jobs)?;
        let columns = ["job_id", "attribute_id", "start", "end"];
        table(&folder.join("labels.csv"), b',', &columns, others)?;
        table(&folder.join("golden_labels.csv"), b',', &columns, golden)?;
        let readme = folder.join("README.md");
        fs::write(&readme, self.readme()).map_err(|source| Error::Io {
            action: "write it",
            path: readme,
            source,
        })
    }

    fn readme(&self) -> String {
        let report = &self.report;
        let splits = [
            ("train", &report.train),
            ("dev", &report.dev),
            ("golden", &report.golden),
        ];
        let mut rows = String::new();
        for (name, split) in splits {
            rows.push_str(&format!(
                "| {name} | {} | {} | {} | {} | {} |\n",
                split.groups, split.profiles, split.postings, split.positives, split.label_rows
            ));
        }
        format!(
            "# Occupations to detailed work activities\n\n\
             {ATTRIBUTION}\n\n\
             An attribute is a detailed work activity. A job is an occupation's profile, or a\n\
             posting put together from some of its tasks: the wording of title, description and\n\
             tasks is O*NET's, the frame around them is not, and these are no real ads. A label is\n\
             an activity of a task that the job shows; `start` and `end` are the half-open byte\n\
             range of the task in the job's `text`, and several tasks for one pair are several rows.\n\
             Labels are sparse: an activity that a task also shows may be unlabelled.\n\n\
             Groups of occupations are split whole. {} of {} tasks were dropped because another\n\
             split shows them, or near copies. {} activities have labels in golden and none in train.\n\n\
             | split | groups | profiles | postings | pairs | label rows |\n\
             | --- | --- | --- | --- | --- | --- |\n{rows}\n\
             `labels.csv` holds train and dev, `golden_labels.csv` golden. Use `{{name}}` as passage.\n",
            report.tasks_dropped_as_copies, report.tasks, report.golden_attributes_unseen_in_train
        )
    }
}

/// Writes `definitions.tsv`.
pub(crate) fn definitions_table(path: &Path, definitions: &[Definition]) -> Result<()> {
    let rows = definitions.iter().map(|definition| DefinitionRow {
        attribute_id: &definition.attribute_id,
        kind: definition.kind.as_deref().unwrap_or(""),
        name: &definition.name,
        definition: &definition.definition,
    });
    table(
        path,
        b'\t',
        &["attribute_id", "kind", "name", "definition"],
        rows,
    )
}

fn table<R: Serialize>(
    path: &Path,
    delimiter: u8,
    columns: &[&str],
    rows: impl IntoIterator<Item = R>,
) -> Result<()> {
    let failed = |source: csv::Error| Error::Io {
        action: "write it",
        path: path.to_owned(),
        source: source.into(),
    };
    let style = if delimiter == b'\t' {
        csv::QuoteStyle::Never
    } else {
        csv::QuoteStyle::Necessary
    };
    let mut writer = csv::WriterBuilder::new()
        .delimiter(delimiter)
        .quote_style(style)
        // Written by hand, so that a table without rows still says what it would hold.
        .has_headers(false)
        .from_path(path)
        .map_err(failed)?;
    writer.write_record(columns).map_err(failed)?;
    for row in rows {
        writer.serialize(row).map_err(failed)?;
    }
    writer.flush().map_err(|source| failed(source.into()))
}
