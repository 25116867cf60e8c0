//! libtorch and FAISS share a process, and each brings a BLAS: libtorch must find its own.
#![allow(
    clippy::unwrap_used,
    reason = "a failed unwrap is a failed test, and says where"
)]

use std::process::Command;

#[test]
fn libtorch_multiplies_matrices_by_itself() {
    let programs = [
        env!("CARGO_BIN_EXE_jobmatch-train-biencoder"),
        env!("CARGO_BIN_EXE_jobmatch-train-crossencoder"),
        env!("CARGO_BIN_EXE_jobmatch-index"),
        env!("CARGO_BIN_EXE_jobmatch-evaluate"),
        env!("CARGO_BIN_EXE_jobmatch-match"),
    ];
    for program in programs {
        // The dynamic linker says on standard error to which library it binds each symbol.
        let output = Command::new(program)
            .arg("--help")
            .env("LD_BIND_NOW", "1")
            .env("LD_DEBUG", "bindings")
            .output()
            .unwrap();
        let log = String::from_utf8_lossy(&output.stderr);
        let bindings: Vec<&str> = log
            .lines()
            .filter(|line| line.contains("`sgemm_'"))
            .collect();
        let of_libtorch: Vec<&&str> = bindings
            .iter()
            .filter(|line| line.contains("libtorch_cpu.so [0] to"))
            .collect();
        assert!(!of_libtorch.is_empty(), "{program}: {bindings:?}");
        for line in of_libtorch {
            let (_, bound_to) = line.split_once(" to ").unwrap();
            assert!(bound_to.contains("libtorch_cpu.so"), "{program}: {line}");
        }
    }
}
