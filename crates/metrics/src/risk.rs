//! What observed losses say about their expectation: the Hoeffding-Bentkus bound.

/// What losses between 0 and 1 of so many independent groups say about the risk, their expectation.
pub(crate) struct Evidence {
    pub(crate) groups: usize,
    pub(crate) confidence: f64,
}

/// Sums of losses are sums of rounded numbers: so little above a whole number is that number.
const ROUNDING: f64 = 1e-9;

impl Evidence {
    /// Whether a risk of `risk` or more is refuted by losses of this sum: the Hoeffding-Bentkus p-value is small.
    /// Larger losses refute no more than smaller ones, and what refutes a risk refutes a larger one.
    pub(crate) fn refutes(&self, losses: f64, risk: f64) -> bool {
        let groups = self.groups as f64;
        let mean = (losses / groups).min(risk);
        let hoeffding = (-groups * divergence(mean, risk)).exp();
        let whole = (losses - ROUNDING).max(0.0).ceil() as usize;
        let bentkus = std::f64::consts::E * binomial(whole, self.groups, risk);
        hoeffding.min(bentkus) <= 1.0 - self.confidence
    }

    /// The least risk that is refuted, by halving; 1 if none is.
    pub(crate) fn upper_bound(&self, losses: f64) -> f64 {
        let (mut below, mut above) = (losses / self.groups as f64, 1.0);
        loop {
            let middle = below + (above - below) / 2.0;
            if middle <= below || middle >= above {
                return above;
            }
            if self.refutes(losses, middle) {
                above = middle;
            } else {
                below = middle;
            }
        }
    }
}

/// The Kullback-Leibler divergence of two coins, for 0 ≤ a ≤ b < 1 and b above 0.
fn divergence(a: f64, b: f64) -> f64 {
    let heads = if a > 0.0 { a * (a / b).ln() } else { 0.0 };
    heads + (1.0 - a) * ((1.0 - a) / (1.0 - b)).ln()
}

/// The probability of `most` or fewer heads in `tosses` tosses of a coin, summed by logarithms: its terms may be
/// smaller than any double.
fn binomial(most: usize, tosses: usize, heads: f64) -> f64 {
    if most >= tosses {
        return 1.0;
    }
    let odds = (heads / (1.0 - heads)).ln();
    let mut term = tosses as f64 * (-heads).ln_1p();
    let (mut largest, mut sum) = (term, 1.0);
    for count in 1..=most {
        term += ((tosses - count + 1) as f64 / count as f64).ln() + odds;
        if term > largest {
            sum = sum * (largest - term).exp() + 1.0;
            largest = term;
        } else {
            sum += (term - largest).exp();
        }
    }
    (largest + sum.ln()).exp().min(1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_by_hand() {
        assert!((binomial(0, 10, 0.3) - 0.7f64.powi(10)).abs() < 1e-15);
        assert!((binomial(1, 3, 0.5) - 0.5).abs() < 1e-15);
        assert!((binomial(500, 1000, 0.5) - 0.512_612_509_089_180_6).abs() < 1e-12);
        assert_eq!(binomial(3, 3, 0.5), 1.0);
        assert!((divergence(0.0, 0.2) + 0.8f64.ln()).abs() < 1e-15);
        assert_eq!(divergence(0.3, 0.3), 0.0);
    }
}
