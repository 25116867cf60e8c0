//! The first bytes of a FAISS file, read before FAISS reads it.
//!
//! FAISS allocates what a file's length fields ask for before it finds that the file is shorter, and its Rust binding
//! knows two metrics only. So what can be known beforehand is checked here: the metric and dimension of every kind of
//! index, and the exact size of a flat one.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use crate::native::Kind;
use crate::{Error, Result};

/// Bytes before the payload: kind 4, dimension 4, rows 8, two unused 8, trained 1, metric 4.
const HEADER: usize = 37;
/// Bytes of an index of cells up to the kind of the index over its centres: the header, cells 8, cells visited 8.
const CELLS: usize = HEADER + 16;
/// FAISS's number of the inner product among its metrics.
const INNER_PRODUCT: i32 = 0;
/// Kinds of flat index: inner product, and the one that names its metric.
const FLAT_KINDS: [&[u8]; 2] = [b"IxFI", b"IxFl"];
/// A graph over vectors as they are.
const GRAPH_KIND: &[u8] = b"IHNf";
/// Lists of product codes, of scalar codes.
const CODE_KINDS: [&[u8]; 2] = [b"IxPq", b"IxSQ"];
/// Cells of vectors as they are, of product codes, of scalar codes.
const CELL_KINDS: [&[u8]; 3] = [b"IwFl", b"IwPQ", b"IwSq"];

/// Refuses a file that cannot be an index for inner products; says of which kind it is.
pub(crate) fn check(path: &Path) -> Result<Kind> {
    let open = |source| Error::Open {
        path: path.to_path_buf(),
        source,
    };
    let damaged = |why: String| Error::Damaged {
        path: path.to_path_buf(),
        why,
    };
    let file = File::open(path).map_err(open)?;
    let size = file.metadata().map_err(open)?.len();
    if size < HEADER as u64 {
        return Err(damaged(format!("it has {size} bytes")));
    }
    let mut bytes = Vec::with_capacity(CELLS + 4);
    file.take(CELLS as u64 + 4)
        .read_to_end(&mut bytes)
        .map_err(open)?;

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
    let is = |start: usize, kinds: &[&[u8]]| {
        kinds
            .iter()
            .any(|kind| bytes.get(start..start + 4) == Some(kind))
    };
    if is(0, &FLAT_KINDS) {
        let expected = height
            .checked_mul(width)
            .and_then(|values| values.checked_mul(4))
            .and_then(|payload| payload.checked_add(HEADER as u64 + 8));
        if expected != Some(size) {
            return Err(damaged(format!(
                "{size} bytes do not hold {rows} rows of dimension {dimension}"
            )));
        }
        return Ok(Kind::Flat);
    }
    Ok(if is(0, &[GRAPH_KIND]) {
        Kind::Hnsw
    } else if is(0, &CODE_KINDS) {
        Kind::Codes
    } else if is(0, &CELL_KINDS) && is(CELLS, &FLAT_KINDS) {
        Kind::Ivf
    } else {
        Kind::Other
    })
}

/// `N` bytes from `start`, which stand within the header.
fn array<const N: usize>(bytes: &[u8], start: usize) -> [u8; N] {
    std::array::from_fn(|offset| bytes[start + offset])
}
