//! A file of texts to their embeddings: unit by unit, on one process or several.

mod lines;
mod npy;

use std::path::{Path, PathBuf};

use jobmatch_artifact::Work;
use jobmatch_encoder::{Embedder, InferenceConfig, Precision, TokenBudget, TokenUsage};
use jobmatch_records::{Columns, EmbeddingWriter, OnBadRow, ReadOptions, Text, TextReader};
use jobmatch_stage::Progress;
use serde::{Deserialize, Serialize};

use crate::units::{heard, in_units, write_rejected};

pub use lines::embed_lines;

/// What the output holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// `part-*.parquet` with `id` and `vector`.
    Parquet,
    /// `vectors.npy` and `ids.jsonl`.
    Npy,
}

/// The settings of the embed stage.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What the output holds.
    pub format: Format,
    /// What stands before each text: `query` or `passage`, as the model's folder says, or `none`. Absent: the model's default
    /// prompt, which most have not.
    pub prompt: Option<String>,
    /// A prompt of one's own, in place of the model's.
    pub prompt_text: Option<String>,
    /// The numbers the model computes with.
    pub precision: Precision,
    /// Whether a text's embedding must not depend on the texts beside it, on a GPU too.
    pub batch_invariant: bool,
    /// Only the first so many numbers of an embedding.
    pub dimensions: Option<usize>,
    /// Tokens and rows of one pass; absent: what suits the device.
    pub budget: Option<TokenBudget>,
    /// Texts longer than the model takes are computed in windows that share so many tokens, and their vector is the mean of the
    /// windows', weighted by tokens. Absent: they are cut.
    pub window_stride: Option<usize>,
    /// Rows of one unit of work, and of one file.
    pub rows_per_file: usize,
    /// Which of the file's columns holds which of ours, such as `id = "job_id"`.
    pub columns: Columns,
    /// Whether a bad row ends the run (`stop`) or goes to `rejected.jsonl` (`skip`).
    pub on_bad_row: OnBadRow,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            format: Format::Parquet,
            prompt: None,
            prompt_text: None,
            precision: Precision::default(),
            batch_invariant: false,
            dimensions: None,
            budget: None,
            window_stride: None,
            rows_per_file: 16_384,
            columns: Columns::default(),
            on_bad_row: OnBadRow::Stop,
        }
    }
}

impl Config {
    /// How the model computes.
    pub fn inference(&self) -> InferenceConfig {
        InferenceConfig {
            precision: self.precision,
            budget: self.budget,
            batch_invariant: self.batch_invariant,
            dimensions: self.dimensions,
        }
    }

    /// What stands before each text.
    ///
    /// # Errors
    /// When `prompt` names none of the model's.
    pub fn prompt_of(&self, embedder: &Embedder) -> anyhow::Result<String> {
        let folder = embedder.folder();
        if let Some(text) = &self.prompt_text {
            return Ok(text.clone());
        }
        Ok(match self.prompt.as_deref() {
            None => folder.default_prompt().to_owned(),
            Some("none") => String::new(),
            Some("query") => folder.prompts.query.clone(),
            Some("passage") => folder.prompts.passage.clone(),
            Some(other) => anyhow::bail!(
                "setting `prompt`: `{other}` is none of query, passage and none; give a text of your own as `prompt_text`"
            ),
        })
    }
}

/// What was embedded: the stage's `report.json`.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Rows embedded.
    pub rows: u64,
    /// Tokens of their texts, special tokens and prompts included.
    pub tokens: u64,
    /// Rows that were set aside.
    pub rejected_rows: u64,
    /// Numbers in a vector.
    pub dimension: usize,
    /// What stood before each text.
    pub prompt: String,
}

/// What one unit came to.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
struct Unit {
    rows: u64,
    tokens: u64,
}

/// Embeds the texts of `input` in `work`. Each process reads all of it and embeds its units; the first gets the report, others
/// get none. The bytes do not depend on the number of processes, or on interruptions.
///
/// # Errors
/// A setting that makes no sense, a bad row unless it is to be skipped, and what cannot be written.
pub fn embed(
    embedder: &Embedder,
    input: &Path,
    config: &Config,
    work: &Work,
) -> anyhow::Result<Option<Report>> {
    let prompt = config.prompt_of(embedder)?;
    let options = ReadOptions {
        columns: config.columns.clone(),
        on_bad_row: config.on_bad_row,
    };
    let mut reader = TextReader::open(input, &options)?;
    let progress = Progress::new("embedding", "texts", None);
    let size = config.rows_per_file;
    let units = in_units(&mut reader, "embed", size, work, |number, texts| {
        embed_unit(embedder, &prompt, config, number, texts, work, &progress)
    })?;
    progress.finish();
    let Some(units) = units else {
        return Ok(None);
    };
    let mut report = Report {
        dimension: embedder.dimension(),
        prompt,
        rejected_rows: write_rejected(reader.rejected(), work)?,
        ..Report::default()
    };
    for unit in &units {
        report.rows += unit.rows;
        report.tokens += unit.tokens;
    }
    if config.format == Format::Npy {
        npy::join(work, units.len() as u64, report.rows, report.dimension)?;
    }
    work.write_json("report.json", &report)?;
    Ok(Some(report))
}

fn embed_unit(
    embedder: &Embedder,
    prompt: &str,
    config: &Config,
    number: u64,
    texts: &[Text],
    work: &Work,
    progress: &Progress,
) -> anyhow::Result<(Vec<PathBuf>, Unit)> {
    let refs: Vec<&str> = texts.iter().map(|text| text.text.as_str()).collect();
    let ids: Vec<&str> = texts.iter().map(|text| text.id.as_str()).collect();
    let (values, usage) = vectors(embedder, prompt, config, &refs, &mut heard(progress))?;
    let files = match config.format {
        Format::Parquet => {
            let path = work.path(&format!("part-{number:05}.parquet"))?;
            let mut writer = EmbeddingWriter::create(&path, embedder.dimension())?;
            writer.write(&ids, &values)?;
            writer.finish()?;
            vec![path]
        }
        Format::Npy => npy::write_unit(work, number, &ids, &values)?,
    };
    let unit = Unit {
        rows: texts.len() as u64,
        tokens: usage.tokens,
    };
    Ok((files, unit))
}

/// The vectors of texts, cut or in windows.
fn vectors(
    embedder: &Embedder,
    prompt: &str,
    config: &Config,
    texts: &[&str],
    progress: &mut dyn FnMut(usize),
) -> jobmatch_encoder::Result<(Vec<f32>, TokenUsage)> {
    match config.window_stride {
        Some(stride) => embedder.embed_long(prompt, texts, stride, progress),
        None => embedder.embed(prompt, texts, progress),
    }
}
