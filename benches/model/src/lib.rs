//! What the benches of models share: texts of mixed length, a Python peer that takes turns, the rate of bare matrix products.

mod peer;
mod products;
#[cfg(feature = "rust-bert")]
mod rust_bert_peer;
mod texts;

pub use peer::Peer;
pub use products::{Shape, product_rate};
#[cfg(feature = "rust-bert")]
pub use rust_bert_peer::RustBertPeer;
pub use texts::mixed_texts;

/// The least of several measurements, in seconds.
#[derive(Debug, Clone, Copy)]
pub struct Best(f64);

impl Default for Best {
    fn default() -> Self {
        Self(f64::INFINITY)
    }
}

impl Best {
    /// Takes one more measurement.
    pub fn hear(&mut self, seconds: f64) {
        self.0 = self.0.min(seconds);
    }

    /// The least.
    pub fn seconds(self) -> f64 {
        self.0
    }
}
