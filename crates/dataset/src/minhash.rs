//! How alike two texts are, told from a few bytes of each.
//!
//! The texts' sets of three-word shingles are compared by one permutation hashing (Li, Owen and Zhang 2012): a hash sends
//! each shingle to one of [`BINS`] bins, where the smallest value stays; an empty bin takes the value of another, chosen
//! by its own hash alone (optimal densification, Shrivastava 2017). The share of equal bins estimates the Jaccard
//! similarity of the sets, with a standard error of about 0.04. One byte of each value is kept (Li and König 2010).

/// Bins of a signature.
pub(crate) const BINS: usize = 128;
/// Bands of a signature: texts that agree in all rows of some band are compared.
pub(crate) const BANDS: usize = 32;
const ROWS: usize = BINS / BANDS;

/// What is kept of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Signature {
    /// One byte of each bin's value.
    pub(crate) bytes: [u8; BINS],
    /// A hash of each band's values.
    pub(crate) bands: [u32; BANDS],
}

impl Signature {
    /// The signature of a text. Case, white space and punctuation make no difference.
    pub(crate) fn of(text: &str) -> Self {
        let mut bins = [u64::MAX; BINS];
        let mut add = |shingle: u64| {
            let hash = mix(shingle);
            let bin = &mut bins[hash as usize % BINS];
            *bin = (*bin).min(hash >> 8);
        };
        // The hashes of the last two words; 0 where there is none.
        let (mut second, mut last, mut words) = (0u64, 0u64, 0usize);
        each_word(text, |word| {
            words += 1;
            if words >= 3 {
                add(second.rotate_left(21) ^ last.rotate_left(42) ^ word);
            }
            (second, last) = (last, word);
        });
        if words < 3 {
            add(second.rotate_left(21) ^ last.rotate_left(42));
        }
        Self::of_bins(&bins)
    }

    fn of_bins(bins: &[u64; BINS]) -> Self {
        let mut filled = *bins;
        for (at, value) in filled.iter_mut().enumerate() {
            let mut attempt = 0;
            while *value == u64::MAX {
                attempt += 1;
                *value = bins[mix((at as u64) << 32 | attempt) as usize % BINS];
            }
        }
        let mut signature = Self {
            bytes: [0; BINS],
            bands: [0; BANDS],
        };
        for (byte, value) in signature.bytes.iter_mut().zip(filled) {
            *byte = mix(value) as u8;
        }
        for (band, rows) in signature.bands.iter_mut().zip(filled.chunks(ROWS)) {
            let hash = rows.iter().fold(0, |hash, value| mix(hash ^ value));
            *band = (hash >> 32) as u32;
        }
        signature
    }
}

/// The estimated Jaccard similarity of two texts, 0 to 1, from the bytes of their signatures.
pub(crate) fn similarity(a: &[u8], b: &[u8]) -> f64 {
    let equal = a.iter().zip(b).filter(|(a, b)| a == b).count() as f64 / BINS as f64;
    // Bytes of different values are equal by chance once in 256 times.
    ((equal - 1.0 / 256.0) / (1.0 - 1.0 / 256.0)).max(0.0)
}

/// Hashes of the words: runs of letters and digits, in small letters.
fn each_word(text: &str, mut each: impl FnMut(u64)) {
    const START: u64 = 0xcbf2_9ce4_8422_2325;
    let mut hash = START;
    let mut inside = false;
    for c in text.chars() {
        if c.is_ascii_alphanumeric() {
            hash = step(hash, u32::from(c.to_ascii_lowercase()));
            inside = true;
        } else if !c.is_ascii() && c.is_alphanumeric() {
            for small in c.to_lowercase() {
                hash = step(hash, u32::from(small));
            }
            inside = true;
        } else if inside {
            each(hash);
            (hash, inside) = (START, false);
        }
    }
    if inside {
        each(hash);
    }
}

/// One step of FNV-1a.
fn step(hash: u64, value: u32) -> u64 {
    (hash ^ u64::from(value)).wrapping_mul(0x0100_0000_01b3)
}

/// The finalizer of splitmix64.
fn mix(value: u64) -> u64 {
    let value = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let value = (value ^ (value >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    value ^ (value >> 31)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    /// A text of `words` words, drawn by `seed`.
    fn text(seed: u64, words: u64) -> Vec<String> {
        (0..words)
            .map(|at| format!("w{}", mix(seed << 20 | at) % 5000))
            .collect()
    }

    fn jaccard(a: &[String], b: &[String]) -> f64 {
        let shingles = |words: &[String]| -> HashSet<Vec<String>> {
            words.windows(3).map(<[String]>::to_vec).collect()
        };
        let (a, b) = (shingles(a), shingles(b));
        a.intersection(&b).count() as f64 / a.union(&b).count() as f64
    }

    #[test]
    fn the_estimate_is_near_the_jaccard_similarity() {
        let mut errors = Vec::new();
        for seed in 0..200 {
            let a = text(seed, 40 + seed);
            let mut b = a.clone();
            // From no word changed to many.
            for change in 0..seed % 20 {
                let at = (mix(seed << 8 | change) % b.len() as u64) as usize;
                b[at] = format!("changed{change}");
            }
            let (true_one, estimate) = (
                jaccard(&a, &b),
                similarity(
                    &Signature::of(&a.join(" ")).bytes,
                    &Signature::of(&b.join(" ")).bytes,
                ),
            );
            errors.push((estimate - true_one).abs());
        }
        let mean = errors.iter().sum::<f64>() / errors.len() as f64;
        assert!(mean < 0.04, "{mean}");
        assert!(errors.iter().all(|error| *error < 0.2), "{errors:?}");
    }

    #[test]
    fn near_copies_share_a_band() {
        let found = (0..500).filter(|seed| {
            let a = text(*seed, 120);
            let mut b = a.clone();
            for change in 0..4 {
                b[(17 + 29 * change) % 120] = "changed".to_owned();
            }
            let (a, b) = (Signature::of(&a.join(" ")), Signature::of(&b.join(" ")));
            a.bands.iter().zip(b.bands).any(|(a, b)| *a == b)
        });
        assert!(found.count() >= 499);
    }

    #[test]
    fn case_and_signs_make_no_difference() {
        let same = |a: &str, b: &str| assert_eq!(Signature::of(a), Signature::of(b));
        same(
            "Sell ships, paint walls.",
            "\u{2022} SELL ships -- paint\nwalls",
        );
        same("", " . ");
        assert_ne!(Signature::of("sell"), Signature::of("sell ships"));
    }
}
