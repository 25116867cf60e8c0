//! The stages in their order, each with its program and arguments. Whoever adds a stage or a flag does it here.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;

use super::Preset;
use super::data::{Data, Inputs};

/// The stage whose report is the result.
pub const RESULT: &str = "evaluate-trained-golden";

/// The stage that compares the two.
pub const COMPARISON: &str = "compare";

/// The stage that measures the model as it came.
pub const BEFORE: &str = "evaluate-stock-golden";

/// What decides the stages' arguments.
pub struct Plan<'a> {
    /// The data.
    pub data: &'a Data,
    /// How much is trained on and measured.
    pub preset: Preset,
    /// Seed of every stage.
    pub seed: u64,
    /// Folder of all outputs; each stage's own is named like the stage.
    pub output: &'a Path,
    /// Folder of the model to begin with.
    pub model: &'a Path,
    /// Folder of the O*NET source files.
    pub onet: &'a Path,
}

/// How much a preset trains on and measures; `None` is everything.
struct Sizes {
    /// Optimizer steps of the bi-encoder, and of the cross-encoder.
    biencoder_steps: Option<u32>,
    crossencoder_steps: Option<u32>,
    /// Tokens to which training cuts its inputs.
    max_tokens: Option<u32>,
    /// Jobs measured of each split: a fixed part, drawn evenly from all groups.
    jobs: Option<u32>,
    /// How many of a job's candidates the cross-encoder scores.
    rerank_depth: u32,
}

const QUICK: Sizes = Sizes {
    biencoder_steps: Some(150),
    crossencoder_steps: Some(400),
    max_tokens: Some(128),
    jobs: Some(300),
    rerank_depth: 20,
};

const FULL: Sizes = Sizes {
    biencoder_steps: None,
    crossencoder_steps: None,
    max_tokens: None,
    jobs: None,
    rerank_depth: 50,
};

/// All stages of `plan`, in the order in which they run.
pub fn stages(plan: &Plan) -> Vec<Stage> {
    let sizes = match plan.preset {
        Preset::Quick => &QUICK,
        Preset::Full => &FULL,
    };
    let stage = |name: &'static str, program: &'static str| Stage::new(name, program, plan);
    let prepared;
    let (first, inputs) = match plan.data {
        Data::Files { inputs, .. } => (None, inputs),
        Data::Onet => {
            let onet = stage("onet", "jobmatch-onet")
                .with("--tasks", plan.onet.join("Task_DWA.csv"))
                .with("--occupations", plan.onet.join("Occupation Data.txt"));
            prepared = Inputs::of_onet(&onet.output);
            (Some(onet), &prepared)
        }
    };
    let segment = stage("segment", "jobmatch-segment").with("--input", &inputs.jobs);
    let dataset = stage("dataset", "jobmatch-dataset")
        .with("--jobs", &inputs.jobs)
        .with("--definitions", &inputs.definitions)
        .with_each("--labels", &inputs.labels)
        .with("--sentences", &segment.output)
        .with("--unit", "sentence")
        .with_some("--template", plan.data.template());
    let biencoder = stage("train-biencoder", "jobmatch-train-biencoder")
        .with("--dataset", &dataset.output)
        .with("--model", plan.model)
        .with("--definitions", &inputs.definitions)
        .with_some("--template", plan.data.template())
        .with_size("--max-steps", sizes.biencoder_steps)
        .with_size("--max-tokens", sizes.max_tokens);
    let biencoder_model = biencoder.output.join("model");
    let index = stage("index", "jobmatch-index")
        .with("--model", &biencoder_model)
        .with("--definitions", &inputs.definitions);
    // The cross-encoder learns what it will be asked: to put in order what the bi-encoder retrieves.
    let candidates = stage("candidates", "jobmatch-candidates")
        .with("--dataset", &dataset.output)
        .with("--sentences", &segment.output)
        .with("--model", &biencoder_model)
        .with("--definitions", &inputs.definitions)
        .with("--candidates", sizes.rerank_depth.to_string());
    let crossencoder = stage("train-crossencoder", "jobmatch-train-crossencoder")
        .with("--dataset", &candidates.output)
        .with("--model", &biencoder_model)
        .with_size("--max-steps", sizes.crossencoder_steps)
        .with_size("--max-tokens", sizes.max_tokens);
    let crossencoder_model = crossencoder.output.join("model");

    let evaluate = |name, split: &str, labels: &[PathBuf]| {
        stage(name, "jobmatch-evaluate")
            .with("--jobs", &inputs.jobs)
            .with_each("--labels", labels)
            .with("--definitions", &inputs.definitions)
            .with("--split", split)
            .with("--sentences", &segment.output)
            .with_some("--template", plan.data.template())
            .with_some("--attribution", plan.data.attribution())
            .with("--title", format!("{} on {split}", plan.data.name()))
            .with_size("--limit-jobs", sizes.jobs)
            .with("--rerank-depth", sizes.rerank_depth.to_string())
    };
    let on_dev = |name| evaluate(name, "dev", &inputs.labels).flag("--choose");
    let on_golden = |name, dev: &Stage| {
        let decision = dev.output.join("decision.json");
        evaluate(name, "golden", &inputs.labels_for_golden()).with("--decision", decision)
    };
    let stock = |stage: Stage| stage.with("--biencoder", plan.model);
    let trained = |stage: Stage| {
        stage
            .with("--biencoder", &biencoder_model)
            .with("--index", &index.output)
            .with("--crossencoder", &crossencoder_model)
    };
    let stock_dev = stock(on_dev("evaluate-stock-dev"));
    let stock_golden = stock(on_golden(BEFORE, &stock_dev));
    let trained_dev = trained(on_dev("evaluate-trained-dev"));
    let trained_golden = trained(on_golden(RESULT, &trained_dev));
    let comparison = stage(COMPARISON, "jobmatch-compare")
        .argument(&stock_golden.output)
        .argument(&trained_golden.output);

    let mut stages: Vec<Stage> = first.into_iter().collect();
    stages.extend([
        segment,
        dataset,
        // Before the training, so that labels that cannot be measured are found in seconds.
        stock_dev,
        stock_golden,
        biencoder,
        index,
        candidates,
        crossencoder,
        trained_dev,
        trained_golden,
        comparison,
    ]);
    stages
}

/// One start of one program.
pub struct Stage {
    /// The stage's name: of its output folder, its log and its line.
    pub name: &'static str,
    /// The program's name.
    pub program: &'static str,
    /// Where its artifact goes.
    pub output: PathBuf,
    arguments: Vec<OsString>,
}

impl Stage {
    fn new(name: &'static str, program: &'static str, plan: &Plan) -> Self {
        let output = plan.output.join(name);
        Self {
            name,
            program,
            output: output.clone(),
            arguments: Vec::new(),
        }
        .with("--output", output)
        .with("--seed", plan.seed.to_string())
    }

    fn flag(mut self, flag: &str) -> Self {
        self.arguments.push(flag.into());
        self
    }

    fn argument(mut self, value: impl AsRef<OsStr>) -> Self {
        self.arguments.push(value.as_ref().into());
        self
    }

    fn with(mut self, flag: &str, value: impl AsRef<OsStr>) -> Self {
        self.arguments.push(flag.into());
        self.arguments.push(value.as_ref().into());
        self
    }

    fn with_each(self, flag: &str, values: &[PathBuf]) -> Self {
        values
            .iter()
            .fold(self, |stage, value| stage.with(flag, value))
    }

    fn with_some(self, flag: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.with(flag, value),
            None => self,
        }
    }

    fn with_size(self, flag: &str, size: Option<u32>) -> Self {
        match size {
            Some(size) => self.with(flag, size.to_string()),
            None => self,
        }
    }

    /// The command that starts it, with the executable `program`.
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        command.args(&self.arguments);
        command
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan<'a>(data: &'a Data, preset: Preset) -> Plan<'a> {
        Plan {
            data,
            preset,
            seed: 7,
            output: Path::new("/out"),
            model: Path::new("/cache/models/minilm"),
            onet: Path::new("/cache/onet"),
        }
    }

    fn files() -> Data {
        Data::Files {
            name: "mine".into(),
            inputs: Inputs {
                definitions: "/in/definitions.tsv".into(),
                jobs: "/in/jobs.csv".into(),
                labels: vec!["/in/labels.csv".into(), "/in/labels.tsv".into()],
                golden_labels: Vec::new(),
            },
        }
    }

    /// The command lines by stage name.
    fn lines(data: &Data, preset: Preset) -> Vec<(&'static str, String)> {
        stages(&plan(data, preset))
            .iter()
            .map(|stage| {
                (
                    stage.name,
                    crate::process::shown(&stage.command(stage.program)),
                )
            })
            .collect()
    }

    #[test]
    fn onet_has_one_stage_more_than_files() {
        let names: Vec<_> = lines(&Data::Onet, Preset::Quick)
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(
            names,
            [
                "onet",
                "segment",
                "dataset",
                "evaluate-stock-dev",
                "evaluate-stock-golden",
                "train-biencoder",
                "index",
                "candidates",
                "train-crossencoder",
                "evaluate-trained-dev",
                "evaluate-trained-golden",
                "compare"
            ]
        );
        assert_eq!(lines(&files(), Preset::Quick).len(), names.len() - 1);
    }

    #[test]
    fn every_folder_that_a_stage_reads_was_written_by_an_earlier_one() {
        for data in [Data::Onet, files()] {
            for preset in [Preset::Quick, Preset::Full] {
                let mut written: Vec<PathBuf> = Vec::new();
                for stage in stages(&plan(&data, preset)) {
                    let read = stage.arguments.iter().map(Path::new);
                    for path in
                        read.filter(|path| path.starts_with("/out") && *path != stage.output)
                    {
                        assert!(
                            written.iter().any(|folder| path.starts_with(folder)),
                            "{path:?}"
                        );
                    }
                    assert!(!written.contains(&stage.output), "{}", stage.name);
                    written.push(stage.output);
                }
            }
        }
    }

    #[test]
    fn golden_is_measured_with_the_decision_made_on_dev_and_never_chooses() {
        for (name, line) in lines(&Data::Onet, Preset::Full) {
            let golden = line.contains("--split golden");
            assert_eq!(golden, name.ends_with("-golden"));
            assert_eq!(line.contains("--choose"), name.ends_with("-dev"));
            assert_eq!(line.contains("/decision.json"), golden);
            // Training sees no golden label.
            assert_eq!(line.contains("golden_labels.csv"), golden, "{line}");
        }
    }

    #[test]
    fn the_quick_preset_limits_and_the_full_one_does_not() {
        let limits = ["--max-steps", "--limit-jobs", "--max-tokens"];
        for limit in limits {
            let holds = |preset| {
                lines(&files(), preset)
                    .iter()
                    .any(|(_, line)| line.contains(limit))
            };
            assert!(holds(Preset::Quick) && !holds(Preset::Full), "{limit}");
        }
    }
}
