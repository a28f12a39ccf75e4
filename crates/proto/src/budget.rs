//! What runs may use before the person is asked, and what they have used: plain values.

use crate::run::BudgetUnit;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::Duration;

/// Millionths of a US dollar in a cent.
const MICRODOLLARS: u64 = 10_000;

/// What may be used. `None`: as much as it takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Tokens, as a receipt counts them.
    pub tokens: Option<u64>,
    /// US cents, as the agent counts them.
    pub cents: Option<u64>,
    /// Minutes of work.
    pub minutes: Option<u64>,
}

/// What a run may use, and what all runs of a day may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budgets {
    /// Each run.
    pub run: Budget,
    /// All runs of a local day.
    pub day: Budget,
}

/// How often the person has allowed as much again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct More {
    /// Of the tokens.
    pub tokens: u32,
    /// Of the money.
    pub cents: u32,
    /// Of the time.
    pub minutes: u32,
}

/// What is used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Tokens.
    pub tokens: u64,
    /// Millionths of a US dollar: rounding to cents would add up.
    pub microdollars: u64,
    /// Time worked.
    pub worked: Duration,
}

/// A limit that is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reached {
    /// What is counted.
    pub unit: BudgetUnit,
    /// Is it the day's limit, and not the run's?
    pub day: bool,
    /// The limit: tokens, US cents, minutes.
    pub most: u64,
    /// What is used: the same, rounded down.
    pub used: u64,
}

impl Budget {
    /// The first limit that is reached, when the person has allowed so much `more`.
    pub fn reached(&self, used: Used, more: More, day: bool) -> Option<Reached> {
        let minutes = used.worked.as_secs() / 60;
        [
            (BudgetUnit::Tokens, used.tokens),
            (BudgetUnit::Cents, used.microdollars / MICRODOLLARS),
            (BudgetUnit::Minutes, minutes),
        ]
        .into_iter()
        .find_map(|(unit, used)| {
            let most = self.most(unit, more)?;
            (used >= most).then_some(Reached { unit, day, most, used })
        })
    }

    /// The limit of one kind.
    pub fn most(&self, unit: BudgetUnit, more: More) -> Option<u64> {
        let (one, more) = match unit {
            BudgetUnit::Tokens => (self.tokens, more.tokens),
            BudgetUnit::Cents => (self.cents, more.cents),
            BudgetUnit::Minutes => (self.minutes, more.minutes),
        };
        Some(one?.saturating_mul(u64::from(more).saturating_add(1)))
    }

    /// As much again of one kind, and again where what is used is beyond that, too.
    pub fn grow(&self, unit: BudgetUnit, more: More, used: Used) -> More {
        let amount = match unit {
            BudgetUnit::Tokens => used.tokens,
            BudgetUnit::Cents => used.microdollars / MICRODOLLARS,
            BudgetUnit::Minutes => used.worked.as_secs() / 60,
        };
        let one = self.most(unit, More::default()).unwrap_or(u64::MAX).max(1);
        // The limit is (times + 1) * one, and is to be above what is used.
        let times = u32::try_from(amount / one).unwrap_or(u32::MAX);
        let grown = |before: u32| before.saturating_add(1).max(times);
        match unit {
            BudgetUnit::Tokens => More { tokens: grown(more.tokens), ..more },
            BudgetUnit::Cents => More { cents: grown(more.cents), ..more },
            BudgetUnit::Minutes => More { minutes: grown(more.minutes), ..more },
        }
    }
}

impl Used {
    /// Both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_add(other.tokens),
            microdollars: self.microdollars.saturating_add(other.microdollars),
            worked: self.worked.saturating_add(other.worked),
        }
    }

    /// What of it came after `earlier`.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            tokens: self.tokens.saturating_sub(earlier.tokens),
            microdollars: self.microdollars.saturating_sub(earlier.microdollars),
            worked: self.worked.saturating_sub(earlier.worked),
        }
    }
}

/// What is no number costs nothing.
pub(crate) fn microdollars(cents: f64) -> u64 {
    let whole = (cents * MICRODOLLARS as f64).round();
    if whole.is_finite() && whole > 0.0 { whole as u64 } else { 0 }
}

impl fmt::Display for Reached {
    /// `120,400 of 100,000 tokens`, `$1.20 of $1.00`, `31 of 30 minutes`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { unit, most, used, .. } = *self;
        match unit {
            BudgetUnit::Tokens => write!(f, "{} of {} tokens", grouped(used), grouped(most)),
            BudgetUnit::Cents => write!(f, "{} of {}", dollars(used), dollars(most)),
            BudgetUnit::Minutes => {
                let unit = if most == 1 { "minute" } else { "minutes" };
                write!(f, "{} of {} {unit}", grouped(used), grouped(most))
            }
        }
    }
}

impl Reached {
    /// Whose budget.
    pub(crate) fn whose(&self) -> &'static str {
        if self.day { "the day's budget" } else { "its budget" }
    }
}

fn dollars(cents: u64) -> String {
    format!("${}.{:02}", grouped(cents / 100), cents % 100)
}

/// With a comma between thousands.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn used(tokens: u64, microdollars: u64, seconds: u64) -> Used {
        Used { tokens, microdollars, worked: Duration::from_secs(seconds) }
    }

    #[test]
    fn a_limit_is_reached_when_as_much_is_used_and_not_before() {
        let all = Budget { tokens: Some(100), cents: Some(5), minutes: Some(2) };
        let none = Budget::default();
        let more = More { tokens: 1, cents: 1, minutes: 1 };
        for (budget, used, more, words) in [
            (none, used(u64::MAX, u64::MAX, u64::MAX), More::default(), None),
            (all, used(99, 49_999, 119), More::default(), None),
            (all, used(100, 0, 0), More::default(), Some("100 of 100 tokens")),
            (all, used(0, 50_000, 0), More::default(), Some("$0.05 of $0.05")),
            (all, used(0, 0, 120), More::default(), Some("2 of 2 minutes")),
            (all, used(100, 50_000, 120), More::default(), Some("100 of 100 tokens")),
            (all, used(199, 99_999, 239), more, None),
            (all, used(199, 100_000, 239), more, Some("$0.10 of $0.10")),
            (
                Budget { tokens: Some(100_000), ..none },
                used(120_400, 0, 0),
                More::default(),
                Some("120,400 of 100,000 tokens"),
            ),
            (
                Budget { cents: Some(123_456), ..none },
                used(0, 9_876_540_000, 0),
                More::default(),
                Some("$9,876.54 of $1,234.56"),
            ),
            (Budget { minutes: Some(1), ..none }, used(0, 0, 61), More::default(), Some("1 of 1 minute")),
        ] {
            let reached = budget.reached(used, more, false).map(|reached| reached.to_string());
            assert_eq!(reached.as_deref(), words, "{budget:?} {used:?}");
        }
    }

    #[test]
    fn money_is_counted_in_millionths_and_nonsense_costs_nothing() {
        for (cents, whole) in [
            (0.0, 0),
            (0.078, 780),
            (1.0, 10_000),
            (-1.0, 0),
            (f64::NAN, 0),
            (f64::INFINITY, 0),
            (f64::NEG_INFINITY, 0),
        ] {
            assert_eq!(microdollars(cents), whole, "{cents}");
        }
    }

    proptest! {
        #[test]
        fn as_much_again_always_makes_room_and_never_takes_any(
            one in 1u64..1_000_000,
            tokens in 0u64..100_000_000,
            before in 0u32..100,
        ) {
            let budget = Budget { tokens: Some(one), ..Budget::default() };
            let more = More { tokens: before, ..More::default() };
            let used = Used { tokens, ..Used::default() };
            let grown = budget.grow(BudgetUnit::Tokens, more, used);
            prop_assert!(budget.reached(used, grown, false).is_none());
            prop_assert!(grown.tokens > before);
            let (was, is) = (budget.most(BudgetUnit::Tokens, more), budget.most(BudgetUnit::Tokens, grown));
            let (was, is) = (was.unwrap_or_default(), is.unwrap_or_default());
            prop_assert!(is >= was + one);
            // No more than it takes.
            prop_assert!(is == was + one || is - one <= tokens);
        }
    }
}
