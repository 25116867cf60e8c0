//! Which texts share a forward pass. Batches hold no padding, so a batch is as large as its tokens; sequences of equal length
//! stand side by side in it, because attention takes them at once.

use tch::Device;

/// How much work one forward pass may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TokenBudget {
    /// Tokens of a batch.
    pub max_tokens: usize,
    /// Rows of a batch.
    pub max_rows: usize,
}

impl Default for TokenBudget {
    /// That of the CPU.
    fn default() -> Self {
        Self::of(Device::Cpu)
    }
}

impl TokenBudget {
    /// On the CPU 512 tokens for each thread: with more, what a layer computes no longer fits in the caches. On a GPU 16,384.
    pub fn of(device: Device) -> Self {
        let max_tokens = match device {
            Device::Cpu => 512,
            _ => 16_384,
        };
        Self {
            max_tokens,
            max_rows: max_tokens,
        }
    }
}

/// Splits rows with the given token counts into batches within `budget`, longest rows first (so that memory peaks
/// at once). Each batch lists row numbers; every row stands in exactly one. A row longer than the budget stands alone.
/// Equal lengths keep their order, so the plan depends on nothing but its arguments.
pub fn plan_batches(lengths: &[usize], budget: TokenBudget) -> Vec<Vec<usize>> {
    let mut order: Vec<usize> = (0..lengths.len()).collect();
    order.sort_by_key(|&row| (std::cmp::Reverse(lengths[row]), row));
    let mut batches: Vec<Vec<usize>> = Vec::new();
    let mut tokens = 0;
    for row in order {
        match batches.last_mut() {
            Some(batch)
                if batch.len() < budget.max_rows && tokens + lengths[row] <= budget.max_tokens =>
            {
                batch.push(row);
                tokens += lengths[row];
            }
            _ => {
                tokens = lengths[row];
                batches.push(vec![row]);
            }
        }
    }
    batches
}

/// How much of what was computed was padding.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TokenUsage {
    /// Tokens, special ones included.
    pub tokens: u64,
    /// Places that held no token.
    pub padding: u64,
}

impl TokenUsage {
    /// What texts of the given token counts hold: no padding, as long as they are computed here.
    pub fn of(lengths: &[usize]) -> Self {
        Self {
            tokens: lengths.iter().sum::<usize>() as u64,
            padding: 0,
        }
    }
}

impl std::ops::AddAssign for TokenUsage {
    fn add_assign(&mut self, other: Self) {
        self.tokens += other.tokens;
        self.padding += other.padding;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_once_and_within_the_budget() {
        let lengths: Vec<usize> = (0..500).map(|i| 1 + (i * 37) % 90).collect();
        let budget = TokenBudget {
            max_tokens: 300,
            max_rows: 7,
        };
        let batches = plan_batches(&lengths, budget);
        let mut seen: Vec<usize> = batches.iter().flatten().copied().collect();
        seen.sort_unstable();
        assert_eq!(seen, (0..500).collect::<Vec<_>>());
        for batch in &batches {
            let tokens: usize = batch.iter().map(|&row| lengths[row]).sum();
            assert!(batch.len() <= 7 && (batch.len() == 1 || tokens <= 300));
        }
    }

    #[test]
    fn a_row_over_the_budget_stands_alone() {
        let budget = TokenBudget {
            max_tokens: 10,
            max_rows: 4,
        };
        assert_eq!(plan_batches(&[50, 3, 3], budget), vec![vec![0], vec![1, 2]]);
        assert!(plan_batches(&[], budget).is_empty());
    }
}
