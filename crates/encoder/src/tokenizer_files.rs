//! A tokenizer's files: `tokenizer.json`, or `vocab.txt` where there is none, and the settings beside them.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::{Map, Value};
use tokenizers::decoders::wordpiece::WordPiece as WordPieceDecoder;
use tokenizers::models::wordpiece::WordPiece;
use tokenizers::normalizers::{BertNormalizer, NormalizerWrapper};
use tokenizers::pre_tokenizers::bert::BertPreTokenizer;
use tokenizers::processors::template::TemplateProcessing;
use tokenizers::{AddedToken, Tokenizer};

use crate::folder::{ADDED_TOKENS, SPECIAL_TOKENS, TOKENIZER_CONFIG, VOCABULARY, read_object};
use crate::{Error, Result};

/// The classes that split text as BERT does, without the `Fast` that old ones end in. They build their normalizer from
/// `tokenizer_config.json`, whatever `tokenizer.json` says.
const BERT_CLASSES: [&str; 4] = [
    "BertTokenizer",
    "DistilBertTokenizer",
    "ElectraTokenizer",
    "MPNetTokenizer",
];
/// The tokens with a role, by their names in the settings.
const ROLES: [(&str, &str); 5] = [
    ("unk_token", "[UNK]"),
    ("cls_token", "[CLS]"),
    ("sep_token", "[SEP]"),
    ("pad_token", "[PAD]"),
    ("mask_token", "[MASK]"),
];

/// What was read of a tokenizer's folder.
pub(crate) struct TokenizerFiles {
    pub(crate) tokenizer: Tokenizer,
    /// Whether the model is told which of two texts a token belongs to.
    pub(crate) segments: bool,
    /// Whether the tokenizer differs from what the file alone says.
    adapted: bool,
}

/// The settings in `tokenizer_config.json`.
struct Config<'p> {
    path: &'p Path,
    fields: Map<String, Value>,
}

impl Config<'_> {
    fn error(&self, reason: String) -> Error {
        Error::Config {
            path: self.path.to_path_buf(),
            reason,
        }
    }

    fn get(&self, name: &str) -> Option<&Value> {
        self.fields.get(name).filter(|value| !value.is_null())
    }

    fn flag(&self, name: &str) -> Result<Option<bool>> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(other) => Err(self.error(format!("{name} is {other}; it must be true or false"))),
        }
    }

    /// The class without its `Fast`; `None` where the file does not name one.
    fn class(&self) -> Option<&str> {
        let class = self.get("tokenizer_class")?.as_str()?;
        Some(class.strip_suffix("Fast").unwrap_or(class))
    }

    fn is_bert(&self) -> bool {
        self.class()
            .is_none_or(|class| BERT_CLASSES.contains(&class))
    }

    /// The normalizer that BERT's own class builds.
    fn normalizer(&self) -> Result<BertNormalizer> {
        Ok(BertNormalizer::new(
            true,
            self.flag("tokenize_chinese_chars")?.unwrap_or(true),
            self.flag("strip_accents")?,
            self.flag("do_lower_case")?.unwrap_or(true),
        ))
    }

    /// Refuses what would change the ids and is not done here.
    fn check(&self) -> Result<()> {
        for (name, supported) in [
            ("truncation_side", Value::from("right")),
            ("padding_side", Value::from("right")),
            ("split_special_tokens", Value::from(false)),
        ] {
            if let Some(value) = self.get(name)
                && *value != supported
            {
                return Err(self.error(format!("{name} is {value}; {supported} is supported")));
            }
        }
        Ok(())
    }
}

/// Reads the tokenizer file at `path` and the settings beside it.
pub(crate) fn read_tokenizer(path: &Path) -> Result<TokenizerFiles> {
    let config_path = path.with_file_name(TOKENIZER_CONFIG);
    let config = Config {
        fields: read_object(&config_path)?.unwrap_or_default(),
        path: &config_path,
    };
    config.check()?;
    let (mut tokenizer, mut adapted) = if path.ends_with(VOCABULARY) {
        (from_vocabulary(path, &config)?, true)
    } else {
        let tokenizer = Tokenizer::from_file(path).map_err(|source| Error::Tokenizer {
            path: path.to_path_buf(),
            source,
        })?;
        (tokenizer, false)
    };
    let built = match tokenizer.get_normalizer() {
        Some(NormalizerWrapper::BertNormalizer(built)) if config.is_bert() => Some(*built),
        _ => None,
    };
    if let Some(built) = built {
        let wanted = config.normalizer()?;
        let parts = |n: &BertNormalizer| {
            let strips = n.strip_accents.unwrap_or(n.lowercase);
            (n.clean_text, n.handle_chinese_chars, strips, n.lowercase)
        };
        if parts(&built) != parts(&wanted) {
            tokenizer.with_normalizer(Some(wanted));
            adapted = true;
        }
    }
    let inputs = config.get("model_input_names").and_then(Value::as_array);
    let segments = inputs.is_none_or(|names| names.iter().any(|name| name == "token_type_ids"));
    Ok(TokenizerFiles {
        tokenizer,
        segments,
        adapted,
    })
}

/// Whether the tokenizer at `path` makes capitals small.
pub(crate) fn lowercases(path: &Path) -> Result<bool> {
    fn of(normalizer: &NormalizerWrapper) -> bool {
        match normalizer {
            NormalizerWrapper::BertNormalizer(bert) => bert.lowercase,
            NormalizerWrapper::Lowercase(_) => true,
            NormalizerWrapper::Sequence(all) => all.as_ref().iter().any(of),
            _ => false,
        }
    }
    Ok(read_tokenizer(path)?
        .tokenizer
        .get_normalizer()
        .is_some_and(of))
}

/// The `tokenizer.json` that says alone what the file at `path` says with the settings beside it; `None` where `path`
/// is that file already.
pub(crate) fn effective_json(path: &Path) -> Result<Option<String>> {
    let mut files = read_tokenizer(path)?;
    if !files.adapted {
        return Ok(None);
    }
    let unusable = |source| Error::Tokenizer {
        path: path.to_path_buf(),
        source,
    };
    files.tokenizer.with_padding(None);
    files.tokenizer.with_truncation(None).map_err(unusable)?;
    let mut json = files.tokenizer.to_string(true).map_err(unusable)?;
    json.push('\n');
    Ok(Some(json))
}

/// BERT's tokenizer over a bare vocabulary, one token a line, as transformers' `BertTokenizer` builds it.
fn from_vocabulary(path: &Path, config: &Config) -> Result<Tokenizer> {
    if !config.is_bert() {
        return Err(config.error(format!(
            "tokenizer_class is {}, but there is no tokenizer.json and vocab.txt is read as BertTokenizer does; make \
             tokenizer.json once in Python: `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`",
            config.class().unwrap_or_default()
        )));
    }
    if config.flag("do_basic_tokenize")? == Some(false) {
        return Err(config.error("do_basic_tokenize is false, which is not supported".to_owned()));
    }
    let unusable = |source: tokenizers::Error| Error::Tokenizer {
        path: path.to_path_buf(),
        source,
    };
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let vocabulary = WordPiece::read_bytes(&bytes).map_err(unusable)?;
    let special = special_tokens(path, config)?;
    let role = |name: &str| {
        special
            .roles
            .get(name)
            .map(|token| token.content.clone())
            .unwrap_or_default()
    };
    for name in ["unk_token", "cls_token", "sep_token"] {
        let token = role(name);
        if !vocabulary.contains_key(&token) {
            return Err(Error::Config {
                path: path.to_path_buf(),
                reason: format!(
                    "it does not hold the {name} `{token}`; is it a BERT vocabulary, one token a line, and whole?"
                ),
            });
        }
    }
    let (cls, sep) = (role("cls_token"), role("sep_token"));
    let ids = [&cls, &sep].map(|token| (token.clone(), vocabulary[token.as_str()]));
    // A role that the vocabulary has no token for would be a new row of the embedding, which the model does not have.
    let named: Vec<AddedToken> = special
        .roles
        .values()
        .filter(|token| vocabulary.contains_key(&token.content))
        .cloned()
        .collect();
    let model = WordPiece::builder()
        .vocab(vocabulary)
        .unk_token(role("unk_token"))
        .build()
        .map_err(unusable)?;
    let mut tokenizer = Tokenizer::new(model);
    tokenizer
        .with_normalizer(Some(config.normalizer()?))
        .with_pre_tokenizer(Some(BertPreTokenizer))
        .with_decoder(Some(WordPieceDecoder::default()));
    for (id, token) in &special.numbered {
        tokenizer.add_tokens(std::slice::from_ref(token));
        let found = tokenizer.token_to_id(&token.content);
        if found != Some(*id) {
            return Err(config.error(format!(
                "added token `{}` has id {id}, but would get {found:?}; make tokenizer.json once in Python: \
                 `AutoTokenizer.from_pretrained(FOLDER).save_pretrained(FOLDER)`",
                token.content
            )));
        }
    }
    tokenizer.add_tokens(&named);
    tokenizer.add_tokens(&special.others);
    let template = TemplateProcessing::builder()
        .try_single(vec![
            format!("{cls}:0"),
            "$A:0".to_owned(),
            format!("{sep}:0"),
        ])
        .and_then(|template| {
            template.try_pair(vec![
                format!("{cls}:0"),
                "$A:0".to_owned(),
                format!("{sep}:0"),
                "$B:1".to_owned(),
                format!("{sep}:1"),
            ])
        })
        .map_err(|reason| config.error(reason.to_string()))?
        .special_tokens(ids.to_vec())
        .build()
        .map_err(|reason| config.error(reason.to_string()))?;
    tokenizer.with_post_processor(Some(template));
    Ok(tokenizer)
}

#[derive(Default)]
struct SpecialTokens {
    roles: BTreeMap<&'static str, AddedToken>,
    /// Tokens that the settings number, by id.
    numbered: BTreeMap<u32, AddedToken>,
    others: Vec<AddedToken>,
}

/// The tokens that stand whole: those with a role, and those added to the vocabulary.
fn special_tokens(vocabulary: &Path, config: &Config) -> Result<SpecialTokens> {
    let mut found = SpecialTokens::default();
    let numbers = config
        .get("added_tokens_decoder")
        .and_then(Value::as_object);
    // Old folders keep in two more files what new ones keep in the settings.
    let mut map = config.fields.clone();
    if numbers.is_none()
        && let Some(named) = read_object(&vocabulary.with_file_name(SPECIAL_TOKENS))?
    {
        map.extend(named);
    }
    for (role, usual) in ROLES {
        let token = match map.get(role) {
            None | Some(Value::Null) => AddedToken::from(usual, true),
            Some(value) => added_token(value, true)
                .ok_or_else(|| config.error(format!("{role} is {value}; it must be a token")))?,
        };
        found.roles.insert(role, token);
    }
    for name in ["additional_special_tokens", "extra_special_tokens"] {
        for value in map
            .get(name)
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let token = added_token(value, true)
                .ok_or_else(|| config.error(format!("{name} holds {value}; it must be a token")))?;
            found.others.push(token);
        }
    }
    for (id, value) in numbers.into_iter().flatten() {
        let special = value
            .get("special")
            .and_then(Value::as_bool)
            .unwrap_or(false);
        match (id.parse(), added_token(value, special)) {
            (Ok(id), Some(token)) => found.numbered.insert(id, token),
            _ => {
                return Err(config.error(format!(
                    "added_tokens_decoder holds {id}: {value}; it must be a token"
                )));
            }
        };
    }
    if numbers.is_none() {
        let path = vocabulary.with_file_name(ADDED_TOKENS);
        for (content, id) in read_object(&path)?.unwrap_or_default() {
            let Some(number) = id.as_u64().and_then(|id| u32::try_from(id).ok()) else {
                return Err(Error::Config {
                    path,
                    reason: format!("token `{content}` has id {id}; it must be a whole number"),
                });
            };
            let mut others = found.roles.values().chain(&found.others);
            let special = others.any(|token| token.content == content);
            found
                .numbered
                .insert(number, AddedToken::from(content, special));
        }
    }
    // A numbered token says more of itself than its role does.
    for token in found.roles.values_mut() {
        if let Some(numbered) = found
            .numbered
            .values()
            .find(|other| other.content == token.content)
        {
            *token = numbered.clone();
        }
    }
    Ok(found)
}

/// A token as settings write it: its text, or an object.
fn added_token(value: &Value, special: bool) -> Option<AddedToken> {
    if let Some(content) = value.as_str() {
        return Some(AddedToken::from(content, special));
    }
    let flag = |name: &str| value.get(name).and_then(Value::as_bool);
    let content = value.get("content")?.as_str()?;
    Some(
        AddedToken::from(content, special)
            .single_word(flag("single_word").unwrap_or(false))
            .lstrip(flag("lstrip").unwrap_or(false))
            .rstrip(flag("rstrip").unwrap_or(false))
            .normalized(flag("normalized").unwrap_or(!special)),
    )
}
