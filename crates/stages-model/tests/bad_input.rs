//! What the model programs refuse: each time one message that names the place and says what to do, exit code 1, and
//! nothing left behind.
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

#[allow(dead_code, reason = "each test file uses a part of it")]
mod common;

use std::fs;

use common::{Place, copy_folder, make_dataset, place_with_everything};

const TRAIN_BIENCODER: &str =
    "--dataset dataset --model bi --definitions definitions.tsv --output out";
const TRAIN_CROSSENCODER: &str = "--dataset dataset --model cross --output out";
const INDEX: &str = "--model bi --definitions definitions.tsv --output out";
const EVALUATE: &str = "--jobs jobs.csv --labels labels.csv golden_labels.csv --definitions definitions.tsv \
                        --split dev --biencoder bi --choose --output out";

/// All of them, each with arguments that would do.
const ALL: [(&str, &str); 4] = [
    ("jobmatch-train-biencoder", TRAIN_BIENCODER),
    ("jobmatch-train-crossencoder", TRAIN_CROSSENCODER),
    ("jobmatch-index", INDEX),
    ("jobmatch-evaluate", EVALUATE),
];

/// The programs that take a bi-encoder.
fn with_biencoder() -> impl Iterator<Item = (&'static str, &'static str)> {
    ALL.into_iter()
        .filter(|(program, _)| *program != "jobmatch-train-crossencoder")
}

/// Changes one value of a model's `config.json`.
fn set(place: &Place, folder: &str, key: &str, value: serde_json::Value) {
    let name = format!("{folder}/config.json");
    let mut config: serde_json::Value = serde_json::from_str(&place.read(&name)).unwrap();
    config[key] = value;
    place.write(&name, config.to_string());
}

#[test]
fn a_model_that_is_not_there() {
    let place = place_with_everything();
    for (program, arguments) in with_biencoder() {
        place.refuses(
            program,
            &arguments.replace(" bi ", " no-such-model "),
            "no model `no-such-model`: there is no such folder, and the known names are minilm, e5-base-v2, \
             ms-marco-minilm; models of the Hugging Face hub are given as `owner/name` or `owner/name@revision`",
        );
    }
}

#[test]
fn a_model_folder_without_weights() {
    let place = place_with_everything();
    fs::remove_file(place.path("bi/model.safetensors")).unwrap();
    fs::remove_file(place.path("cross/model.safetensors")).unwrap();
    for (program, arguments) in ALL {
        let folder = match program {
            "jobmatch-train-crossencoder" => "cross",
            _ => "bi",
        };
        place.refuses(
            program,
            arguments,
            &format!(
                "model folder {folder} has no model.safetensors: is it a Hugging Face model folder, and whole? \
                 Fetch or save it again"
            ),
        );
    }
}

#[test]
fn weights_that_were_cut_off() {
    let place = place_with_everything();
    let weights = fs::read(place.path("bi/model.safetensors")).unwrap();
    place.write("bi/model.safetensors", &weights[..weights.len() - 1]);
    for (program, arguments) in with_biencoder() {
        place.refuses(
            program,
            arguments,
            "bi/model.safetensors is not a whole safetensors file; fetch or save it again\n  \
             because: incomplete metadata, file not fully covered",
        );
    }
}

#[test]
fn weights_of_another_shape() {
    let place = place_with_everything();
    set(&place, "bi", "intermediate_size", 48.into());
    for (program, arguments) in with_biencoder() {
        place.refuses(
            program,
            arguments,
            "tensor `encoder.layer.0.intermediate.dense.bias` in bi/model.safetensors has shape [64], but \
             config.json asks for [48]: one of the two belongs to another model; fetch or save the folder again",
        );
    }
}

#[test]
fn a_layer_too_many_and_a_layer_too_few() {
    let place = place_with_everything();
    set(&place, "cross", "num_hidden_layers", 3.into());
    place.refuses(
        "jobmatch-train-crossencoder",
        TRAIN_CROSSENCODER,
        "cross/model.safetensors has no tensor `encoder.layer.2.attention.output.LayerNorm.bias`, which config.json \
         asks for with shape [32]: one of the two belongs to another model; fetch or save the folder again",
    );
    set(&place, "cross", "num_hidden_layers", 1.into());
    place.refuses(
        "jobmatch-train-crossencoder",
        TRAIN_CROSSENCODER,
        "cross/model.safetensors holds a tensor `encoder.layer.1.attention.output.LayerNorm.bias`, which config.json \
         does not ask for: one of the two belongs to another model; fetch or save the folder again",
    );
}

#[test]
fn a_model_of_another_family() {
    let place = place_with_everything();
    set(&place, "bi", "model_type", "llama".into());
    place.refuses(
        "jobmatch-index",
        INDEX,
        "bi/config.json is not a valid model configuration: model_type is `llama`; bert, roberta, xlm-roberta, camembert and distilbert are supported",
    );
}

#[test]
fn a_tokenizer_of_another_model() {
    let place = place_with_everything();
    place.write("bi/tokenizer.json", "{}");
    let ended = place.run("jobmatch-index", &format!("{INDEX} --quiet"));
    assert_eq!(ended.code, Some(1));
    let start = "jobmatch-index: cannot use the tokenizer bi/tokenizer.json; fetch or save it again\n  because: ";
    assert!(ended.stderr.starts_with(start), "{}", ended.stderr);
}

#[test]
fn definitions_that_cannot_be_read() {
    let place = place_with_everything();
    let missing = "cannot read definitions.tsv\n  because: No such file or directory (os error 2)";
    let spoilt = [
        ("", "definitions.tsv holds no rows"),
        (
            "attribute_id\tdefinition\nF1\tRecord income.\n",
            "column `name`",
        ),
        (
            "attribute_id\tname\tdefinition\nF1\tA\tB\nF1\tC\tD\n",
            "definitions.tsv, line 3: attribute_id `F1`",
        ),
        (
            "attribute_id\tname\tdefinition\nF1\tA\tB\n\tC\tD\n",
            "definitions.tsv, line 3",
        ),
    ];
    for (program, arguments) in with_biencoder() {
        for (text, part) in spoilt {
            place.write("definitions.tsv", text);
            let before = place.names();
            let ended = place.run(program, &format!("{arguments} --quiet"));
            assert_eq!(ended.code, Some(1));
            assert!(ended.stderr.contains(part), "`{part}`: {}", ended.stderr);
            assert_eq!(place.names(), before);
        }
        fs::remove_file(place.path("definitions.tsv")).unwrap();
        place.refuses(program, arguments, missing);
        place.write("definitions.tsv", "");
    }
}

#[test]
fn pairs_that_no_stage_made() {
    let place = place_with_everything();
    fs::create_dir(place.path("folder")).unwrap();
    for (program, arguments) in [ALL[0], ALL[1]] {
        place.refuses(
            program,
            &arguments.replace("--dataset dataset", "--dataset folder"),
            "folder is no finished stage output: it has no manifest.json; run the stage that makes it",
        );
    }
}

#[test]
fn pairs_that_were_changed_afterwards() {
    let place = place_with_everything();
    let part = place.path("dataset/train/part-00000.parquet");
    let mut bytes = fs::read(&part).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&part, bytes).unwrap();
    for (program, arguments) in [ALL[0], ALL[1]] {
        let before = place.names();
        let ended = place.run(program, &format!("{arguments} --quiet"));
        assert_eq!(ended.code, Some(1));
        let start = format!("{program}: dataset/train/part-00000.parquet is damaged: ");
        assert!(ended.stderr.starts_with(&start), "{}", ended.stderr);
        assert!(
            ended.stderr.contains("run its stage again"),
            "{}",
            ended.stderr
        );
        assert_eq!(place.names(), before);
    }
}

#[test]
fn definitions_that_the_pairs_were_not_made_from() {
    let place = place_with_everything();
    place.write(
        "definitions.tsv",
        "attribute_id\tname\tdefinition\nX1\tFly\tFly a plane.\n",
    );
    let ended = place.run(
        "jobmatch-train-biencoder",
        &format!("{TRAIN_BIENCODER} --quiet"),
    );
    assert_eq!(ended.code, Some(1));
    let end = "which the definitions lack: give the definitions the data set was made from\n";
    assert!(ended.stderr.ends_with(end), "{}", ended.stderr);
    assert!(!place.path("out").exists());
}

#[test]
fn pairs_of_one_kind() {
    let place = place_with_everything();
    let config = jobmatch_dataset::Config {
        negatives: 0,
        ..jobmatch_dataset::Config::default()
    };
    // A label 0 among the labels would be a negative.
    let labels = place.read("labels.csv").replace(",0,", ",1,");
    place.write("labels.csv", labels);
    make_dataset(&place, "positives", &config);
    let arguments = TRAIN_CROSSENCODER.replace("--dataset dataset", "--dataset positives");
    let ended = place.run(
        "jobmatch-train-crossencoder",
        &format!("{arguments} --quiet"),
    );
    assert_eq!(ended.code, Some(1));
    let end = "positive and 0 negative training pairs; both kinds are needed: make the data set with negatives\n";
    assert!(ended.stderr.ends_with(end), "{}", ended.stderr);
    assert!(!place.path("out").exists());
}

#[test]
fn settings_that_make_no_sense() {
    let place = place_with_everything();
    let cases = [
        (0, "--learning-rate 0", "learning_rate"),
        (0, "--batch-size 1", "batch_size"),
        (0, "--scale=-1", "scale"),
        (1, "--batch-size 0", "batch_size"),
        (1, "--pos-weight 0", "pos_weight"),
        (2, "--factory Nonsense", "Nonsense"),
        (3, "--candidates 0", "candidates"),
    ];
    for (which, flag, name) in cases {
        let (program, arguments) = ALL[which];
        let before = place.names();
        let ended = place.run(program, &format!("{arguments} {flag} --quiet"));
        assert_eq!(ended.code, Some(1), "{flag}: {}", ended.stderr);
        assert!(ended.stderr.contains(name), "{flag}: {}", ended.stderr);
        assert_eq!(place.names(), before, "{flag}");
    }
}

#[test]
fn numbers_that_are_none() {
    let place = place_with_everything();
    for flag in [
        "--learning-rate nan",
        "--warmup-ratio inf",
        "--weight-decay x",
    ] {
        for (program, arguments) in [ALL[0], ALL[1]] {
            let ended = place.run(program, &format!("{arguments} {flag}"));
            assert_eq!(ended.code, Some(2), "{flag}: {}", ended.stderr);
            assert!(ended.stderr.contains("number"), "{flag}: {}", ended.stderr);
        }
    }
    assert!(!place.path("out").exists());
}

#[test]
fn labels_of_what_is_not_there() {
    let place = place_with_everything();
    let labels = place.read("labels.csv");
    place.write("labels.csv", format!("{labels}J999,F1,1,,,\n"));
    let line = labels.lines().count() + 1;
    place.refuses(
        "jobmatch-evaluate",
        EVALUATE,
        &format!(
            "labels.csv, line {line} (job `J999`, attribute `F1`): the job is not among the jobs; add it or remove \
             the label"
        ),
    );
    place.write("labels.csv", format!("{labels}J001,F999,1,,,\n"));
    place.refuses(
        "jobmatch-evaluate",
        EVALUATE,
        &format!(
            "labels.csv, line {line} (job `J001`, attribute `F999`): the attribute has no definition in the index; \
             add its definition and build the index again, or remove the label"
        ),
    );
}

#[test]
fn a_decision_is_never_chosen_on_golden_nor_on_jobs_without_a_split() {
    let place = place_with_everything();
    place.refuses(
        "jobmatch-evaluate",
        &EVALUATE.replace("--split dev", "--split golden"),
        "a decision is chosen on dev, never on golden: evaluate dev with `choose`, then golden with its decision",
    );
    let jobs = place.read("jobs.csv").replacen("split", "part", 1);
    place.write("jobs.csv", jobs);
    let ended = place.run("jobmatch-evaluate", &format!("{EVALUATE} --quiet"));
    assert_eq!(ended.code, Some(1));
    assert!(
        ended
            .stderr
            .contains("fill in the column `split` (train, dev, golden)"),
        "{}",
        ended.stderr
    );
    assert!(!place.path("out").exists());
}

#[test]
fn a_decision_or_an_index_of_another_model() {
    let place = place_with_everything();
    place
        .run(
            "jobmatch-index",
            &INDEX.replace("--output out", "--output index"),
        )
        .success();
    place
        .run(
            "jobmatch-evaluate",
            &EVALUATE.replace("--output out", "--output chosen"),
        )
        .success();
    copy_folder(&place.path("bi"), &place.path("other"));
    set(&place, "other", "layer_norm_eps", 1e-5.into());
    let other = EVALUATE.replace("--biencoder bi", "--biencoder other");

    let message = |arguments: &str| {
        let before = place.names();
        let ended = place.run("jobmatch-evaluate", &format!("{arguments} --quiet"));
        assert_eq!(ended.code, Some(1), "{}", ended.stderr);
        assert_eq!(place.names(), before);
        ended.stderr
    };
    let foreign_index = message(&format!("{other} --index index"));
    assert!(
        foreign_index.contains("build the index again with this model"),
        "{foreign_index}"
    );
    let foreign_decision = message(&other.replace("--choose", "--decision chosen"));
    assert!(
        foreign_decision.contains("choose one on dev with these models"),
        "{foreign_decision}"
    );

    place.write("broken.json", "{\"schema_version\": 1");
    let broken = message(&EVALUATE.replace("--choose", "--decision broken.json"));
    assert!(
        broken.contains("cannot read broken.json\n  because: EOF"),
        "{broken}"
    );
    let missing = message(&EVALUATE.replace("--choose", "--decision none.json"));
    assert!(
        missing.contains("the decision is made by `jobmatch-evaluate --choose` on dev"),
        "{missing}"
    );
}

#[test]
fn an_output_that_was_made_otherwise() {
    let place = place_with_everything();
    place.run("jobmatch-index", INDEX).success();
    let again = place.run("jobmatch-index", INDEX).success();
    assert!(
        again.stderr.contains("out is done already"),
        "{}",
        again.stderr
    );
    place.refuses(
        "jobmatch-index",
        &format!("{INDEX} --seed 7"),
        "out holds an output made otherwise: seed is 42 there and 7 now; choose another output folder, or remove \
         that one",
    );
    fs::create_dir(place.path("mine")).unwrap();
    place.write("mine/letter.txt", "Dear reader,");
    place.refuses(
        "jobmatch-index",
        &INDEX.replace("--output out", "--output mine"),
        "mine is there already and is no stage output; choose another folder: nothing was changed",
    );
}
