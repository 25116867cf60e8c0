use std::cmp::Ordering;

use crate::order::ratio;

/// What a yes-or-no decision over a set of pairs got right: the counts behind precision, recall and F1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub struct Counts {
    /// Pairs decided yes that are relevant.
    pub true_positives: u64,
    /// Pairs decided yes.
    pub decided: u64,
    /// Relevant pairs in all, those that were never retrieved among them.
    pub positives: u64,
}

impl Counts {
    /// Precision: true positives / decided; 0 when nothing was decided yes.
    pub fn precision(&self) -> f64 {
        ratio(self.true_positives, self.decided)
    }

    /// Recall: true positives / positives; 0 when there are none.
    pub fn recall(&self) -> f64 {
        ratio(self.true_positives, self.positives)
    }

    /// F1, the harmonic mean of precision and recall: 2 · true positives / (decided + positives); 0 when both are 0.
    pub fn f1(&self) -> f64 {
        ratio(
            self.true_positives.saturating_mul(2),
            self.decided.saturating_add(self.positives),
        )
    }

    /// Compares by F1 without rounding, so that equal F1 is equal whatever counts it comes from.
    pub fn cmp_f1(&self, other: &Self) -> Ordering {
        let whole = |c: &Self| (u128::from(c.decided) + u128::from(c.positives)).max(1);
        let left = u128::from(self.true_positives).saturating_mul(whole(other));
        left.cmp(&u128::from(other.true_positives).saturating_mul(whole(self)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn computed_by_hand() {
        let counts = Counts {
            true_positives: 3,
            decided: 4,
            positives: 6,
        };
        assert_eq!(
            (counts.precision(), counts.recall(), counts.f1()),
            (0.75, 0.5, 0.6)
        );
        let nothing = Counts::default();
        assert_eq!(
            (nothing.precision(), nothing.recall(), nothing.f1()),
            (0.0, 0.0, 0.0)
        );
        assert_eq!(counts.cmp_f1(&nothing), Ordering::Greater);
        let doubled = Counts {
            true_positives: 6,
            decided: 8,
            positives: 12,
        };
        assert_eq!(counts.cmp_f1(&doubled), Ordering::Equal);
    }
}
