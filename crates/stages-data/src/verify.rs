//! Checks an artifact and what it was made from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use jobmatch_artifact::{Artifact, Input};
use jobmatch_stage::grouped;

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// For people: the artifact's stage, files and inputs, each input with where it was found.
    pub text: String,
    /// The further paths that are no input of the artifact, nor of one of its inputs.
    pub strangers: Vec<PathBuf>,
}

/// Opens the artifact in `folder`, which checks every file, and looks for its inputs, and theirs,
/// among `others`: folders of artifacts, or files that were read.
///
/// # Errors
/// An artifact that is damaged or no artifact, and a file that cannot be read.
pub fn verify(folder: &Path, others: &[PathBuf]) -> anyhow::Result<Verified> {
    let artifact = Artifact::open(folder)?;
    let mut sources = Vec::new();
    for path in others {
        sources.push(Source::open(path)?);
    }
    let mut text = String::new();
    let mut used = vec![false; sources.len()];
    describe(&artifact, folder, &mut text)?;
    lineage(&artifact, &sources, &mut used, 1, &mut text)?;
    let strangers = sources
        .iter()
        .zip(used)
        .filter(|(_, used)| !used)
        .map(|(source, _)| source.path.clone())
        .collect();
    Ok(Verified { text, strangers })
}

/// A path that may be an input.
struct Source {
    path: PathBuf,
    digest: String,
    artifact: Option<Artifact>,
}

impl Source {
    fn open(path: &Path) -> anyhow::Result<Self> {
        let (digest, artifact) = if path.is_dir() {
            let artifact = Artifact::open(path)?;
            (artifact.digest().to_owned(), Some(artifact))
        } else {
            (Input::file("file", path)?.digest, None)
        };
        Ok(Source {
            path: path.to_owned(),
            digest,
            artifact,
        })
    }

    /// Where this source holds the input of that digest: it is the source, or a file in it.
    fn holds(&self, digest: &str) -> Option<PathBuf> {
        if self.digest == digest {
            return Some(self.path.clone());
        }
        let mut files = self.artifact.iter().flat_map(|it| &it.manifest().files);
        let (name, _) = files.find(|(_, file)| file.blake3 == digest)?;
        Some(self.path.join(name))
    }
}

fn describe(artifact: &Artifact, folder: &Path, text: &mut String) -> std::fmt::Result {
    let manifest = artifact.manifest();
    writeln!(text, "{} is whole", folder.display())?;
    writeln!(
        text,
        "stage    {} {}",
        manifest.identity.stage, manifest.identity.program_version
    )?;
    writeln!(text, "seed     {}", manifest.identity.seed)?;
    writeln!(text, "config   {}", manifest.identity.config)?;
    writeln!(text, "digest   {}", artifact.digest())?;
    writeln!(text, "files")?;
    for (name, file) in &manifest.files {
        writeln!(text, "  {:>15}  {name}", grouped(file.bytes))?;
    }
    writeln!(text, "inputs")?;
    Ok(())
}

/// Writes the inputs, each under what was made from it.
fn lineage(
    artifact: &Artifact,
    sources: &[Source],
    used: &mut [bool],
    depth: usize,
    text: &mut String,
) -> std::fmt::Result {
    let indent = "  ".repeat(depth);
    for input in &artifact.manifest().identity.inputs {
        let found = sources
            .iter()
            .enumerate()
            .find_map(|(at, source)| Some((at, source.holds(&input.digest)?)));
        let Some((at, path)) = found else {
            writeln!(text, "{indent}{} {} (not given)", input.role, input.digest)?;
            continue;
        };
        let told = std::mem::replace(&mut used[at], true);
        write!(
            text,
            "{indent}{} {} = {}",
            input.role,
            input.digest,
            path.display()
        )?;
        match &sources[at].artifact {
            Some(below) => {
                writeln!(text, " ({})", below.manifest().identity.stage)?;
                // Once is enough, and ends where an output holds a copy of its input.
                if !told {
                    lineage(below, sources, used, depth + 1, text)?;
                }
            }
            None => text.push('\n'),
        }
    }
    Ok(())
}
