//! Embeds the attributes' passages into a FAISS index.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS: libtorch then keeps its own
// matrix products instead of taking the system's, which are several times slower for it.
extern crate jobmatch_retrieval as _;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::ExitCode;

use jobmatch_artifact::{Artifact, Begin, Identity, Input, begin};
use jobmatch_biencoder::BiEncoder;
use jobmatch_evaluation::{EmbeddedPassages, IndexAbout, PassageIndex, Updated};
use jobmatch_records::{PassageTemplate, ReadOptions, read_definitions};
use jobmatch_stage::{self as stage, Common, Telemetry};
use jobmatch_stages_model::{Embedder, StepProgress};
use serde::{Deserialize, Serialize};

/// Embed the attributes' passages into a FAISS index
#[derive(Debug, clap::Parser)]
#[command(name = "jobmatch-index", version)]
struct Arguments {
    /// The bi-encoder: minilm, e5-base-v2, or a folder
    #[arg(long, value_name = "NAME|DIR")]
    model: String,
    /// The attributes' definitions
    #[arg(long, value_name = "FILE")]
    definitions: PathBuf,
    /// An index of the same model and factory: only passages that are new in it or changed are embedded
    #[arg(long, value_name = "DIR")]
    update: Option<PathBuf>,
    /// The folder to make
    #[arg(long, value_name = "DIR")]
    output: PathBuf,
    #[command(flatten)]
    flags: Flags,
    #[command(flatten)]
    common: Common,
}

#[derive(Debug, clap::Args, Serialize)]
struct Flags {
    /// FAISS's description of the index, such as Flat or HNSW32 [default: Flat]
    #[arg(long, value_name = "TEXT")]
    factory: Option<String>,
    /// How passages are written; absent: as the model was trained, else "{name}: {definition}"
    #[arg(long, value_name = "TEXT")]
    template: Option<PassageTemplate>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    factory: String,
    template: Option<PassageTemplate>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            factory: "Flat".to_owned(),
            template: None,
        }
    }
}

/// Where recall is measured when the index is not exact.
const RECALL_AT: [usize; 3] = [1, 10, 100];
/// Passages that are searched for then.
const RECALL_QUERIES: usize = 1000;

/// `report.json`.
#[derive(Debug, Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    about: &'a IndexAbout,
    /// By k, against the exact index; of an index that is not exact and was built, not updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    recall: Option<BTreeMap<usize, f64>>,
    /// Of an index that was updated.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated: Option<Updated>,
}

fn main() -> ExitCode {
    stage::run("jobmatch-index", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    let mut telemetry = Telemetry::start("index");

    let old = arguments
        .update
        .as_deref()
        .map(Artifact::open)
        .transpose()?;
    let embedder = Embedder(BiEncoder::load(&arguments.model)?);
    let mut inputs = vec![
        Input {
            role: "model".to_owned(),
            digest: embedder.0.fingerprint().to_owned(),
        },
        Input::file("definitions", &arguments.definitions)?,
    ];
    inputs.extend(old.as_ref().map(|old| Input::artifact("index", old)));
    let identity = Identity {
        stage: "index".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config: settings.json()?,
        seed: settings.seed,
        inputs,
    };
    let draft = match begin(&arguments.output, identity)? {
        Begin::Done(artifact) => {
            stage::already_done(&artifact);
            return Ok(());
        }
        Begin::Work(draft) => draft,
    };

    let Config { factory, template } = settings.config;
    let template = template
        .or_else(|| embedder.0.template().cloned())
        .unwrap_or_default();
    let definitions = read_definitions(&arguments.definitions, &ReadOptions::default())?;
    let mut progress = StepProgress::default();
    let hear = &mut |step, done, total| progress.hear(step, done, total);
    let (index, recall, updated) = if let Some(old) = old {
        let old = PassageIndex::load(old.dir())?;
        anyhow::ensure!(
            old.about().factory == factory,
            "the index to update is {}, and the factory is {factory}: give --factory {}, or build anew without --update",
            old.about().factory,
            old.about().factory,
        );
        let (index, updated) = old.update(&definitions, &template, &embedder, hear)?;
        let Updated {
            kept,
            embedded,
            removed,
        } = updated;
        tracing::info!("passages kept {kept}, embedded {embedded}, removed {removed}");
        (index, None, Some(updated))
    } else {
        let embedded = EmbeddedPassages::embed(&definitions, &template, &embedder, hear)?;
        let index = embedded.index(&factory)?;
        let recall = if index.vectors().is_exact() {
            None
        } else {
            let seed = settings.seed;
            let recall = embedded.recall(&index, &embedder, RECALL_QUERIES, seed, &RECALL_AT)?;
            for (k, recall) in &recall {
                tracing::info!("recall@{k} {recall:.4} against the exact index");
            }
            Some(recall)
        };
        (index, recall, None)
    };
    progress.finish();
    index.save(draft.dir())?;
    telemetry.count("passages", definitions.len() as u64);
    let about = index.about();
    draft.write_json(
        "report.json",
        &Report {
            about,
            recall,
            updated,
        },
    )?;
    stage::publish(draft, &mut telemetry)?;
    Ok(())
}
