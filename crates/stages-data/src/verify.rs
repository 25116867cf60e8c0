//! Checks an artifact and what it was made from.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use anyhow::bail;
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
        } else if path.exists() {
            (Input::file("file", path)?.digest, None)
        } else {
            bail!("{} does not exist", path.display());
        };
        Ok(Source {
            path: path.to_owned(),
            digest,
            artifact,
        })
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
            .position(|source| source.digest == input.digest);
        let Some(at) = found else {
            writeln!(text, "{indent}{} {} (not given)", input.role, input.digest)?;
            continue;
        };
        used[at] = true;
        let source = &sources[at];
        let path = source.path.display();
        match &source.artifact {
            // An artifact cannot be made from itself: its digest would have to be known before.
            Some(below) => {
                let stage = &below.manifest().identity.stage;
                writeln!(
                    text,
                    "{indent}{} {} = {path} ({stage})",
                    input.role, input.digest
                )?;
                lineage(below, sources, used, depth + 1, text)?;
            }
            None => writeln!(text, "{indent}{} {} = {path}", input.role, input.digest)?,
        }
    }
    Ok(())
}
