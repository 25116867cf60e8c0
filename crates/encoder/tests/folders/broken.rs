//! Folders that are refused, by the name of the file and the setting.

use std::path::Path;

use jobmatch_encoder::{ModelFolder, SentenceEncoder};
use serde_json::json;

use crate::copy::{Folder, model, modules, with_vocabulary};

#[test]
fn settings_that_would_change_the_numbers_are_refused_by_name() {
    let sentence = "sentence_bert_config.json";
    let library = "config_sentence_transformers.json";
    let pooling = "1_Pooling/config.json";
    for (file, field, value) in [
        (sentence, "query_length", json!(32)),
        (
            sentence,
            "processing_kwargs",
            json!({"text": {"padding": "max_length"}}),
        ),
        (
            sentence,
            "model_args",
            json!({"attn_implementation": "eager"}),
        ),
        (sentence, "transformer_task", json!("fill-mask")),
        (
            sentence,
            "modality_config",
            json!({"image": {"method": "forward"}}),
        ),
        (sentence, "max_seq_length", json!("long")),
        (sentence, "do_lower_case", json!("yes")),
        (sentence, "surprise", json!(1)),
        (library, "truncate_dim", json!(16)),
        (library, "model_type", json!("SparseEncoder")),
        (library, "similarity_fn_name", json!("jaccard")),
        (library, "default_prompt_name", json!("absent")),
        (library, "prompts", json!(["query: "])),
        (library, "prompts", json!({"query": 1})),
        (
            library,
            "activation_fn",
            json!("torch.nn.modules.activation.Tanh"),
        ),
        (library, "surprise", json!({"a": 1})),
        (pooling, "include_prompt", json!(false)),
        (pooling, "pooling_mode", json!("lasttoken")),
        (pooling, "pooling_mode", json!(["mean", "max"])),
        (pooling, "surprise", json!(true)),
        (
            "2_Normalize/config.json",
            "module_input_name",
            json!("token_embeddings"),
        ),
        ("2_Normalize/config.json", "p", json!(1)),
        ("tokenizer_config.json", "truncation_side", json!("left")),
        ("tokenizer_config.json", "padding_side", json!("left")),
        ("tokenizer_config.json", "split_special_tokens", json!(true)),
        ("tokenizer_config.json", "model_max_length", json!("512")),
        ("config.json", "is_decoder", json!(true)),
        ("config.json", "pruned_heads", json!({"0": [1]})),
        (
            "config.json",
            "auto_map",
            json!({"AutoModel": "modeling.Model"}),
        ),
        ("config.json", "quantization_config", json!({"bits": 4})),
    ] {
        let message = Folder::of("tiny-bert")
            .set(file, field, value.clone())
            .refusal();
        assert!(message.contains(file), "{file} {field} {value}: {message}");
        assert!(message.contains(field), "{file} {field} {value}: {message}");
    }
    let prompted =
        json!({"model_type": "CrossEncoder", "prompts": {"a": "b"}, "default_prompt_name": "a"});
    let message = Folder::of("tiny-cross").write(library, &prompted).refusal();
    assert!(message.contains("default_prompt_name is `a`"), "{message}");
    // Capitals: no matter where the tokenizer makes them small anyway.
    let small = Folder::of("tiny-bert").set(sentence, "do_lower_case", true.into());
    small.open();
    let message = small
        .set(
            "tokenizer_config.json",
            "tokenizer_class",
            json!("BertTokenizer"),
        )
        .set("tokenizer_config.json", "do_lower_case", json!(false))
        .refusal();
    assert!(message.contains("do_lower_case is true"), "{message}");
}

#[test]
fn modules_that_are_not_understood_are_refused_by_name() {
    let transformer = ("sentence_transformers.models.Transformer", "");
    let pooling = ("sentence_transformers.models.Pooling", "1_Pooling");
    let normalize = ("sentence_transformers.models.Normalize", "2_Normalize");
    for (rows, part) in [
        (
            vec![
                transformer,
                pooling,
                ("sentence_transformers.models.Dense", "2_Dense"),
            ],
            "`Dense`",
        ),
        (
            vec![("custom_st.Transformer", ""), pooling],
            "custom_st.Transformer",
        ),
        (
            vec![transformer, normalize, pooling],
            "[Transformer, Normalize, Pooling]",
        ),
        (vec![pooling], "[Pooling]"),
        (vec![], "the modules are []"),
        (
            vec![transformer, pooling, pooling],
            "[Transformer, Pooling, Pooling]",
        ),
        (
            vec![
                transformer,
                ("sentence_transformers.models.Pooling", "../x"),
            ],
            "outside the folder",
        ),
        (
            vec![
                ("sentence_transformers.models.Transformer", "0_Transformer"),
                pooling,
            ],
            "0_Transformer",
        ),
        (
            vec![
                transformer,
                ("sentence_transformers.models.Pooling", "9_Pooling"),
            ],
            "9_Pooling/config.json",
        ),
    ] {
        let message = Folder::of("tiny-bert")
            .write("modules.json", &modules(&rows))
            .refusal();
        assert!(message.contains(part), "`{part}` is not in: {message}");
    }
}

#[test]
fn every_broken_file_is_named_with_what_to_do() {
    type Break = (&'static str, fn(&Path));
    let breaks: [Break; 6] = [
        ("empty", |path| std::fs::write(path, "").unwrap()),
        ("cut off", |path| {
            let bytes = std::fs::read(path).unwrap();
            std::fs::write(path, &bytes[..bytes.len() / 2]).unwrap();
        }),
        ("not JSON", |path| {
            std::fs::write(path, [0xff, 0xfe, b'{']).unwrap()
        }),
        ("another type", |path| {
            std::fs::write(path, "\"text\"").unwrap()
        }),
        ("a folder", |path| {
            std::fs::remove_file(path).unwrap();
            std::fs::create_dir(path).unwrap();
        }),
        ("a link to nothing", |path| {
            std::fs::remove_file(path).unwrap();
            std::os::unix::fs::symlink("nowhere", path).unwrap();
        }),
    ];
    let files = [
        "config.json",
        "model.safetensors",
        "tokenizer.json",
        "tokenizer_config.json",
        "modules.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "1_Pooling/config.json",
        "2_Normalize/config.json",
    ];
    for file in files {
        for (how, damage) in &breaks {
            let folder = Folder::of("tiny-bert");
            damage(&folder.path(file));
            let message = folder.refusal();
            assert!(message.contains(file), "{file}, {how}: {message}");
            assert!(
                message.contains("fetch or save"),
                "{file}, {how}: {message}"
            );
        }
    }
    for (how, damage) in &breaks {
        let folder = with_vocabulary();
        damage(&folder.path("vocab.txt"));
        let message = folder.refusal();
        assert!(message.contains("vocab.txt"), "{how}: {message}");
    }
}

#[test]
fn files_that_are_missing_are_named_with_what_to_do() {
    for (file, parts) in [
        (
            "config.json",
            ["has no config.json", "Hugging Face model folder"],
        ),
        (
            "model.safetensors",
            ["has no model.safetensors", "Hugging Face model folder"],
        ),
        ("tokenizer.json", ["has no tokenizer.json", "no vocab.txt"]),
        (
            "1_Pooling",
            ["1_Pooling/config.json", "modules.json names it"],
        ),
    ] {
        let message = Folder::of("tiny-bert").remove(file).refusal();
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
    let parts = Folder::of("tiny-bert")
        .remove("model.safetensors")
        .write("model.safetensors.index.json", &json!({}));
    assert!(parts.refusal().contains("max_shard_size"));
    let file = model("tiny-bert").join("config.json").display().to_string();
    let message = ModelFolder::open(&file).unwrap_err().to_string();
    assert!(
        message.contains("it is a file; give the folder"),
        "{message}"
    );
}

#[test]
fn weights_that_are_not_numbers_are_taken_as_they_are() {
    let folder = Folder::of("tiny-bert");
    let path = folder.path("model.safetensors");
    let mut bytes = std::fs::read(&path).unwrap();
    let end = bytes.len();
    bytes[end - 4..].copy_from_slice(&f32::NAN.to_le_bytes());
    std::fs::write(&path, bytes).unwrap();
    let encoder = folder.sentences();
    let saved = Folder(tempfile::tempdir().unwrap());
    encoder.save(saved.0.path()).unwrap();
    let count = |encoder: &SentenceEncoder| {
        let values = encoder.store().variables().into_values();
        let nan = values.map(|value| i64::try_from(value.isnan().sum(tch::Kind::Int64)).unwrap());
        nan.sum::<i64>()
    };
    assert_eq!((count(&encoder), count(&saved.sentences())), (1, 1));
}
