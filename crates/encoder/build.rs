//! Gives the executables and tests of a crate that links libtorch the folder where libtorch lies, so that
//! they start without `LD_LIBRARY_PATH`. Every crate that links libtorch names this one file as its build script.

fn main() {
    println!("cargo:rerun-if-env-changed=DEP_TCH_LIBTORCH_LIB");
    if let Ok(folder) = std::env::var("DEP_TCH_LIBTORCH_LIB") {
        println!("cargo:rustc-link-arg=-Wl,-rpath,{folder}");
    }
}
