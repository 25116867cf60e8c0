//! Retrieves, re-ranks, decides and measures.

// Named before all others, so that the linker meets libtorch before FAISS's BLAS: libtorch then keeps its own
// matrix products instead of taking the system's, which are several times slower for it.
extern crate jobmatch_retrieval as _;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::Context;
use jobmatch_artifact::{Artifact, Begin, Identity, Input, begin};
use jobmatch_biencoder::BiEncoder;
use jobmatch_encoder::Precision;
use jobmatch_evaluation::{
    Decision, EvaluationConfig, How, Inputs, Models, PairScorer, PassageIndex, QueryEmbedder,
    ReportContext, evaluate,
};
use jobmatch_records::{
    PassageTemplate, ReadOptions, Sentence, Split, read_definitions, read_jobs, read_labels,
    read_shards,
};
use jobmatch_stage::{self as stage, Common, Telemetry};
use jobmatch_stages_model::{Embedder, Fingerprints, Scorer, StepProgress, decision_file};
use serde::{Deserialize, Serialize};

/// Retrieve, re-rank, decide and measure
#[derive(Debug, clap::Parser)]
#[command(name = "jobmatch-evaluate", version)]
#[command(group = clap::ArgGroup::new("how").required(true).args(["choose", "decision"]))]
struct Arguments {
    /// Jobs
    #[arg(long, value_name = "FILE")]
    jobs: PathBuf,
    /// Labels; several files may be given
    #[arg(long, value_name = "FILE", required = true, num_args = 1..)]
    labels: Vec<PathBuf>,
    /// The attributes' definitions
    #[arg(long, value_name = "FILE")]
    definitions: PathBuf,
    /// The jobs that are measured: dev or golden
    #[arg(long, value_name = "SPLIT", value_parser = ["dev", "golden"])]
    split: String,
    /// The jobs' sentences: the output of jobmatch-segment; absent: they are found here
    #[arg(long, value_name = "DIR")]
    sentences: Option<PathBuf>,
    /// The bi-encoder: minilm, e5-base-v2, or a folder
    #[arg(long, value_name = "NAME|DIR")]
    biencoder: String,
    /// The bi-encoder's index: the output of jobmatch-index; absent: passages are embedded here
    #[arg(long, value_name = "DIR")]
    index: Option<PathBuf>,
    /// The cross-encoder; absent: retrieval alone is measured
    #[arg(long, value_name = "NAME|DIR")]
    crossencoder: Option<String>,
    /// Choose the decision on these jobs
    #[arg(long)]
    choose: bool,
    /// Apply a decision: decision.json, or the evaluation folder that holds it
    #[arg(long, value_name = "FILE|DIR")]
    decision: Option<PathBuf>,
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
    /// How passages are written; absent: as in the index, else as the model was trained, else "{name}: {definition}"
    #[arg(long, value_name = "TEXT")]
    template: Option<PassageTemplate>,
    /// The report's title
    #[arg(long, value_name = "TEXT")]
    title: Option<String>,
    /// The attribution that the data's licence asks for, at the report's foot
    #[arg(long, value_name = "TEXT")]
    attribution: Option<String>,
    /// The numbers that the cross-encoder computes with: float32, bfloat16, float16 or int8 [default: float32]
    #[arg(long, value_name = "KIND", value_parser = ["float32", "bfloat16", "float16", "int8"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    rerank_precision: Option<String>,
    #[command(flatten)]
    evaluation: EvaluationFlags,
}

#[derive(Debug, clap::Args, Serialize)]
struct EvaluationFlags {
    /// What is searched with: each sentence, or the whole job [default: sentence]
    #[arg(long, value_name = "UNIT", value_parser = ["sentence", "job"])]
    #[serde(skip_serializing_if = "Option::is_none")]
    unit: Option<String>,
    /// Candidates kept per job
    #[arg(long, value_name = "K")]
    #[serde(skip_serializing_if = "Option::is_none")]
    candidates: Option<usize>,
    /// Candidates of a job that the cross-encoder scores
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    rerank_depth: Option<usize>,
    /// Measure only so many jobs: a fixed part, drawn evenly from all groups
    #[arg(long, value_name = "N")]
    #[serde(skip_serializing_if = "Option::is_none")]
    limit_jobs: Option<usize>,
    /// With --choose: the threshold that promises this recall of a new group of jobs [default: the one with the best F1]
    #[arg(long, value_name = "RECALL", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    promise_recall: Option<f64>,
    /// How sure promises are [default: 0.95]
    #[arg(long, value_name = "SHARE", value_parser = stage::finite)]
    #[serde(skip_serializing_if = "Option::is_none")]
    promise_confidence: Option<f64>,
    /// Measure golden jobs all the same that are near copies of jobs that the models learned from
    #[arg(long)]
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    allow_leak: bool,
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Config {
    template: Option<PassageTemplate>,
    title: Option<String>,
    attribution: Option<String>,
    rerank_precision: Precision,
    evaluation: EvaluationConfig,
}

fn main() -> ExitCode {
    stage::run("jobmatch-evaluate", work)
}

fn work() -> anyhow::Result<()> {
    let arguments: Arguments = stage::parse();
    stage::init_logging(&arguments.common);
    let mut settings = stage::resolve::<Config>(&arguments.common, &arguments.flags)?;
    settings.config.evaluation.seed = settings.seed;
    settings.config.evaluation.validate()?;
    let mut telemetry = Telemetry::start("evaluate");

    let split: Split = arguments.split.parse().map_err(anyhow::Error::msg)?;
    let embedder = Embedder(BiEncoder::load(&arguments.biencoder)?);
    let scorer = arguments
        .crossencoder
        .as_deref()
        .map(|model| Scorer::load(model, settings.config.rerank_precision))
        .transpose()?;
    let index = arguments.index.as_deref().map(Artifact::open).transpose()?;
    let sentences = arguments
        .sentences
        .as_deref()
        .map(Artifact::open)
        .transpose()?;
    let decision = arguments.decision.as_deref().map(decision_file);
    let models = [Some(&arguments.biencoder), arguments.crossencoder.as_ref()];
    let learned = Fingerprints::of_models(models.into_iter().flatten().map(String::as_str))?;
    let mut identity = identity(
        &arguments,
        &settings,
        &embedder,
        scorer.as_ref(),
        [&index, &sentences],
        decision.as_deref(),
    )?;
    identity.inputs.extend(learned.input());
    let learned = learned.files();
    let lineage: Vec<(String, String)> = identity
        .inputs
        .iter()
        .map(|input| (input.role.clone(), input.digest.clone()))
        .collect();
    let draft = match begin(&arguments.output, identity)? {
        Begin::Done(artifact) => {
            stage::already_done(&artifact);
            return Ok(());
        }
        Begin::Work(draft) => draft,
    };

    let Config {
        template,
        title,
        attribution,
        evaluation,
        ..
    } = settings.config;
    let options = ReadOptions::default();
    let (jobs, _) = read_jobs(&arguments.jobs, &options)?;
    let (labels, _) = read_labels(&arguments.labels, &options)?;
    let definitions = read_definitions(&arguments.definitions, &options)?;
    let sentences = sentences
        .map(|artifact| {
            read_shards::<Sentence>(artifact.dir(), "sentences")?.collect::<Result<Vec<_>, _>>()
        })
        .transpose()?;
    let decision = decision.as_deref().map(Decision::read).transpose()?;

    let mut progress = StepProgress::default();
    let mut hear = |step, done, total| progress.hear(step, done, total);
    telemetry.phase("passages");
    let passages = match index {
        Some(index) => {
            let passages = PassageIndex::load(index.dir())?;
            let template = template.unwrap_or_else(|| passages.about().template.clone());
            passages.check_definitions(&definitions, &template)?;
            passages
        }
        None => {
            let template = template
                .or_else(|| embedder.0.template().cloned())
                .unwrap_or_default();
            PassageIndex::build(&definitions, &template, &embedder, "Flat", &mut hear)?
        }
    };
    telemetry.phase("evaluate");
    let inputs = Inputs {
        split,
        jobs: &jobs,
        sentences: sentences.as_deref(),
        labels: &labels,
        learned: &learned,
        definitions: Some(&definitions),
    };
    let models = Models {
        passages: &passages,
        embedder: &embedder,
        scorer: scorer.as_ref().map(|scorer| scorer as &dyn PairScorer),
    };
    let how = decision.as_ref().map_or(How::Choose, How::Apply);
    let done = evaluate(&inputs, &models, how, &evaluation, &mut hear)?;
    progress.finish();

    let context = ReportContext {
        title: title.unwrap_or_else(|| format!("Evaluation on {}", arguments.split)),
        lineage,
        attribution: attribution.unwrap_or_default(),
    };
    done.write(draft.dir(), &context)?;
    draft.write_json("report.json", &done.decision)?;
    stage::publish(draft, &mut telemetry)?;
    Ok(())
}

fn identity(
    arguments: &Arguments,
    settings: &stage::Settings<Config>,
    embedder: &Embedder,
    scorer: Option<&Scorer>,
    [index, sentences]: [&Option<Artifact>; 2],
    decision: Option<&Path>,
) -> anyhow::Result<Identity> {
    let model = |role: &str, fingerprint: &str| Input {
        role: role.to_owned(),
        digest: fingerprint.to_owned(),
    };
    let mut inputs = vec![
        Input::file("jobs", &arguments.jobs)?,
        Input::file("definitions", &arguments.definitions)?,
    ];
    for labels in &arguments.labels {
        let name = labels.file_name().unwrap_or_default().to_string_lossy();
        inputs.push(Input::file(&format!("labels {name}"), labels)?);
    }
    inputs.extend(
        sentences
            .as_ref()
            .map(|artifact| Input::artifact("sentences", artifact)),
    );
    inputs.push(model("biencoder", embedder.fingerprint()));
    inputs.extend(
        index
            .as_ref()
            .map(|artifact| Input::artifact("index", artifact)),
    );
    inputs.extend(scorer.map(|scorer| model("crossencoder", scorer.fingerprint())));
    if let Some(path) = decision {
        inputs.push(
            Input::file("decision", path)
                .context("the decision is made by `jobmatch-evaluate --choose` on dev")?,
        );
    }
    let mut config = settings.json()?;
    if let Some(config) = config.as_object_mut() {
        config.insert("split".to_owned(), arguments.split.clone().into());
    }
    Ok(Identity {
        stage: "evaluate".to_owned(),
        program_version: env!("CARGO_PKG_VERSION").to_owned(),
        config,
        seed: settings.seed,
        inputs,
    })
}
