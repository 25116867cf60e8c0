//! One batch is one batch, however many ranks compute it: with windows, soft labels, smoothing and drawn negatives.
#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

#[path = "../../torch-ext/tests/common/mod.rs"]
mod common;

use std::fs;
use std::path::Path;
use std::time::Duration;

use common::{end, folder, free_port, start};
use jobmatch_crossencoder::{
    CrossEncoderConfig, Error, NegativesConfig, PairCounts, PosWeight, TrainingData, train,
};
use jobmatch_encoder::{Device, InferenceConfig, ModelFolder, PairWindows, WindowPooling};
use jobmatch_records::{Pair, PairSource, ParquetWriter};
use jobmatch_torch_ext::World;
use jobmatch_training::{OptimizerConfig, Place, Stop, TrainerConfig};

const WORDS: [&str; 6] = ["Plan", "Repair", "Review", "Teach", "Clean", "Sell"];

fn pair(number: u64) -> Pair {
    let (source, label) = match number % 5 {
        0 => (PairSource::Evidence, 1.0),
        // A soft label.
        1 => (PairSource::Evidence, 0.8),
        2 => (PairSource::Random, 0.0),
        _ => (PairSource::Hard, 0.0),
    };
    let word = |number: u64| WORDS[(number % 6) as usize];
    Pair {
        pair_id: number,
        job_id: format!("j{}", number / 5),
        sentence_index: Some(0),
        start: None,
        end: None,
        attribute_id: format!("a{}", number % 5),
        // Up to some 100 tokens, of 64 that the model takes; one is empty.
        text: "contracts (and their annexes) for errors, ".repeat((number % 9) as usize)
            + word(number),
        passage: format!("{} reports", word(number * 5 + 1)),
        label,
        source,
        alignment_score: Some((number * 37 % 100) as f32 / 100.0),
        positive_id: None,
    }
}

fn write(folder: &Path, part: &str, pairs: &[Pair]) {
    fs::create_dir_all(folder.join(part)).unwrap();
    let mut writer = ParquetWriter::create(&folder.join(part).join("part-00000.parquet")).unwrap();
    writer.write(pairs).unwrap();
    writer.finish().unwrap();
}

fn write_inputs(folder: &Path) {
    let mut pairs: Vec<Pair> = (0..100).map(pair).collect();
    pairs[3].text = String::new();
    write(folder, "train", &pairs);
    write(folder, "dev_sample", &pairs[..20]);
    write(folder, "dev_candidates", &pairs[40..100]);
    let model = folder.join("model");
    fs::create_dir(&model).unwrap();
    let tiny = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/models/tiny-cross");
    for entry in fs::read_dir(tiny).unwrap() {
        let path = entry.unwrap().path();
        fs::copy(&path, model.join(path.file_name().unwrap())).unwrap();
    }
    // Without dropout, of which each rank draws its own.
    let config = fs::read_to_string(model.join("config.json")).unwrap();
    let mut config: serde_json::Value = serde_json::from_str(&config).unwrap();
    config["hidden_dropout_prob"] = 0.0.into();
    config["attention_probs_dropout_prob"] = 0.0.into();
    fs::write(model.join("config.json"), config.to_string()).unwrap();
}

fn config(accumulation: usize) -> CrossEncoderConfig {
    CrossEncoderConfig {
        batch_size: 16,
        epochs: 9,
        max_steps: Some(9),
        pos_weight: PosWeight::Auto,
        label_smoothing: 0.1,
        negatives: NegativesConfig {
            per_positive: Some(0.5),
            hard_share: Some(0.75),
        },
        windows: Some(PairWindows {
            most: 3,
            stride: 4,
            pooling: WindowPooling::LogSumExp,
        }),
        evaluate_every: 5,
        evaluate_pairs: 37,
        trainer: TrainerConfig {
            optimizer: OptimizerConfig {
                learning_rate: 1e-3,
                ..OptimizerConfig::default()
            },
            accumulation,
            ..TrainerConfig::default()
        },
        ..CrossEncoderConfig::default()
    }
}

/// What a training came to: logits of some pairs afterwards, the losses of all steps, and the dev figures.
fn trained(world: &World, folder: &Path, accumulation: usize) -> (Vec<f32>, Vec<f64>, String) {
    let config = config(accumulation);
    let mut data = TrainingData::open(folder, &config, 3).unwrap();
    let model = ModelFolder::open(folder.join("model").to_str().unwrap()).unwrap();
    let work = folder.join(format!("work-{}-{accumulation}", world.size()));
    let place = Place {
        log: work.join("log.jsonl"),
        checkpoints: work.join("checkpoints"),
    };
    if world.is_first() {
        fs::create_dir_all(&place.checkpoints).unwrap();
    }
    let mut losses = Vec::new();
    let hear = &mut |row: &jobmatch_training::StepRow, _, _| losses.push(row.loss.unwrap());
    let (model, summary) = train(
        world,
        model,
        &mut data,
        &config,
        3,
        world.is_first().then_some(&place),
        Stop::never(),
        hear,
    )
    .unwrap();
    let epoch = PairCounts {
        positives: 40,
        given: 0,
        random: 5,
        hard: 15,
    };
    assert_eq!(summary.epoch, epoch);
    // Of the labels that sum up to 36, 4 + 20 are missing to 1.
    assert!((summary.pos_weight - 24.0 / 36.0).abs() < 1e-6);
    let kept = summary.kept.unwrap();
    // Whole jobs, of which the first has 5 and the limit is 37.
    assert_eq!(
        (kept.pairs, kept.positives, kept.cut.windowed > 0),
        (40, 16, true)
    );
    let reranking = kept.reranking.unwrap();
    assert_eq!(reranking.jobs, 8);
    let dev = format!("{:.5} {:.5}", kept.average_precision, reranking.mrr);
    let pairs: Vec<Pair> = (0..40).map(pair).collect();
    let pairs: Vec<(&str, &str)> = pairs
        .iter()
        .map(|pair| (pair.text.as_str(), pair.passage.as_str()))
        .collect();
    let in_use = model.in_use(InferenceConfig::default()).unwrap();
    let logits = in_use.score(&pairs, &mut |_| {}).unwrap();
    (logits, losses, dev)
}

const RANKS: &str = "ranks_and_parts_do_not_change_the_result";

#[test]
fn ranks_and_parts_do_not_change_the_result() {
    if let Some(folder) = folder() {
        let size: u32 = std::env::var("WORLD_SIZE").unwrap().parse().unwrap();
        // One rank alone has nobody to meet.
        let world = match size {
            1 => World::alone(Device::Cpu),
            _ => common::world(Duration::from_secs(60)),
        };
        for accumulation in [1, 3] {
            let result = trained(&world, &folder, accumulation);
            if world.is_first() {
                let path = folder.join(format!("{size}-{accumulation}.json"));
                fs::write(path, serde_json::to_vec(&result).unwrap()).unwrap();
            }
        }
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    write_inputs(folder.path());
    for size in [1, 2, 3] {
        let port = free_port();
        let children: Vec<_> = (0..size)
            .map(|rank| start(RANKS, rank, size, port, folder.path()))
            .collect();
        for ended in children.into_iter().map(end) {
            assert!(ended.success, "{}", ended.text);
        }
    }
    let read = |size: u32, accumulation: usize| -> (Vec<f32>, Vec<f64>, String) {
        let path = folder.path().join(format!("{size}-{accumulation}.json"));
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    };
    let (logits, losses, dev) = read(1, 1);
    assert_eq!(losses.len(), 9);
    // It learns: else nothing would be compared.
    assert!(losses[7..].iter().sum::<f64>() < losses[..2].iter().sum());
    for (size, accumulation) in [(1, 3), (2, 1), (2, 3), (3, 1), (3, 3)] {
        let (others, their_losses, their_dev) = read(size, accumulation);
        let place = format!("{size} ranks, {accumulation} parts");
        assert_eq!(dev, their_dev, "{place}");
        for (one, other) in losses.iter().zip(&their_losses) {
            assert!((one - other).abs() < 1e-4, "{place}: {one} {other}");
        }
        for (one, other) in logits.iter().zip(&others) {
            assert!((one - other).abs() < 1e-3, "{place}: {one} {other}");
        }
    }
}

#[test]
fn labels_that_are_none_or_all_of_one_kind_are_refused() {
    let opened = |pairs: &[Pair]| {
        let folder = tempfile::tempdir().unwrap();
        write(folder.path(), "train", pairs);
        write(folder.path(), "dev_sample", &pairs[..0]);
        TrainingData::open(folder.path(), &CrossEncoderConfig::default(), 1)
    };
    let pairs: Vec<Pair> = (0..20).map(pair).collect();
    let message = |pairs: &[Pair]| opened(pairs).unwrap_err().to_string();
    let only = |right: bool| -> Vec<Pair> {
        let kept = pairs.iter().filter(|pair| (pair.label > 0.5) == right);
        kept.cloned().collect()
    };
    let end = "training pairs; both kinds are needed: make the data set with negatives";
    for (right, counts) in [
        (true, "8 positive and 0 negative"),
        (false, "0 positive and 12 negative"),
    ] {
        let message = message(&only(right));
        assert!(
            message.ends_with(&format!("holds {counts} {end}")),
            "{message}"
        );
    }
    for (label, shown) in [(f32::NAN, "NaN"), (-0.5, "-0.5"), (1.5, "1.5")] {
        let mut pairs = pairs.clone();
        pairs[6].label = label;
        let message = message(&pairs);
        let expected =
            format!("part-00000.parquet, row 7: its label is {shown}; labels lie from 0 to 1");
        assert!(message.contains(&expected), "{message}");
    }
    // Dev labels too.
    let folder = tempfile::tempdir().unwrap();
    write(folder.path(), "train", &pairs);
    let mut dev = pairs.clone();
    dev[6].label = f32::NAN;
    write(folder.path(), "dev_sample", &dev);
    let error = TrainingData::open(folder.path(), &CrossEncoderConfig::default(), 1).unwrap_err();
    assert!(matches!(error, Error::Label { pair_id: 6, .. }), "{error}");
}
