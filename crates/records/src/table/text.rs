//! What text formats share: decompression, the byte order mark.

use std::fs::File;
use std::io::{BufReader, Cursor, Read};
use std::path::Path;

use super::Compression;
use crate::{Error, Result};

/// Bytes read from the disk at once.
pub(super) const BUFFER: usize = 1 << 16;

/// A text file's bytes, decompressed, without the mark that some programs put before UTF-8.
pub(super) fn decoded(
    file: File,
    path: &Path,
    compression: Compression,
) -> Result<Box<dyn Read + Send>> {
    let file = BufReader::with_capacity(BUFFER, file);
    let mut reader: Box<dyn Read + Send> = match compression {
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(file)),
        Compression::Zstd => {
            Box::new(zstd::Decoder::with_buffer(file).map_err(Error::io("read", path))?)
        }
        Compression::None => Box::new(file),
    };
    let mut head = Vec::with_capacity(3);
    reader
        .by_ref()
        .take(3)
        .read_to_end(&mut head)
        .map_err(Error::io("read", path))?;
    if head.starts_with(b"\xff\xfe") || head.starts_with(b"\xfe\xff") {
        return Err(Error::Syntax {
            path: path.to_path_buf(),
            line: 1,
            reason: "the file is UTF-16; save it as UTF-8".to_owned(),
        });
    }
    Ok(if head == b"\xef\xbb\xbf" {
        reader
    } else {
        Box::new(Cursor::new(head).chain(reader))
    })
}
