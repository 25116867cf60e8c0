//! NumPy's own file of one array (format 1.0: <https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html>).

use std::fs::File;
use std::io::{BufWriter, Write as _, copy};
use std::path::PathBuf;

use anyhow::Context as _;
use jobmatch_artifact::Work;

/// Writes a unit's numbers and ids where [`join`] finds them; the files.
pub(super) fn write_unit(
    work: &Work,
    number: u64,
    ids: &[&str],
    values: &[f32],
) -> anyhow::Result<Vec<PathBuf>> {
    let [numbers, names] = unit_files(work, number)?;
    let mut file = create(&numbers)?;
    for value in values {
        file.write_all(&value.to_le_bytes())?;
    }
    file.flush()?;
    let mut file = create(&names)?;
    for id in ids {
        serde_json::to_writer(&mut file, id)?;
        file.write_all(b"\n")?;
    }
    file.flush()?;
    Ok(vec![numbers, names])
}

/// Joins the units to `vectors.npy` (float32, C order, `[rows, dimension]`) and `ids.jsonl`, one JSON string a line.
pub(super) fn join(work: &Work, units: u64, rows: u64, dimension: usize) -> anyhow::Result<()> {
    let vectors = work.path("vectors.npy")?;
    let ids = work.path("ids.jsonl")?;
    let mut outputs = [create(&vectors)?, create(&ids)?];
    outputs[0].write_all(&header(rows, dimension))?;
    for number in 0..units {
        for (path, output) in unit_files(work, number)?.iter().zip(&mut outputs) {
            let mut file =
                File::open(path).with_context(|| format!("cannot read {}", path.display()))?;
            copy(&mut file, output)?;
        }
    }
    for mut output in outputs {
        output.flush()?;
    }
    Ok(())
}

fn unit_files(work: &Work, number: u64) -> anyhow::Result<[PathBuf; 2]> {
    Ok([
        work.scratch(&format!("vectors-{number:05}"))?,
        work.scratch(&format!("ids-{number:05}"))?,
    ])
}

fn create(path: &PathBuf) -> anyhow::Result<BufWriter<File>> {
    let file = File::create(path).with_context(|| format!("cannot create {}", path.display()))?;
    Ok(BufWriter::new(file))
}

/// Magic, version, and a Python dictionary filled up with spaces, so that the numbers begin at a multiple of 64 bytes.
fn header(rows: u64, dimension: usize) -> Vec<u8> {
    let fields =
        format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({rows}, {dimension}), }}");
    let start = b"\x93NUMPY\x01\x00";
    let whole = (start.len() + 2 + fields.len() + 1).next_multiple_of(64);
    let length = whole - start.len() - 2;
    let mut header = start.to_vec();
    header.extend((length as u16).to_le_bytes());
    header.extend(fields.bytes());
    header.resize(whole - 1, b' ');
    header.push(b'\n');
    header
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_as_numpy_writes_it() {
        let header = header(12, 384);
        assert_eq!(header.len(), 128);
        assert_eq!(&header[..10], b"\x93NUMPY\x01\x00\x76\x00");
        let text = std::str::from_utf8(&header[10..]).unwrap();
        assert!(
            text.starts_with("{'descr': '<f4', 'fortran_order': False, 'shape': (12, 384), } ")
        );
        assert!(text.ends_with(" \n"));
    }
}
