//! What a trainer remembers beside weights and optimizer: a small file that only jobmatch reads.

use jobmatch_torch_ext::{GradScalerState, RngState};
use serde::{Deserialize, Serialize};

/// What the file begins with; the last byte is the version of what follows, in bincode 2's standard configuration.
const HEAD: [u8; 8] = *b"JMTRAIN\x02";

/// The weights that did best on dev so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(crate) struct Best {
    /// After which step they stood.
    pub step: u64,
    /// The figure, better when higher.
    pub figure: f64,
    /// Evaluations since, none of which was as good.
    pub waited: u64,
}

/// Where a training stands. Its checkpoint's manifest has the checksum.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct TrainerState {
    /// Steps taken.
    pub step: u64,
    /// The fingerprint of the rows that positions count in.
    pub data: String,
    /// Bytes of the run log.
    pub log_bytes: u64,
    /// The best weights so far.
    pub best: Option<Best>,
    /// The loss scale, with float16.
    pub loss_scale: Option<GradScalerState>,
    /// Steps taken by each parameter.
    pub parameter_steps: Vec<f32>,
    /// Random states, one for each rank.
    pub random: Vec<RngState>,
}

impl TrainerState {
    /// As the file holds it; the error is the encoder's text.
    pub fn to_bytes(&self) -> Result<Vec<u8>, String> {
        let mut bytes = HEAD.to_vec();
        let body = bincode::serde::encode_to_vec(self, bincode::config::standard());
        bytes.extend(body.map_err(|error| error.to_string())?);
        Ok(bytes)
    }

    /// Reads what [`to_bytes`](Self::to_bytes) gave; the error says what is wrong.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let body = bytes.strip_prefix(&HEAD).ok_or_else(|| {
            "it is of another version of jobmatch, or no trainer's state".to_owned()
        })?;
        let (state, read) = bincode::serde::decode_from_slice(body, bincode::config::standard())
            .map_err(|error| error.to_string())?;
        if read == body.len() {
            Ok(state)
        } else {
            Err("something stands after its end".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_comes_back_and_another_version_is_refused() {
        let state = TrainerState {
            step: 7,
            data: "blake3:00".to_owned(),
            log_bytes: 123,
            best: Some(Best {
                step: 5,
                figure: 0.5,
                waited: 2,
            }),
            loss_scale: None,
            parameter_steps: vec![7.0, 6.0],
            random: Vec::new(),
        };
        let mut bytes = state.to_bytes().unwrap();
        assert_eq!(TrainerState::from_bytes(&bytes).unwrap(), state);
        assert!(TrainerState::from_bytes(&bytes[..bytes.len() - 1]).is_err());
        bytes[7] = 1;
        let error = TrainerState::from_bytes(&bytes).unwrap_err();
        assert!(error.contains("another version"), "{error}");
    }
}
