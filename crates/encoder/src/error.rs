use std::path::{Path, PathBuf};

/// What can go wrong between a model folder and its numbers.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the model folder could not be read or written.
    #[error("cannot {action} {path}")]
    Io {
        /// What was tried, for example `read` or `write`.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The operating system's reason.
        source: std::io::Error,
    },
    /// A model was named that stands neither in a folder nor in the cache.
    #[error("no model `{name}`: {hint}")]
    UnknownModel {
        /// What the caller asked for.
        name: String,
        /// Where it was looked for, and what to do.
        hint: String,
    },
    /// A model could not be fetched from the Hugging Face hub.
    #[error(
        "there is no folder `{model}`, and the model of that name cannot be fetched from {url}: {reason}; without a \
         network here, fetch it elsewhere (`{command}`) and give that folder"
    )]
    Hub {
        /// What was asked for, `owner/name` or `owner/name@revision`.
        model: String,
        /// The address that was tried.
        url: String,
        /// What went wrong.
        reason: String,
        /// How the hub's own program fetches it.
        command: String,
    },
    /// A model of the Hugging Face hub is not whole in its cache, and the network is forbidden.
    #[error(
        "there is no folder `{model}`, the model of that name is not whole in {folder}, and {switch} forbids fetching \
         it: unset {switch}, or fetch it elsewhere (`{command}`) and give that folder"
    )]
    NotCached {
        /// What was asked for, `owner/name` or `owner/name@revision`.
        model: String,
        /// The model's folder in the cache.
        folder: PathBuf,
        /// The environment variable that forbids the network.
        switch: &'static str,
        /// How the hub's own program fetches it.
        command: String,
    },
    /// Something else lies where a model folder has a file.
    #[error("{path} is {found}, but must be a file; fetch or save the model folder again")]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What lies there.
        found: &'static str,
    },
    /// A file that a model folder must have is not there.
    #[error("model folder {folder} has no {file}: {hint}")]
    MissingFile {
        /// The model folder.
        folder: PathBuf,
        /// The file's name in it.
        file: String,
        /// What to do.
        hint: String,
    },
    /// A JSON file of the folder does not say what it must.
    #[error("{path} is not a valid model configuration: {reason}")]
    Config {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the setting and its value.
        reason: String,
    },
    /// The tokenizer file could not be used.
    #[error("cannot use the tokenizer {path}; fetch or save it again")]
    Tokenizer {
        /// The file.
        path: PathBuf,
        /// The tokenizer library's reason.
        source: tokenizers::Error,
    },
    /// A text could not be tokenized.
    #[error("cannot tokenize a text")]
    Tokenize {
        /// The tokenizer library's reason.
        source: tokenizers::Error,
    },
    /// A pair does not fit, and the text that may be cut is too short to make it fit.
    #[error(
        "pair {pair} does not fit into {max_tokens} tokens: its {kept} text, which is not to be cut, has {tokens} of the \
         {room} tokens that the special tokens leave; shorten that text, or cut the longer text first"
    )]
    PairTooLong {
        /// The pair's place in the input, from 0.
        pair: usize,
        /// `first` or `second`: the text that is not cut.
        kept: &'static str,
        /// Its tokens.
        tokens: usize,
        /// Tokens of a pair beside its special tokens.
        room: usize,
        /// The longest input in tokens, special tokens included.
        max_tokens: usize,
    },
    /// Windows over a text cannot go on.
    #[error(
        "windows of {max_tokens} tokens that share {stride} cannot go on, since what stands in each of them takes {fixed}: \
         stride must be less than {}",
        .max_tokens.saturating_sub(*.fixed)
    )]
    Windows {
        /// Tokens that neighbours are to share.
        stride: usize,
        /// Tokens that stand in each window: special ones, and a prompt or the second text of a pair.
        fixed: usize,
        /// The longest input in tokens, special tokens included.
        max_tokens: usize,
    },
    /// The weights file is not a safetensors file.
    #[error("{path} is not a whole safetensors file; fetch or save it again")]
    Weights {
        /// The file.
        path: PathBuf,
        /// The parser's reason.
        source: safetensors::SafeTensorError,
    },
    /// A tensor that the architecture needs is not in the weights.
    #[error(
        "{path} has no tensor `{tensor}`, which config.json asks for with shape {expected:?}: one of the two belongs to \
         another model; fetch or save the folder again"
    )]
    MissingTensor {
        /// The weights file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shape it should have.
        expected: Vec<i64>,
    },
    /// A tensor in the weights has no place in the architecture.
    #[error(
        "{path} holds a tensor `{tensor}`, which config.json does not ask for: one of the two belongs to another model; \
         fetch or save the folder again"
    )]
    ExtraTensor {
        /// The weights file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
    },
    /// A tensor has another shape than the architecture needs.
    #[error(
        "tensor `{tensor}` in {path} has shape {found:?}, but config.json asks for {expected:?}: one of the two belongs \
         to another model; fetch or save the folder again"
    )]
    TensorShape {
        /// The weights file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The shape that config.json implies.
        expected: Vec<i64>,
        /// The shape in the file.
        found: Vec<i64>,
    },
    /// A tensor has an element type that is not supported.
    #[error(
        "tensor `{tensor}` in {path} has element type {found}; save the model in float32, float16 or bfloat16"
    )]
    TensorType {
        /// The weights file.
        path: PathBuf,
        /// The tensor's name.
        tensor: String,
        /// The element type in the file.
        found: String,
    },
    /// A frozen model was to be frozen again.
    #[error("a model for inference has no copy; load it again in the precision that you want")]
    Frozen,
    /// A setting makes no sense.
    #[error("{setting} is {value}; {expected}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// Its value.
        value: String,
        /// What it must be.
        expected: String,
    },
    /// rust-bert failed.
    #[cfg(feature = "rust-bert")]
    #[error("rust-bert failed")]
    RustBert(#[from] rust_bert::RustBertError),
    /// What `torch-ext` says.
    #[error(transparent)]
    TorchExt(#[from] jobmatch_torch_ext::Error),
    /// libtorch refused an operation.
    #[error("libtorch failed")]
    Torch(#[from] tch::TchError),
}

/// The crate's result.
pub type Result<T> = std::result::Result<T, Error>;

impl Error {
    /// An I/O failure with the path it happened on; for `map_err`.
    pub(crate) fn io(
        action: &'static str,
        path: &Path,
    ) -> impl FnOnce(std::io::Error) -> Self + use<> {
        let path = path.to_path_buf();
        move |source| Self::Io {
            action,
            path,
            source,
        }
    }
}
