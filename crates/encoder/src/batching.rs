//! Which texts share a forward pass: texts of like length together, so that little of a batch is padding.

/// How much work one forward pass may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenBudget {
    /// Tokens of a batch, padding included: rows times the longest row.
    pub max_tokens: usize,
    /// Rows of a batch.
    pub max_rows: usize,
}

impl Default for TokenBudget {
    /// 2,048 tokens and 64 rows: on a CPU, larger batches were not faster and took more memory.
    fn default() -> Self {
        Self {
            max_tokens: 2048,
            max_rows: 64,
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
    let mut longest = 0;
    for row in order {
        match batches.last_mut() {
            Some(batch)
                if batch.len() < budget.max_rows
                    && (batch.len() + 1) * longest <= budget.max_tokens =>
            {
                batch.push(row);
            }
            _ => {
                longest = lengths[row];
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
    /// What the batches of [`plan_batches`] hold for rows of the given token counts.
    pub fn of(lengths: &[usize], budget: TokenBudget) -> Self {
        let mut usage = Self::default();
        for rows in plan_batches(lengths, budget) {
            let longest = rows.iter().map(|&row| lengths[row]).max().unwrap_or(0);
            let tokens: usize = rows.iter().map(|&row| lengths[row]).sum();
            usage.tokens += tokens as u64;
            usage.padding += (longest * rows.len() - tokens) as u64;
        }
        usage
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
            let longest = batch.iter().map(|&row| lengths[row]).max().unwrap();
            assert!(batch.len() <= 7 && (batch.len() == 1 || longest * batch.len() <= 300));
        }
    }

    #[test]
    fn padding_is_what_the_shorter_rows_leave() {
        let budget = TokenBudget {
            max_tokens: 10,
            max_rows: 2,
        };
        let expected = TokenUsage {
            tokens: 12,
            padding: 1,
        };
        assert_eq!(TokenUsage::of(&[5, 3, 4], budget), expected);
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
