//! Pairs of texts to token ids: each text is tokenized once, however many pairs it stands in.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use tch::Tensor;
use tokenizers::tokenizer::Token;
use tokenizers::{Encoding, Tokenizer};

use crate::tokenizer::{TextTokenizer, Truncation};
use crate::tokens::Tokens;
use crate::{Error, Result};

/// How a pair that is longer than the model takes is computed all the same: its first text in windows, each beside the second text,
/// and the pair's logit out of theirs. The second text is whole in each, unless it takes more than half of the room: it is cut to
/// that half then, or to what the first text leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PairWindows {
    /// Windows of a pair, at most, 1 or more: what is behind the last is cut. Default: 8.
    pub most: usize,
    /// Tokens of the first text that two neighbours share. Default: 64.
    pub stride: usize,
    /// How the logit of a pair comes from its windows'. Default: `max`.
    pub pooling: WindowPooling,
}

impl Default for PairWindows {
    fn default() -> Self {
        Self {
            most: 8,
            stride: 64,
            pooling: WindowPooling::default(),
        }
    }
}

/// The logit of a pair out of its windows'. A pair of one window has that one's logit either way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WindowPooling {
    /// The highest.
    #[default]
    Max,
    /// `log Σ exp z`: the odds of the windows add up, and all of them learn.
    LogSumExp,
}

impl WindowPooling {
    /// The logit of a pair.
    pub(crate) fn of(self, windows: &[f32]) -> f32 {
        let highest = windows.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        match self {
            _ if windows.len() == 1 => windows[0],
            // `f32::max` passes over what is no number, which must not be hidden.
            _ if windows.iter().any(|logit| logit.is_nan()) => f32::NAN,
            Self::Max => highest,
            Self::LogSumExp => {
                let odds = windows.iter().map(|logit| (logit - highest).exp());
                highest + odds.sum::<f32>().ln()
            }
        }
    }

    /// Logits `[pairs]` of the logits of all windows, `[windows]`, of which each pair has so many; gradients flow.
    pub(crate) fn pool(self, logits_w: &Tensor, windows: &[usize]) -> Result<Tensor> {
        let most = windows.iter().copied().max().unwrap_or(1);
        if most == 1 {
            return Ok(logits_w.shallow_clone());
        }
        let nothing = logits_w.size()[0];
        let mut places = Vec::with_capacity(windows.len() * most);
        let mut next = 0;
        for &count in windows {
            let end = next + count as i64;
            places.extend(next..end);
            // A place behind the last window, whose logit counts for nothing.
            places.extend(std::iter::repeat_n(nothing, most - count));
            next = end;
        }
        let options = (logits_w.kind(), logits_w.device());
        let with_nothing = Tensor::f_cat(
            &[logits_w, &Tensor::f_full([1], f64::NEG_INFINITY, options)?],
            0,
        )?;
        let places = Tensor::from_slice(&places).to_device(logits_w.device());
        let by_pair = with_nothing
            .f_index_select(0, &places)?
            .f_view([windows.len() as i64, most as i64])?;
        Ok(match self {
            Self::Max => by_pair.f_amax([1i64], false)?,
            Self::LogSumExp => by_pair.f_logsumexp([1i64], false)?,
        })
    }
}

/// Tokenized pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairTokens {
    /// The windows of all pairs one after the other.
    pub tokens: Vec<Tokens>,
    /// How many of them each pair has, 1 or more; 1 where pairs are cut.
    pub windows: Vec<usize>,
    /// What did not fit.
    pub cut: CutCounts,
}

/// What was cut off pairs that were too long.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CutCounts {
    /// Pairs that lost something.
    pub pairs: u64,
    /// Tokens that they lost.
    pub tokens: u64,
    /// Pairs that were taken in several windows.
    pub windowed: u64,
}

impl std::ops::AddAssign for CutCounts {
    fn add_assign(&mut self, other: Self) {
        self.pairs += other.pairs;
        self.tokens += other.tokens;
        self.windowed += other.windowed;
    }
}

/// Bytes of texts and ids that are remembered, about at most.
const REMEMBERED: usize = 64 << 20;

/// The ids of texts, without special tokens and not cut.
pub(crate) type Ids = Arc<[u32]>;

/// The ids of the texts that pairs were made of: a definition stands in many pairs, and so does a sentence.
#[derive(Debug, Default)]
pub(crate) struct Memo(Mutex<Known>);

#[derive(Debug, Default)]
struct Known {
    ids: HashMap<Box<str>, Ids>,
    bytes: usize,
}

impl Memo {
    /// The ids of each text.
    fn ids<'t>(
        &self,
        tokenizer: &Tokenizer,
        texts: impl Iterator<Item = &'t str>,
    ) -> Result<HashMap<&'t str, Ids>> {
        let mut found: HashMap<&str, Ids> = HashMap::new();
        let mut missing: Vec<&str> = Vec::new();
        {
            let known = self.known();
            for text in texts {
                if found.contains_key(text) {
                    continue;
                }
                let ids = known.ids.get(text).cloned();
                if ids.is_none() {
                    missing.push(text);
                }
                found.insert(text, ids.unwrap_or_default());
            }
        }
        if missing.is_empty() {
            return Ok(found);
        }
        let encodings = tokenizer
            .encode_batch_fast(missing.clone(), false)
            .map_err(|source| Error::Tokenize { source })?;
        let mut known = self.known();
        for (text, encoding) in missing.into_iter().zip(encodings) {
            let ids: Ids = encoding.get_ids().into();
            let bytes = text.len() + size_of_val(&*ids);
            if known.bytes + bytes > REMEMBERED {
                *known = Known::default();
            }
            if bytes <= REMEMBERED {
                known.bytes += bytes;
                known.ids.insert(text.into(), Arc::clone(&ids));
            }
            found.insert(text, ids);
        }
        Ok(found)
    }

    /// What a thread left behind that panicked is whole texts all the same.
    fn known(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a tokenizer puts around two texts: `before` the first, `between`, and `after` the second.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PairTemplate {
    before: Vec<(u32, u32)>,
    between: Vec<(u32, u32)>,
    after: Vec<(u32, u32)>,
    /// The segments of the two texts.
    segments: [u32; 2],
}

/// Ids that no vocabulary has, for the places of the texts.
const PLACES: [u32; 2] = [u32::MAX - 1, u32::MAX];

impl PairTemplate {
    /// Learns it from a pair of one token each. `None` where the texts do not stand whole and in their order.
    pub(crate) fn of(tokenizer: &Tokenizer) -> Option<Self> {
        let text = |number: u32| {
            let token = Token::new(PLACES[number as usize], String::new(), (0, 0));
            Encoding::from_tokens(vec![token], number)
        };
        let pair = tokenizer.post_process(text(0), Some(text(1)), true).ok()?;
        let all: Vec<(u32, u32)> = pair
            .get_ids()
            .iter()
            .copied()
            .zip(pair.get_type_ids().iter().copied())
            .collect();
        let place = |wanted| all.iter().position(|(id, _)| *id == wanted);
        let (first, second) = (place(PLACES[0])?, place(PLACES[1])?);
        (first < second).then(|| Self {
            before: all[..first].to_vec(),
            between: all[first + 1..second].to_vec(),
            after: all[second + 1..].to_vec(),
            segments: [all[first].1, all[second].1],
        })
    }

    /// Special tokens of a pair.
    pub(crate) fn special(&self) -> usize {
        self.before.len() + self.between.len() + self.after.len()
    }

    fn around(&self, first: &[u32], second: &[u32], segments: bool) -> Tokens {
        let length = self.special() + first.len() + second.len();
        let (mut ids, mut type_ids) = (Vec::with_capacity(length), Vec::with_capacity(length));
        let mut add = |id: u32, segment: u32| {
            ids.push(id);
            // A model that is not told which text a token belongs to takes all as the first's.
            type_ids.push(if segments { segment } else { 0 });
        };
        self.before
            .iter()
            .for_each(|&(id, segment)| add(id, segment));
        first.iter().for_each(|&id| add(id, self.segments[0]));
        self.between
            .iter()
            .for_each(|&(id, segment)| add(id, segment));
        second.iter().for_each(|&id| add(id, self.segments[1]));
        self.after
            .iter()
            .for_each(|&(id, segment)| add(id, segment));
        Tokens::new(ids, type_ids)
    }
}

impl TextTokenizer {
    /// Tokens of each (first, second) pair, in input order. Pairs that are too long are cut as
    /// [`truncation`](Self::truncation) says.
    ///
    /// # Errors
    /// When the tokenizer fails on a text, and, under [`Truncation::OnlyFirst`] and [`Truncation::OnlySecond`], when
    /// the text that must not be cut leaves no token for the other: transformers then leaves the pair too long.
    pub fn encode_pairs(&self, pairs: &[(&str, &str)]) -> Result<Vec<Tokens>> {
        Ok(self.pair_tokens(pairs, None)?.tokens)
    }

    /// As [`encode_pairs`](Self::encode_pairs), with what was cut; or, where `windows` are given, as [`PairWindows`] says. A pair
    /// that fits is one window.
    ///
    /// # Errors
    /// As [`encode_pairs`](Self::encode_pairs); with windows only when the tokenizer fails, or `stride` leaves no room to go on.
    pub fn pair_tokens(
        &self,
        pairs: &[(&str, &str)],
        windows: Option<PairWindows>,
    ) -> Result<PairTokens> {
        let template = self.pair_template()?;
        let texts = pairs.iter().flat_map(|pair| [pair.0, pair.1]);
        let ids = self.memo().ids(self.uncut(), texts)?;
        let room = self.max_tokens() - template.special();
        if let Some(windows) = windows {
            self.check_windows(windows)?;
        }
        let mut encoded = PairTokens {
            tokens: Vec::with_capacity(pairs.len()),
            windows: Vec::with_capacity(pairs.len()),
            cut: CutCounts::default(),
        };
        for (number, pair) in pairs.iter().enumerate() {
            let (first, second) = (&*ids[pair.0], &*ids[pair.1]);
            let too_long = |kept: &'static str, tokens: usize| Error::PairTooLong {
                pair: number,
                kept,
                tokens,
                room,
                max_tokens: self.max_tokens(),
            };
            let lengths = [first.len(), second.len()];
            let total = lengths[0] + lengths[1];
            let (parts, second): (Vec<Range<usize>>, &[u32]) = match windows {
                _ if total <= room => (one_part(first.len()), second),
                Some(PairWindows { stride, most, .. }) => {
                    let longest = (room / 2).max(room.saturating_sub(first.len()));
                    let second = &second[..second.len().min(longest)];
                    let window = room - second.len();
                    (parts(first.len(), window, stride, most), second)
                }
                None => {
                    let [first, length] = match self.truncation() {
                        Truncation::LongestFirst => longest_first(lengths, room),
                        Truncation::OnlyFirst if lengths[1] < room => {
                            [room - lengths[1], lengths[1]]
                        }
                        Truncation::OnlyFirst => return Err(too_long("second", lengths[1])),
                        Truncation::OnlySecond if lengths[0] < room => {
                            [lengths[0], room - lengths[0]]
                        }
                        Truncation::OnlySecond => return Err(too_long("first", lengths[0])),
                    };
                    (one_part(first), &second[..length])
                }
            };
            let end = parts.last().map_or(0, |part| part.end);
            let lost = total - end - second.len();
            encoded.cut += CutCounts {
                pairs: u64::from(lost > 0),
                tokens: lost as u64,
                windowed: u64::from(parts.len() > 1),
            };
            encoded.windows.push(parts.len());
            let parts = parts.into_iter().map(|part| &first[part]);
            let tokens = parts.map(|part| template.around(part, second, self.segments()));
            encoded.tokens.extend(tokens);
        }
        Ok(encoded)
    }

    /// Refuses windows that could not go on beside the longest second text, which takes half of the room.
    ///
    /// # Errors
    /// [`Error::Windows`].
    pub(crate) fn check_windows(&self, windows: PairWindows) -> Result<()> {
        let special = self.pair_template()?.special();
        let room = self.max_tokens() - special;
        let PairWindows { stride, .. } = windows;
        if stride < room - room / 2 {
            return Ok(());
        }
        Err(Error::Windows {
            stride,
            fixed: special + room / 2,
            max_tokens: self.max_tokens(),
        })
    }
}

fn one_part(length: usize) -> Vec<Range<usize>> {
    std::iter::once(0..length).collect()
}

/// Windows of at most `window` of `length` tokens that share `stride`, the first `most` of them.
fn parts(length: usize, window: usize, stride: usize, most: usize) -> Vec<Range<usize>> {
    // A text that fits one window may leave the passage so much that the stride would not fit.
    let starts = (0..most.max(1)).map(|number| number * window.saturating_sub(stride));
    let mut parts = Vec::new();
    for start in starts {
        let end = length.min(start + window);
        parts.push(start..end);
        if end == length {
            break;
        }
    }
    parts
}

/// To which lengths two texts of `lengths` tokens that do not fit into `room` are cut: the longer one first, and both once they
/// are of one length (as `truncate_encodings` of the tokenizers library).
fn longest_first([first, second]: [usize; 2], room: usize) -> [usize; 2] {
    let mut short = first.min(second);
    let mut long = if short > room {
        short
    } else {
        short.max(room - short)
    };
    if short + long > room {
        short = room / 2;
        long = short + room % 2;
    }
    if first > second {
        [long, short]
    } else {
        [short, long]
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn pooling_of_tensors_and_of_numbers_is_the_same_and_gradients_flow() {
        let logits = [1.5f32, -2.0, 0.5, 3.0, -1.0, 0.25];
        let windows = [1, 3, 2];
        for pooling in [WindowPooling::Max, WindowPooling::LogSumExp] {
            let tensor = Tensor::from_slice(&logits).set_requires_grad(true);
            let pooled = pooling.pool(&tensor, &windows).unwrap();
            let found = Vec::<f32>::try_from(&pooled).unwrap();
            let expected = [
                pooling.of(&logits[..1]),
                pooling.of(&logits[1..4]),
                pooling.of(&logits[4..]),
            ];
            for (found, expected) in found.iter().zip(expected) {
                assert!((found - expected).abs() < 1e-6, "{pooling:?}");
            }
            pooled.sum(pooled.kind()).backward();
            let gradient = Vec::<f32>::try_from(tensor.grad()).unwrap();
            // Each pair's logit is worth 1, shared among its windows.
            assert_eq!(gradient[0], 1.0);
            assert!((gradient[1..4].iter().sum::<f32>() - 1.0).abs() < 1e-6);
            assert!(gradient.iter().all(|value| value.is_finite()));
        }
        let two = WindowPooling::LogSumExp.of(&[0.0, 0.0]);
        assert!((two - 2f32.ln()).abs() < 1e-6);
        for pooling in [WindowPooling::Max, WindowPooling::LogSumExp] {
            assert!(pooling.of(&[0.0, f32::NAN]).is_nan());
        }
    }

    proptest! {
        #[test]
        fn windows_cover_the_text(length in 1_usize..500, window in 1_usize..60, stride in 0_usize..60, most in 1_usize..20) {
            let stride = stride % window;
            let parts = parts(length, window, stride, most);
            prop_assert!(parts.len() <= most);
            prop_assert_eq!(parts[0].start, 0);
            for pair in parts.windows(2) {
                prop_assert_eq!(pair[0].end - pair[1].start, stride);
                prop_assert_eq!(pair[0].len(), window);
                prop_assert!(pair[0].end < length);
            }
            let end = parts[parts.len() - 1].end;
            prop_assert!(end == length || parts.len() == most);
        }

        #[test]
        fn a_pair_that_is_cut_fills_the_room(first in 0_usize..300, second in 0_usize..300, room in 1_usize..200) {
            prop_assume!(first + second > room);
            let [a, b] = longest_first([first, second], room);
            prop_assert_eq!(a + b, room);
            prop_assert!(a <= first && b <= second);
            // Where both lost something they are of one length.
            prop_assert!(a == first || b == second || a.abs_diff(b) <= 1);
        }
    }
}
