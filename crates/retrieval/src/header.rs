//! The first bytes of a FAISS file, read before FAISS reads it.
//!
//! FAISS allocates what a file's length fields ask for before it finds that the file is shorter, and its Rust binding
//! knows two metrics only. So what can be known beforehand is checked here: the metric and dimension of every kind of
//! index, and the exact size of a flat one.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::{Error, Result};

/// Bytes before the payload: kind 4, dimension 4, rows 8, two unused 8, trained 1, metric 4.
const HEADER: usize = 37;
/// FAISS's number of the inner product among its metrics.
const INNER_PRODUCT: i32 = 0;
/// Kinds of flat index: inner product, and the one that names its metric.
const FLAT_KINDS: [&[u8; 4]; 2] = [b"IxFI", b"IxFl"];

/// Refuses a file that cannot be an index for inner products; says whether it is a flat one.
pub(crate) fn check(path: &Path) -> Result<bool> {
    let open = |source| Error::Open {
        path: path.to_path_buf(),
        source,
    };
    let damaged = |why: String| Error::Damaged {
        path: path.to_path_buf(),
        why,
    };
    let mut file = File::open(path).map_err(open)?;
    let size = file.metadata().map_err(open)?.len();
    if size < HEADER as u64 {
        return Err(damaged(format!("it has {size} bytes")));
    }
    let mut bytes = [0u8; HEADER];
    file.read_exact(&mut bytes).map_err(open)?;

    let dimension = i32::from_le_bytes(array(&bytes, 4));
    let rows = i64::from_le_bytes(array(&bytes, 8));
    let metric = i32::from_le_bytes(array(&bytes, 33));
    let (Ok(width), Ok(height)) = (u64::try_from(dimension), u64::try_from(rows)) else {
        return Err(damaged(format!(
            "it says {rows} rows of dimension {dimension}"
        )));
    };
    if width == 0 {
        return Err(damaged("it says dimension 0".to_owned()));
    }
    if metric != INNER_PRODUCT {
        return Err(damaged(format!("its metric has number {metric}, not 0")));
    }
    let flat = FLAT_KINDS.iter().any(|kind| bytes.starts_with(*kind));
    if flat {
        let expected = height
            .checked_mul(width)
            .and_then(|values| values.checked_mul(4))
            .and_then(|payload| payload.checked_add(HEADER as u64 + 8));
        if expected != Some(size) {
            return Err(damaged(format!(
                "{size} bytes do not hold {rows} rows of dimension {dimension}"
            )));
        }
    }
    Ok(flat)
}

/// `N` bytes from `start`; the header is longer than every field asked of it.
fn array<const N: usize>(bytes: &[u8; HEADER], start: usize) -> [u8; N] {
    std::array::from_fn(|offset| bytes[start + offset])
}
