//! Compiles the shim against the libtorch that torch-sys links, and the NCCL part into a library of its own where the
//! headers of CUDA and NCCL are there.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The libtorch that the shim is written for: c10d's C++ interface is not stable, so another one is refused.
const VERSION: &str = "2.11";

/// Sources of the shim, in `csrc/`.
const SOURCES: [&str; 11] = [
    "attention.cpp",
    "group.cpp",
    "library.cpp",
    "linear.cpp",
    "nccl.cpp",
    "optimizer.cpp",
    "precision.cpp",
    "quantized.cpp",
    "random.cpp",
    "reducer.cpp",
    "store.cpp",
];

/// What the NCCL part includes, directly or not, beside what `csrc/cuda_declarations` stands in for.
const CUDA_HEADERS: [&str; 4] = ["cuda_runtime.h", "crt/host_config.h", "nv/target", "nccl.h"];

fn main() -> Result<(), String> {
    println!("cargo:rerun-if-changed=csrc");
    if env::var_os("CARGO_FEATURE_DOC_ONLY").is_some() {
        return Ok(());
    }
    let library = env::var("DEP_TCH_LIBTORCH_LIB")
        .map(PathBuf::from)
        .map_err(|_| "torch-sys does not say where libtorch lies: this crate needs torch-sys 0.24 or later")?;
    let torch = library.parent().unwrap_or(&library).to_path_buf();
    let headers = variable("LIBTORCH_INCLUDE")
        .unwrap_or_else(|| torch.clone())
        .join("include");
    check_version(&headers)?;

    let abi = env::var("LIBTORCH_CXX11_ABI").unwrap_or_else(|_| "1".to_owned());
    let mut shim = cc::Build::new();
    shim.cpp(true)
        .pic(true)
        .std("c++17")
        .define("USE_C10D_GLOO", None)
        .define("_GLIBCXX_USE_CXX11_ABI", abi.as_str())
        .include("csrc")
        .include("csrc/gloo_declarations")
        .flag("-Wno-unused-parameter");
    for folder in [headers.clone(), headers.join("torch/csrc/api/include")] {
        // Not our headers, so not our warnings.
        shim.flag("-isystem").flag(folder);
    }
    // libtorch's loops over threads are templates over OpenMP.
    shim.flag_if_supported("-fopenmp");
    for (name, lanes, flags) in kernels() {
        cc::Build::new()
            .cpp(true)
            .pic(true)
            .std("c++17")
            .opt_level(3)
            .define("TX_KERNELS", format!("kernels_{name}").as_str())
            .define("TX_NAME", format!("\"{name}\"").as_str())
            .define("TX_LANES", lanes)
            .flags(flags)
            .file("csrc/kernels.cpp")
            .try_compile(&format!("torch_ext_kernels_{name}"))
            .map_err(|error| format!("the {name} kernels do not compile: {error}"))?;
    }
    shim.clone()
        .files(SOURCES.map(|name| format!("csrc/{name}")))
        .try_compile("torch_ext")
        .map_err(|error| format!("the shim over libtorch does not compile: {error}"))?;
    println!("cargo:rustc-link-lib=gomp");

    if let Some(folders) = cuda_headers(&torch) {
        let nccl = compile_nccl(shim, &folders)?;
        println!("cargo:rustc-env=TORCH_EXT_NCCL={}", nccl.display());
    }
    Ok(())
}

/// The instruction sets that the kernels are compiled for: name, floats in a vector, compiler flags.
fn kernels() -> Vec<(&'static str, &'static str, &'static [&'static str])> {
    let mut all: Vec<(_, _, &[_])> = vec![("plain", "4", &["-Wno-psabi"])];
    if env::var("CARGO_CFG_TARGET_ARCH").as_deref() == Ok("x86_64") {
        all.push(("avx2", "8", &["-mavx2", "-mfma"]));
        all.push((
            "avx512",
            "16",
            &[
                "-mavx512f",
                "-mavx512bw",
                "-mavx512dq",
                "-mavx512vl",
                "-mfma",
            ],
        ));
    }
    all
}

fn variable(name: &str) -> Option<PathBuf> {
    println!("cargo:rerun-if-env-changed={name}");
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// An error unless the headers are of the version that the shim is written for.
fn check_version(headers: &Path) -> Result<(), String> {
    // Where libtorch 2.11 says it, and where earlier ones do.
    let places = [
        "torch/headeronly/version.h",
        "torch/csrc/api/include/torch/version.h",
    ];
    let texts: Vec<String> = places
        .iter()
        .filter_map(|place| std::fs::read_to_string(headers.join(place)).ok())
        .collect();
    if texts.is_empty() {
        return Err(format!(
            "libtorch's headers are not in {}; set LIBTORCH to a libtorch {VERSION} with its `include`, or run `cargo xtask setup`",
            headers.display()
        ));
    }
    let part = |name: &str| {
        let start = format!("#define TORCH_VERSION_{name} ");
        let lines = texts.iter().flat_map(|text| text.lines());
        lines
            .filter_map(|line| line.strip_prefix(&start))
            .map(str::trim)
            .next()
            .unwrap_or("?")
            .to_owned()
    };
    let found = format!("{}.{}", part("MAJOR"), part("MINOR"));
    if found == VERSION {
        Ok(())
    } else {
        Err(format!(
            "this needs libtorch {VERSION}, but {} is of {found}; `cargo xtask setup` fetches the right one",
            headers.display()
        ))
    }
}

/// The folders where all that the NCCL part includes is found, or none.
fn cuda_headers(torch: &Path) -> Option<Vec<PathBuf>> {
    let beside = torch.parent().unwrap_or(torch).join("nvidia");
    let places = ["CUDA_HOME", "CUDA_PATH", "NCCL_HOME"];
    let mut folders: Vec<PathBuf> = places
        .iter()
        .filter_map(|name| variable(name))
        .flat_map(|place| [place.join("include"), place.join("include/cccl")])
        .collect();
    // As the wheels of PyPI lay them out.
    folders.extend(
        ["cu13/include", "cu13/include/cccl", "nccl/include"].map(|place| beside.join(place)),
    );
    let system = PathBuf::from("/usr/local/cuda/include");
    folders.extend([system.join("cccl"), system]);
    folders.retain(|folder| folder.is_dir());
    CUDA_HEADERS
        .iter()
        .all(|header| folders.iter().any(|folder| folder.join(header).exists()))
        .then_some(folders)
}

/// Compiles the NCCL part to a shared library; what it needs of libtorch is found when it is loaded.
fn compile_nccl(mut shim: cc::Build, folders: &[PathBuf]) -> Result<PathBuf, String> {
    shim.define("USE_C10D_NCCL", None).cargo_metadata(false);
    for folder in folders {
        shim.flag("-isystem").flag(folder);
    }
    // After the real ones, which win where they are there.
    shim.flag("-isystem").flag("csrc/cuda_declarations");
    let objects = shim
        .file("csrc/nccl_library.cpp")
        .try_compile_intermediates()
        .map_err(|error| format!("the NCCL part of the shim does not compile: {error}"))?;
    let out = env::var_os("OUT_DIR").ok_or("cargo sets no OUT_DIR")?;
    let library = Path::new(&out).join("libtorch_ext_nccl.so");
    let mut link: Command = shim
        .try_get_compiler()
        .map_err(|error| error.to_string())?
        .to_command();
    link.arg("-shared").arg("-o").arg(&library).args(objects);
    let linked = link
        .status()
        .map_err(|error| format!("cannot start the linker: {error}"))?;
    if linked.success() {
        Ok(library)
    } else {
        Err("the NCCL part of the shim does not link".to_owned())
    }
}
