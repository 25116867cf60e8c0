//! The link in the repository through which plain `cargo build` finds libtorch.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

/// Where `.cargo/config.toml` makes cargo look for libtorch, below the repository's root.
pub const PLACE: &str = ".native/torch";

/// Makes `place` a symbolic link to `target`, in one step for whoever looks at it meanwhile.
pub fn point(place: &Path, target: &Path) -> Result<()> {
    if fs::read_link(place).is_ok_and(|found| found == target) {
        return Ok(());
    }
    if fs::symlink_metadata(place).is_ok_and(|found| !found.is_symlink()) {
        bail!(
            "{} is not a link; move it away, or set LIBTORCH to it and run setup again",
            place.display()
        );
    }
    let folder = place.parent().unwrap_or(Path::new("."));
    let fresh = folder.join(format!(".torch-{}", std::process::id()));
    let context = || format!("cannot link {} to {}", place.display(), target.display());
    fs::create_dir_all(folder).with_context(context)?;
    // A link of this name can only be left from a process that was killed right here.
    let _ = fs::remove_file(&fresh);
    symlink(target, &fresh).with_context(context)?;
    fs::rename(&fresh, place).with_context(context)
}

#[cfg(unix)]
fn symlink(target: &Path, place: &Path) -> std::io::Result<()> {
    std::os::unix::fs::symlink(target, place)
}

#[cfg(not(unix))]
fn symlink(_: &Path, _: &Path) -> std::io::Result<()> {
    Err(std::io::ErrorKind::Unsupported.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_made_then_replaced_and_a_folder_is_never_touched() {
        let folder = tempfile::tempdir().unwrap();
        let place = folder.path().join(PLACE);
        for target in ["one", "two", "two"] {
            point(&place, Path::new(target)).unwrap();
            assert_eq!(fs::read_link(&place).unwrap(), Path::new(target));
        }
        assert_eq!(fs::read_dir(place.parent().unwrap()).unwrap().count(), 1);

        let place = folder.path().join("real");
        fs::create_dir(&place).unwrap();
        let error = point(&place, Path::new("three")).unwrap_err().to_string();
        assert!(error.contains("set LIBTORCH"), "{error}");
        assert!(place.is_dir());
    }
}
