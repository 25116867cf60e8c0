//! Folders that are read and written so that the numbers stay.

use jobmatch_encoder::{Pooling, PoolingMode, Prompts, Similarity};
use serde_json::{Value, json};

use crate::copy::{Folder, embed, modules, score, with_vocabulary};

#[test]
fn module_names_of_all_versions_mean_the_same() {
    let expected = embed(&Folder::of("tiny-bert").sentences());
    for names in [
        [
            "sentence_transformers.models.Transformer",
            "sentence_transformers.models.Pooling",
            "sentence_transformers.models.Normalize",
        ],
        [
            "sentence_transformers.models.Transformer.Transformer",
            "sentence_transformers.models.Pooling.Pooling",
            "sentence_transformers.models.Normalize.Normalize",
        ],
        [
            "sentence_transformers.base.modules.transformer.Transformer",
            "sentence_transformers.sentence_transformer.modules.pooling.Pooling",
            "sentence_transformers.base.modules.normalize.Normalize",
        ],
        [
            "sentence_transformers.sentence_transformer.modules.transformer.Transformer",
            "sentence_transformers.sentence_transformer.modules.Pooling",
            "sentence_transformers.sentence_transformer.modules.Normalize",
        ],
    ] {
        let paths = ["", "1_Pooling", "2_Normalize"];
        let rows: Vec<(&str, &str)> = names.into_iter().zip(paths).collect();
        let folder = Folder::of("tiny-bert").write("modules.json", &modules(&rows));
        assert_eq!(embed(&folder.sentences()), expected, "{names:?}");
    }
    // Old folders have nothing in 2_Normalize, which git does not keep then.
    let folder = Folder::of("tiny-bert").remove("2_Normalize");
    assert_eq!(embed(&folder.sentences()), expected);
}

#[test]
fn pooling_is_read_in_both_forms_and_written_so_that_it_comes_back() {
    for (mode, new, old) in [
        (PoolingMode::Mean, "mean", "pooling_mode_mean_tokens"),
        (PoolingMode::Cls, "cls", "pooling_mode_cls_token"),
        (PoolingMode::Max, "max", "pooling_mode_max_tokens"),
    ] {
        let mut switches = json!({"word_embedding_dimension": 32, "include_prompt": true});
        for name in [
            "mean_tokens",
            "cls_token",
            "max_tokens",
            "lasttoken",
            "weightedmean_tokens",
        ] {
            switches[format!("pooling_mode_{name}")] = false.into();
        }
        switches[old] = true.into();
        for settings in [
            json!({"embedding_dimension": 32, "pooling_mode": new}),
            json!({"embedding_dimension": 32, "pooling_mode": [new]}),
            switches,
        ] {
            for normalize in [true, false] {
                let mut folder = Folder::of("tiny-bert").write("1_Pooling/config.json", &settings);
                if !normalize {
                    let rows = [
                        ("sentence_transformers.models.Transformer", ""),
                        ("sentence_transformers.models.Pooling", "1_Pooling"),
                    ];
                    folder = folder.write("modules.json", &modules(&rows));
                }
                let encoder = folder.sentences();
                let expected = Pooling { mode, normalize };
                assert_eq!(encoder.folder.pooling(), expected, "{settings}");
                let saved = tempfile::tempdir().unwrap();
                encoder.save(saved.path()).unwrap();
                let again = Folder(saved);
                assert_eq!(again.open().pooling(), expected, "{settings}");
                assert_eq!(embed(&again.sentences()), embed(&encoder), "{settings}");
            }
        }
    }
}

#[test]
fn prompts_and_similarity_are_kept() {
    let folder = Folder::of("tiny-bert").write(
        "config_sentence_transformers.json",
        &json!({
            "__version__": {"sentence_transformers": "5.1.0"},
            "prompts": {"query": "q: ", "document": "d: ", "passage": "p: ", "sts": "same? ", "none": null},
            "default_prompt_name": "sts",
            "similarity_fn_name": "dot",
        }),
    );
    let encoder = folder.sentences();
    let saved = Folder(tempfile::tempdir().unwrap());
    encoder.save(saved.0.path()).unwrap();
    for opened in [encoder.folder.clone(), saved.open()] {
        // sentence-transformers asks for `document` before `passage`.
        let expected = Prompts {
            query: "q: ".to_owned(),
            passage: "d: ".to_owned(),
        };
        assert_eq!(opened.prompts, expected);
        assert_eq!(opened.default_prompt(), "same? ");
        assert_eq!(opened.similarity(), Similarity::Dot);
    }
    let plain = Folder::of("tiny-bert").open();
    assert_eq!(
        (plain.default_prompt(), plain.similarity()),
        ("", Similarity::Cosine)
    );
}

#[test]
fn lengths_are_those_of_sentence_transformers() {
    let length = |sentence: Option<Value>, tokenizer: Value| {
        let folder =
            Folder::of("tiny-bert").set("tokenizer_config.json", "model_max_length", tokenizer);
        match sentence {
            Some(value) => folder.set("sentence_bert_config.json", "max_seq_length", value),
            None => folder,
        }
        .open()
        .max_tokens()
    };
    assert_eq!(length(None, json!(40)), 40);
    assert_eq!(length(None, json!(1e30)), 64, "no limit but the positions");
    assert_eq!(length(Some(json!(null)), json!(40)), 40);
    assert_eq!(
        length(Some(json!(50)), json!(40)),
        50,
        "the library's own word counts"
    );
    assert_eq!(length(Some(json!(5000)), json!(40)), 64);
    // Another of its names for the same settings.
    let other = Folder::of("tiny-bert")
        .remove("sentence_bert_config.json")
        .write(
            "sentence_roberta_config.json",
            &json!({"max_seq_length": 33}),
        );
    assert_eq!(other.open().max_tokens(), 33);
}

#[test]
fn a_bare_encoder_is_a_model_too() {
    let mut folder = Folder::of("tiny-bert");
    for extra in [
        "1_Pooling",
        "2_Normalize",
        "modules.json",
        "sentence_bert_config.json",
        "config_sentence_transformers.json",
        "tokenizer_config.json",
    ] {
        folder = folder.remove(extra);
    }
    let whole = Folder::of("tiny-bert");
    assert_eq!(embed(&folder.sentences()), embed(&whole.sentences()));
}

#[test]
fn a_cross_encoder_as_version_6_writes_it_gives_the_same_logits() {
    let expected = score(&Folder::of("tiny-cross").pairs());
    for activation in [
        "torch.nn.modules.activation.Sigmoid",
        "torch.nn.modules.linear.Identity",
    ] {
        let row = "sentence_transformers.base.modules.transformer.Transformer";
        let new = Folder::of("tiny-cross")
            .write("modules.json", &modules(&[(row, "")]))
            .write(
                "sentence_bert_config.json",
                &json!({
                    "transformer_task": "sequence-classification",
                    "modality_config": {"text": {"method": "forward", "method_output_name": "logits"}},
                    "module_output_name": "scores",
                }),
            )
            .write(
                "config_sentence_transformers.json",
                &json!({
                    "model_type": "CrossEncoder", "activation_fn": activation, "prompts": {},
                    "default_prompt_name": null, "__version__": {"sentence_transformers": "6.2.0"},
                }),
            );
        let old = Folder::of("tiny-cross").set(
            "config.json",
            "sentence_transformers",
            json!({"activation_fn": activation, "version": "4.1.0"}),
        );
        for folder in [new, old] {
            let encoder = folder.pairs();
            assert_eq!(score(&encoder), expected);
            let saved = Folder(tempfile::tempdir().unwrap());
            encoder.save(saved.0.path()).unwrap();
            assert_eq!(score(&saved.pairs()), expected);
            assert_eq!(saved.open().max_tokens(), encoder.folder.max_tokens());
        }
    }
}

#[test]
fn a_model_with_a_bare_vocabulary_is_saved_with_a_whole_tokenizer() {
    let expected = embed(&Folder::of("tiny-bert").sentences());
    let folder = with_vocabulary();
    let encoder = folder.sentences();
    assert_eq!(embed(&encoder), expected);
    let saved = Folder(tempfile::tempdir().unwrap());
    encoder.save(saved.0.path()).unwrap();
    assert!(saved.path("tokenizer.json").is_file());
    assert_eq!(embed(&saved.sentences()), expected);
    let twin = Folder(tempfile::tempdir().unwrap());
    saved.sentences().save(twin.0.path()).unwrap();
    let bytes = |folder: &Folder| std::fs::read(folder.path("tokenizer.json")).unwrap();
    assert_eq!(bytes(&saved), bytes(&twin));

    for (change, parts) in [
        (
            json!({"tokenizer_class": "RobertaTokenizer"}),
            ["tokenizer_class", "RobertaTokenizer"],
        ),
        (
            json!({"cls_token": "<s>"}),
            ["vocab.txt", "cls_token `<s>`"],
        ),
        (
            json!({"do_basic_tokenize": false}),
            ["tokenizer_config.json", "do_basic_tokenize"],
        ),
        (
            json!({"do_lower_case": "no"}),
            ["tokenizer_config.json", "do_lower_case is \"no\""],
        ),
        (
            json!({"added_tokens_decoder": {"500": {"content": "new"}}}),
            ["`new` has id 500", "tokenizer_config.json"],
        ),
    ] {
        let message = with_vocabulary()
            .write("tokenizer_config.json", &change)
            .refusal();
        for part in parts {
            assert!(message.contains(part), "`{part}` is not in: {message}");
        }
    }
}

#[test]
fn a_model_saved_where_it_came_from_stays_whole() {
    let folder = Folder::of("tiny-bert");
    let encoder = folder.sentences();
    encoder.save(folder.0.path()).unwrap();
    assert_eq!(embed(&folder.sentences()), embed(&encoder));
}
