//! Weights in and out of safetensors files, every tensor checked by name and shape.

use std::collections::{BTreeMap, HashMap};
use std::io::Read as _;
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use tch::{Kind, Tensor, nn};

use crate::{Error, Result};

/// Buffers that old checkpoints carry beside the weights; they follow from the configuration.
const KNOWN_BUFFERS: [&str; 1] = ["embeddings.position_ids"];
/// What Hugging Face puts before the encoder's names when a head stands beside it.
const BASE_PREFIXES: [&str; 7] = [
    "bert.",
    "roberta.",
    "distilbert.",
    "albert.",
    "electra.",
    "longformer.",
    "mobilebert.",
];
/// Heads of the pre-training, which are of no use after it.
const PRETRAINING_HEADS: [&str; 3] = ["cls.", "lm_head.", "vocab_"];

/// Copies the tensors of the safetensors file at `path` into the variables of `store`, by name.
///
/// Names are compared without the prefix `bert.` (`roberta.`, `distilbert.`), since a folder may hold the bare encoder or one
/// with a head.
/// Variables whose name starts with one of `fresh` may be absent from the file and then keep their initial values;
/// tensors of the file whose name starts with one of `unused` are left out.
///
/// # Errors
/// A missing, extra, wrongly shaped or wrongly typed tensor is named; nothing is promised of `store` then.
pub fn load_weights(
    store: &nn::VarStore,
    path: &Path,
    fresh: &[&str],
    unused: &[&str],
) -> Result<()> {
    let bytes = std::fs::read(path).map_err(Error::io("read", path))?;
    let file = SafeTensors::deserialize(&bytes).map_err(|source| Error::Weights {
        path: path.to_path_buf(),
        source,
    })?;
    let mut in_file: BTreeMap<String, TensorView> = file
        .tensors()
        .into_iter()
        .map(|(name, view)| (bare(&name), view))
        .collect();

    // A HashMap in the library: sorted, so that the first error is always the same one.
    let variables: BTreeMap<String, Tensor> = store.variables().into_iter().collect();
    for (name, mut variable) in variables {
        let name = bare(&name);
        let expected = variable.size();
        let Some(view) = in_file.remove(&name) else {
            if starts_with_any(&name, fresh) {
                continue;
            }
            return Err(Error::MissingTensor {
                path: path.to_path_buf(),
                tensor: name,
                expected,
            });
        };
        let tensor = to_tensor(&view, &name, path)?;
        if tensor.size() != expected {
            return Err(Error::TensorShape {
                path: path.to_path_buf(),
                tensor: name,
                expected,
                found: tensor.size(),
            });
        }
        tch::no_grad(|| variable.f_copy_(&tensor))?;
    }
    let left_over = in_file.into_keys().find(|name| {
        let known =
            KNOWN_BUFFERS.contains(&name.as_str()) || starts_with_any(name, &PRETRAINING_HEADS);
        !known && !starts_with_any(name, unused)
    });
    match left_over {
        Some(tensor) => Err(Error::ExtraTensor {
            path: path.to_path_buf(),
            tensor,
        }),
        None => Ok(()),
    }
}

/// The names of the tensors in a safetensors file, without a family's prefix; none where it is not sound, which
/// [`load_weights`] then says.
pub(crate) fn names_in(path: &Path) -> Vec<String> {
    let header = || -> std::io::Result<serde_json::Map<String, serde_json::Value>> {
        let mut file = std::fs::File::open(path)?;
        let mut length = [0; 8];
        file.read_exact(&mut length)?;
        let mut header = Vec::new();
        file.take(u64::from_le_bytes(length))
            .read_to_end(&mut header)?;
        Ok(serde_json::from_slice(&header)?)
    };
    let header = header().unwrap_or_default();
    header.keys().map(|name| bare(name)).collect()
}

fn bare(name: &str) -> String {
    let prefix = BASE_PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix));
    prefix.unwrap_or(name).to_owned()
}

/// Writes the variables of `store` to a safetensors file, contiguous, as float32. The same weights give the same bytes.
///
/// # Errors
/// When the file cannot be written.
pub fn save_weights(store: &nn::VarStore, path: &Path) -> Result<()> {
    let mut tensors: BTreeMap<String, (Vec<usize>, Vec<u8>)> = BTreeMap::new();
    for (name, variable) in store.variables() {
        let values = variable
            .detach()
            .to_device(tch::Device::Cpu)
            .to_kind(Kind::Float)
            .contiguous();
        let shape = values.size().into_iter().map(|n| n as usize).collect();
        let flat = Vec::<f32>::try_from(values.view(-1))?;
        let bytes = flat.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.insert(name, (shape, bytes));
    }
    let broken = |source| Error::Weights {
        path: path.to_path_buf(),
        source,
    };
    let views = tensors
        .iter()
        .map(|(name, (shape, bytes))| {
            let view = TensorView::new(Dtype::F32, shape.clone(), bytes).map_err(broken)?;
            Ok((name.as_str(), view))
        })
        .collect::<Result<Vec<_>>>()?;
    // transformers refuses a safetensors file that does not say which library its layout comes from.
    let format = HashMap::from([("format".to_owned(), "pt".to_owned())]);
    safetensors::serialize_to_file(views, Some(format), path).map_err(broken)
}

fn starts_with_any(name: &str, prefixes: &[&str]) -> bool {
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

fn to_tensor(view: &TensorView, name: &str, path: &Path) -> Result<Tensor> {
    let kind = match view.dtype() {
        Dtype::F32 => Kind::Float,
        Dtype::F16 => Kind::Half,
        Dtype::BF16 => Kind::BFloat16,
        other => {
            return Err(Error::TensorType {
                path: path.to_path_buf(),
                tensor: name.to_owned(),
                found: format!("{other:?}"),
            });
        }
    };
    let shape: Vec<i64> = view.shape().iter().map(|&n| n as i64).collect();
    Ok(Tensor::f_from_data_size(view.data(), &shape, kind)?)
}
