//! Token ids against transformers' own, over 10,000 texts that a seed decides (`fixtures/reference/tokens.py`).
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jobmatch_encoder::{Error, ModelFolder, TextTokenizer, Tokens, Truncation};
use sha2::{Digest, Sha256};

const TEXTS: usize = 10_000;
const BLOCK: usize = 100;
/// Texts on which other settings of the tokenizer are tried.
const VARIED: usize = 1000;

#[derive(serde::Deserialize)]
struct Saved {
    seed: u64,
    large: BTreeMap<usize, String>,
    large_bytes: usize,
    pieces: BTreeMap<String, Vec<String>>,
    texts: Vec<String>,
    models: BTreeMap<String, Model>,
    variants: Vec<Variant>,
}

/// A folder with MiniLM's vocabulary and other settings.
#[derive(serde::Deserialize)]
struct Variant {
    files: BTreeMap<String, serde_json::Value>,
    whole: String,
}

#[derive(serde::Deserialize)]
struct Model {
    max_tokens: usize,
    blocks: Vec<Block>,
}

#[derive(serde::Deserialize)]
struct Block {
    lengths: String,
    whole: String,
    cut: String,
    pairs: String,
    only_first: String,
    only_second: String,
}

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures")
}

fn saved() -> Saved {
    let path = fixtures().join("reference/tokens.json");
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// SplitMix64 (Steele, Lea, Flood 2014) over the pieces.
struct Maker<'s> {
    state: u64,
    saved: &'s Saved,
    classes: Vec<&'s str>,
}

impl Maker<'_> {
    fn below(&mut self, limit: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }

    fn choose(&mut self, class: &str) -> String {
        let pieces = &self.saved.pieces[class];
        pieces[self.below(pieces.len())].clone()
    }

    fn any_class(&mut self) -> String {
        let class = self.below(self.classes.len());
        self.classes[class].to_owned()
    }

    fn any_piece(&mut self) -> String {
        let class = self.any_class();
        self.choose(&class)
    }

    fn text(&mut self, row: usize) -> String {
        if let Some(class) = self.saved.large.get(&row) {
            let mut text = String::new();
            while text.len() < self.saved.large_bytes {
                text += &self.choose(class);
                if class == "words" {
                    text.push(' ');
                }
            }
            return text;
        }
        let kind = self.below(50);
        match kind {
            0 => String::new(),
            1 => {
                let count = 1 + self.below(4);
                (0..count).map(|_| self.choose("spaces")).collect()
            }
            2..6 => self.any_piece(),
            6..10 => {
                let count = 1 + self.below(30);
                let any = |code: usize| char::from_u32(code as u32).unwrap_or('\u{fffd}');
                (0..count).map(|_| any(self.below(0x11_0000))).collect()
            }
            10..12 => {
                let piece = self.any_piece();
                piece.repeat(1 + self.below(150))
            }
            _ => {
                let count = 1 + self.below(if kind < 14 { 600 } else { 24 });
                let mut text = String::new();
                for _ in 0..count {
                    let plain = self.below(2) == 0;
                    text += &if plain {
                        self.choose("words")
                    } else {
                        self.any_piece()
                    };
                    text += &if self.below(20) == 0 {
                        self.choose("spaces")
                    } else {
                        ["", " ", " ", " "][self.below(4)].to_owned()
                    };
                }
                text
            }
        }
    }
}

fn texts(saved: &Saved) -> Vec<String> {
    let mut maker = Maker {
        state: saved.seed,
        saved,
        classes: saved.pieces.keys().map(String::as_str).collect(),
    };
    (0..TEXTS).map(|row| maker.text(row)).collect()
}

fn digest(rows: impl Iterator<Item = (usize, Vec<u8>)>) -> String {
    let mut hasher = Sha256::new();
    for (length, bytes) in rows {
        hasher.update((length as u32).to_le_bytes());
        hasher.update(bytes);
    }
    let hash = hasher.finalize();
    hash[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn ids_digest<'t>(rows: impl Iterator<Item = &'t Tokens>) -> String {
    digest(rows.map(|row| {
        let bytes = row.ids().iter().flat_map(|id| id.to_le_bytes());
        (row.len(), bytes.collect())
    }))
}

/// Ids and then segments; nothing for a pair that does not fit.
fn pairs_digest(rows: impl Iterator<Item = Option<Tokens>>) -> String {
    digest(rows.map(|row| match row {
        None => (0, Vec::new()),
        Some(row) => {
            let both = row.ids().iter().chain(row.type_ids());
            let bytes = both.flat_map(|id| id.to_le_bytes());
            (2 * row.len(), bytes.collect())
        }
    }))
}

#[test]
fn the_generator_makes_the_texts_of_the_reference() {
    let saved = saved();
    let texts = texts(&saved);
    assert_eq!(saved.texts.len() * BLOCK, TEXTS);
    for (block, (texts, expected)) in texts.chunks(BLOCK).zip(&saved.texts).enumerate() {
        let rows = texts
            .iter()
            .map(|text| (text.len(), text.clone().into_bytes()));
        assert_eq!(&digest(rows), expected, "texts of block {block}");
    }
    let large = texts.iter().filter(|text| text.len() >= 1_000_000).count();
    assert_eq!(large, saved.large.len());
}

fn compare(name: &str, path: &Path) {
    let saved = saved();
    let texts = texts(&saved);
    let expected = &saved.models[name];
    let tokenizer = || TextTokenizer::from_file(path, expected.max_tokens).unwrap();
    let cut = tokenizer();
    let first = tokenizer().with_truncation(Truncation::OnlyFirst);
    let second = tokenizer().with_truncation(Truncation::OnlySecond);
    // Longer than any text.
    let whole = TextTokenizer::from_file(path, 4_000_000).unwrap();
    assert_eq!(expected.blocks.len() * BLOCK, TEXTS);
    let mut refused = 0;
    for (block, expected) in expected.blocks.iter().enumerate() {
        let at = block * BLOCK;
        let block_texts: Vec<&str> = texts[at..at + BLOCK].iter().map(String::as_str).collect();
        let pairs: Vec<(&str, &str)> = block_texts
            .iter()
            .enumerate()
            .map(|(place, text)| {
                let partner = ((at + place) * 7919 + 13) % TEXTS;
                (*text, texts[partner].as_str())
            })
            .collect();
        let tokens = whole.encode("", &block_texts).unwrap();
        let lengths: Vec<String> = tokens.iter().map(|row| row.len().to_string()).collect();
        assert_eq!(
            lengths.join(" "),
            expected.lengths,
            "{name}, block {block}: lengths"
        );
        assert_eq!(
            ids_digest(tokens.iter()),
            expected.whole,
            "{name}, block {block}: whole"
        );
        let tokens = cut.encode("", &block_texts).unwrap();
        assert_eq!(
            ids_digest(tokens.iter()),
            expected.cut,
            "{name}, block {block}: cut"
        );
        let tokens = cut.encode_pairs(&pairs).unwrap();
        assert_eq!(
            pairs_digest(tokens.into_iter().map(Some)),
            expected.pairs,
            "{name}, block {block}: pairs"
        );
        for (tokenizer, expected) in [
            (&first, &expected.only_first),
            (&second, &expected.only_second),
        ] {
            let rows =
                pairs
                    .iter()
                    .step_by(10)
                    .map(|pair| match tokenizer.encode_pairs(&[*pair]) {
                        Ok(mut tokens) => tokens.pop(),
                        Err(Error::PairTooLong { .. }) => {
                            refused += 1;
                            None
                        }
                        Err(error) => panic!("{error}"),
                    });
            assert_eq!(
                &pairs_digest(rows),
                expected,
                "{name}, block {block}: {:?}",
                tokenizer.truncation()
            );
        }
    }
    assert!(refused > 10, "{refused} pairs did not fit");
}

/// The model that setup fetched.
fn minilm() -> PathBuf {
    ModelFolder::open("minilm").unwrap().dir().to_path_buf()
}

#[test]
fn ids_of_a_tiny_model_equal_those_of_transformers() {
    let folder = fixtures().join("models/tiny-bert");
    compare("tiny-bert", &folder.join("tokenizer.json"));
}

#[test]
fn ids_of_a_pretrained_model_equal_those_of_transformers() {
    compare("minilm", &minilm().join("tokenizer.json"));
}

#[test]
fn a_bare_vocabulary_gives_the_ids_of_the_whole_tokenizer() {
    let folder = tempfile::tempdir().unwrap();
    for file in ["vocab.txt", "tokenizer_config.json"] {
        std::fs::copy(minilm().join(file), folder.path().join(file)).unwrap();
    }
    compare("minilm", &folder.path().join("vocab.txt"));
}

#[test]
fn settings_beside_the_tokenizer_count_as_in_transformers() {
    let saved = saved();
    let texts = texts(&saved);
    let texts: Vec<&str> = texts[..VARIED].iter().map(String::as_str).collect();
    let mut different = std::collections::BTreeSet::new();
    for variant in &saved.variants {
        let folder = tempfile::tempdir().unwrap();
        let write = |name: &str, json: &serde_json::Value| {
            std::fs::write(folder.path().join(name), json.to_string()).unwrap();
        };
        let mut path = folder.path().join("vocab.txt");
        std::fs::copy(minilm().join("vocab.txt"), &path).unwrap();
        for (name, content) in &variant.files {
            if name == "keeps_capitals" {
                let bytes = std::fs::read(minilm().join("tokenizer.json")).unwrap();
                let mut json: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
                json["normalizer"]["lowercase"] = false.into();
                json["normalizer"]["strip_accents"] = false.into();
                path = folder.path().join("tokenizer.json");
                write("tokenizer.json", &json);
            } else {
                write(name, content);
            }
        }
        let tokenizer = TextTokenizer::from_file(&path, 4_000_000).unwrap();
        let tokens = tokenizer.encode("", &texts).unwrap();
        assert_eq!(
            ids_digest(tokens.iter()),
            variant.whole,
            "{:?}",
            variant.files
        );
        different.insert(&variant.whole);
    }
    // The first and the last but one have the usual settings, the second and the last keep capitals.
    assert_eq!(different.len(), saved.variants.len() - 2);
}
