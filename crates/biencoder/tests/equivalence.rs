//! One batch is one batch: however many ranks compute it, with gradients cached or not, and with all options together.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../../torch-ext/tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{by_itself, end, folder, free_port, start};
use jobmatch_biencoder::{BiEncoderConfig, TrainableBiEncoder, TrainingData, train};
use jobmatch_encoder::ModelFolder;
use jobmatch_records::{Definition, Pair, PairSource, ParquetWriter, Positive};
use jobmatch_torch_ext::{GradScalerConfig, World};
use jobmatch_training::{OptimizerConfig, Precision, Stop, TrainerConfig};
use tch::{Device, Kind, Tensor};

const JOBS: u64 = 12;
const ATTRIBUTES: u64 = 14;
const WORDS: [&str; 6] = ["Plan", "Repair", "Review", "Teach", "Clean", "Sell"];

/// What differs between two trainings.
#[derive(Debug, Clone, Copy)]
struct Case {
    cached: bool,
    everything: bool,
    accumulation: usize,
    dropout: bool,
    precision: Precision,
}

const PLAIN: Case = Case {
    cached: false,
    everything: false,
    accumulation: 1,
    dropout: false,
    precision: Precision::Float32,
};

fn cases() -> Vec<(String, Case)> {
    let mut cases = Vec::new();
    for cached in [false, true] {
        for everything in [false, true] {
            for accumulation in [1, 2] {
                let name = format!("{cached}-{everything}-{accumulation}");
                let case = Case {
                    cached,
                    everything,
                    accumulation,
                    ..PLAIN
                };
                cases.push((name, case));
            }
        }
    }
    cases
}

fn definitions() -> Vec<Definition> {
    let text = |number: u64| {
        WORDS[number as usize % 6].to_owned() + " reports".repeat(1 + number as usize % 4).as_str()
    };
    (0..ATTRIBUTES)
        .map(|number| Definition {
            attribute_id: format!("a{number}"),
            name: text(number),
            definition: text(number + 1),
            kind: None,
            aliases: Vec::new(),
        })
        .collect()
}

/// Writes a data set with hard negatives, of texts of many lengths, and a model without dropout (`still`) and with it (`moving`).
fn write_inputs(folder: &Path) {
    let pairs: Vec<Pair> = (0..60)
        .flat_map(|number| {
            let job = number * 7 % JOBS;
            let text = format!(
                "{} {}",
                WORDS[number as usize % 6],
                "contracts for errors ".repeat(1 + number as usize % 5)
            );
            let pair = move |pair_id, attribute: u64, label| Pair {
                pair_id,
                job_id: format!("j{job}"),
                sentence_index: Some(number as u32),
                start: None,
                end: None,
                attribute_id: format!("a{}", attribute % ATTRIBUTES),
                text: text.clone(),
                passage: String::new(),
                label,
                source: if label > 0.5 {
                    PairSource::Evidence
                } else {
                    PairSource::Hard
                },
                alignment_score: None,
                positive_id: (label < 0.5).then_some(number),
            };
            // One negative or two, or none.
            let negatives =
                (0..number % 3).map(|each| (100 + number * 2 + each, number * 5 + 3 + each, 0.0));
            let all: Vec<_> = std::iter::once((number, number * 3, 1.0))
                .chain(negatives)
                .collect();
            all.into_iter()
                .map(move |(id, attribute, label)| pair(id, attribute, label))
                .collect::<Vec<_>>()
        })
        .collect();
    let is_positive = |pair: &&Pair| pair.label > 0.5;
    let positives: Vec<Positive> = pairs
        .iter()
        .filter(is_positive)
        .map(|pair| Positive {
            job_id: pair.job_id.clone(),
            text_digest: blake3::hash(pair.text.as_bytes()).to_hex().to_string(),
            attribute_id: pair.attribute_id.clone(),
        })
        .collect();
    for part in ["train", "dev_sample", "positives"] {
        fs::create_dir(folder.join(part)).unwrap();
    }
    let path = |part: &str| folder.join(part).join("part-00000.parquet");
    let dev: Vec<Pair> = pairs.iter().filter(is_positive).take(9).cloned().collect();
    for (part, rows) in [("train", &pairs), ("dev_sample", &dev)] {
        let mut writer = ParquetWriter::create(&path(part)).unwrap();
        writer.write(rows).unwrap();
        writer.finish().unwrap();
    }
    let mut writer = ParquetWriter::create(&path("positives")).unwrap();
    writer.write(&positives).unwrap();
    writer.finish().unwrap();

    let source = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../fixtures/models/tiny-bert"
    ));
    for (name, share) in [("still", 0.0), ("moving", 0.1)] {
        let target = folder.join(name);
        copy(source, &target);
        let config = fs::read_to_string(target.join("config.json")).unwrap();
        let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
        config["hidden_dropout_prob"] = share.into();
        config["attention_probs_dropout_prob"] = share.into();
        fs::write(target.join("config.json"), config.to_string()).unwrap();
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(path, target).unwrap();
        }
    }
}

/// All weights after four steps, in one row, and the last step's loss and gradient norm.
fn trained(world: &World, folder: &Path, case: Case) -> (Tensor, [f64; 2]) {
    // Small enough that no step of fp16 is skipped.
    let loss_scale = GradScalerConfig {
        initial_scale: 256.0,
        ..GradScalerConfig::default()
    };
    let config = BiEncoderConfig {
        batch_size: 16,
        max_steps: Some(4),
        epochs: 9,
        symmetric: case.everything,
        mask_known_positives: case.everything,
        hard_negatives: if case.everything { 2 } else { 0 },
        matryoshka_dimensions: if case.everything {
            vec![32, 8]
        } else {
            Vec::new()
        },
        cached_gradients: case.cached,
        // Some ten chunks, of which none holds all texts of a rank.
        chunk_tokens: 48,
        trainer: TrainerConfig {
            optimizer: OptimizerConfig {
                learning_rate: 1e-3,
                ..OptimizerConfig::default()
            },
            accumulation: case.accumulation,
            precision: case.precision,
            loss_scale,
            ..TrainerConfig::default()
        },
        ..BiEncoderConfig::default()
    };
    let template = "{name}".parse().unwrap();
    let mut data = TrainingData::open(folder, &definitions(), &template, &config, 3).unwrap();
    let name = if case.dropout { "moving" } else { "still" };
    let model = ModelFolder::open(folder.join(name).to_str().unwrap()).unwrap();
    let mut model = TrainableBiEncoder::from_folder(model, Device::Cpu).unwrap();
    // Autocast leaves float64 alone.
    if case.precision == Precision::Float32 {
        model.set_kind(Kind::Double);
    }
    let mut last = [f64::NAN; 2];
    let hear = &mut |row: &jobmatch_training::StepRow, _, _| {
        last = [row.loss.unwrap(), row.gradient_norm.unwrap()];
    };
    // The dev set is evaluated in float32, and the best weights are put back: here the last ones are asked for.
    data.dev = Default::default();
    train(
        world,
        &mut model,
        &mut data,
        &config,
        3,
        None,
        Stop::never(),
        hear,
    )
    .unwrap();
    let rows: Vec<Tensor> = model
        .variables()
        .into_values()
        .map(|each| each.detach().contiguous().view(-1))
        .collect();
    (Tensor::cat(&rows, 0), last)
}

const RANKS: &str = "ranks_and_cached_gradients_do_not_change_the_result";

fn run_all(world: &World, folder: &Path) {
    for (name, case) in cases() {
        let (weights, loss) = trained(world, folder, case);
        if world.is_first() {
            let path = folder.join(format!("{}-{name}.safetensors", world.size()));
            Tensor::write_safetensors(
                &[("weights", &weights), ("loss", &Tensor::from_slice(&loss))],
                path,
            )
            .unwrap();
        }
    }
}

#[test]
fn ranks_and_cached_gradients_do_not_change_the_result() {
    if let Some(folder) = folder() {
        // One rank alone has nobody to meet.
        let is_alone = std::env::var("WORLD_SIZE").unwrap() == "1";
        let world = match is_alone {
            true => World::alone(Device::Cpu),
            false => common::world(Duration::from_secs(60)),
        };
        return run_all(&world, &folder);
    }
    let folder = tempfile::tempdir().unwrap();
    write_inputs(folder.path());
    for size in [1, 2, 4] {
        let port = free_port();
        let children: Vec<_> = (0..size)
            .map(|rank| start(RANKS, rank, size, port, folder.path()))
            .collect();
        for ended in children.into_iter().map(end) {
            assert!(ended.success, "{}", ended.text);
        }
    }
    let read = |size: u32, name: &str, what: &str| {
        let path = folder.path().join(format!("{size}-{name}.safetensors"));
        let all = Tensor::read_safetensors(path).unwrap();
        all.into_iter().find(|(found, _)| found == what).unwrap().1
    };
    for everything in [false, true] {
        for accumulation in [1, 2] {
            // Parts are batches of their own here: their rows do not meet.
            let reference = format!("false-{everything}-{accumulation}");
            for size in [1, 2, 4] {
                for cached in [false, true] {
                    let name = format!("{cached}-{everything}-{accumulation}");
                    for what in ["weights", "loss"] {
                        let difference = (read(1, &reference, what) - read(size, &name, what))
                            .abs()
                            .max();
                        let difference = difference.double_value(&[]);
                        assert!(
                            difference < 1e-10,
                            "{size} ranks, {name}, {what}: {difference}"
                        );
                    }
                }
            }
        }
    }
    let apart = |one: &str, other: &str| {
        (read(1, one, "weights") - read(1, other, "weights"))
            .abs()
            .max()
            .double_value(&[])
    };
    assert!(
        apart("false-false-1", "false-true-1") > 1e-4,
        "the options change nothing"
    );
    assert!(
        apart("false-false-1", "false-false-2") > 1e-4,
        "the parts change nothing"
    );
}

/// The second embedding of a chunk must drop what the first one dropped.
#[test]
fn cached_gradients_replay_the_dropout() {
    by_itself("cached_gradients_replay_the_dropout", || {
        let folder = tempfile::tempdir().unwrap();
        write_inputs(folder.path());
        let world = World::alone(Device::Cpu);
        let run = |cached, dropout| {
            let case = Case {
                cached,
                everything: true,
                accumulation: 2,
                dropout,
                ..PLAIN
            };
            // Where the random numbers stand at the beginning is the trainer's to say, by its seed.
            trained(&world, folder.path(), case)
        };
        let apart = |one: &(Tensor, [f64; 2]), other: &(Tensor, [f64; 2])| {
            (&one.0 - &other.0).abs().max().double_value(&[])
        };
        let plain = run(false, true);
        let difference = apart(&plain, &run(true, true));
        assert!(difference < 1e-10, "{difference}");
        let without = apart(&plain, &run(false, false));
        assert!(without > 1e-4, "nothing was dropped: {without}");
    });
}

/// The gradients that are cached are those of the scaled loss, once.
#[test]
fn cached_gradients_go_together_with_half_precision() {
    by_itself("cached_gradients_go_together_with_half_precision", || {
        let folder = tempfile::tempdir().unwrap();
        write_inputs(folder.path());
        let world = World::alone(Device::Cpu);
        let run = |cached, precision| {
            let case = Case {
                cached,
                everything: true,
                accumulation: 2,
                precision,
                ..PLAIN
            };
            trained(&world, folder.path(), case).1
        };
        let exact = run(false, Precision::Float32);
        for precision in [Precision::Bf16, Precision::Fp16] {
            let (plain, cached) = (run(false, precision), run(true, precision));
            for number in 0..2 {
                let near = |other: f64, share: f64| {
                    assert!(
                        (cached[number] - other).abs() < share * other.abs(),
                        "{precision:?}: {cached:?}, {plain:?}, {exact:?}"
                    );
                };
                near(plain[number], 0.01);
                near(exact[number], 0.1);
            }
        }
    });
}
