//! What one run has used, and whether it is held at a budget.

use super::{Phase, Run};
use crate::budget::{More, Reached, Used};
use crate::time::{Millis, Now, Timestamp};
use std::time::Duration;

/// One run's account.
#[derive(Clone, Debug, Default)]
pub struct Account {
    tokens: u64,
    microdollars: u64,
    /// Time worked, but what it is at now.
    worked: Duration,
    /// It works since then.
    since: Option<Now>,
    /// What it had used when the day began.
    pub(crate) before_today: Used,
    /// How much more the person has allowed.
    pub(crate) more: More,
    /// Is it held?
    pub(crate) standing: Standing,
    /// The message id of the prompt with which it was let go on.
    pub(crate) went_on: Option<String>,
    /// Its agent cannot be held.
    pub(crate) cannot_hold: bool,
    /// It was stopped at this.
    pub(crate) stopped_at: Option<Reached>,
}

/// Is a run held?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// No.
    #[default]
    Works,
    /// It is, and the person is asked.
    Asks(Hold),
    /// It is taken up from a peer before us that held it.
    TakenUp,
    /// It may go on, and its driver has not said yet with which prompt.
    Released,
    /// That is said; its agent may not have it yet.
    GoesOn,
}

/// A run is held, and the person is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hold {
    /// At which limit.
    pub reached: Reached,
    /// Since when.
    pub since: Now,
    /// When no answer is a no.
    pub until: Millis,
}

/// What the journal keeps of an account.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balance {
    /// What is used; the time until `works_since`.
    pub used: Used,
    /// It works since then; `None`: since its key was spent, or not at all when it is held or over.
    pub works_since: Option<Timestamp>,
    /// Is it held?
    pub held: Held,
    /// The message id of the prompt with which it was let go on.
    pub went_on: Option<String>,
    /// How much more the person has allowed.
    pub more: More,
}

/// What the journal knows of a hold.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Held {
    /// It works.
    #[default]
    No,
    /// It is held.
    Yes,
    /// It goes on with the prompt of [`Balance::went_on`], which its agent may not have.
    GoesOn,
}

impl Account {
    /// As a peer before us left it.
    pub(crate) fn restore(balance: &Balance, spent_at: Timestamp, timeout: Duration, now: Now) -> Self {
        let since = match balance.held {
            Held::No => balance.works_since.or(Some(spent_at)),
            // Let go on or not, it was not prompted again.
            Held::Yes => None,
            Held::GoesOn => balance.works_since,
        };
        // It worked on while nobody looked: but not for longer than a run may, whatever the computer did meanwhile.
        let away = since.map(|since| {
            let away = u64::try_from(now.wall.0.saturating_sub(since.0)).unwrap_or_default();
            Duration::from_millis(away).min(timeout.saturating_sub(balance.used.worked))
        });
        Self {
            tokens: balance.used.tokens,
            microdollars: balance.used.microdollars,
            worked: balance.used.worked + away.unwrap_or_default(),
            since: away.map(|_| now),
            more: balance.more,
            standing: match balance.held {
                Held::No => Standing::Works,
                Held::Yes => Standing::TakenUp,
                Held::GoesOn => Standing::GoesOn,
            },
            went_on: balance.went_on.clone(),
            ..Self::default()
        }
    }

    /// Its work begins, or goes on.
    pub(crate) fn work(&mut self, now: Now) {
        self.since.get_or_insert(now);
    }

    /// Its work pauses, or is over.
    pub(crate) fn rest(&mut self, now: Now) {
        if let Some(since) = self.since.take() {
            self.worked += now.mono - since.mono;
        }
    }

    /// What its agent says that it has used: only ever more. Is it news?
    pub(crate) fn count(&mut self, tokens: u64, microdollars: u64) -> bool {
        let before = (self.tokens, self.microdollars);
        self.tokens = self.tokens.max(tokens);
        self.microdollars = self.microdollars.max(microdollars);
        before != (self.tokens, self.microdollars)
    }

    /// All that it has used.
    pub fn used(&self, now: Millis) -> Used {
        let at_work = self.since.map(|since| now - since.mono).unwrap_or_default();
        Used { tokens: self.tokens, microdollars: self.microdollars, worked: self.worked + at_work }
    }

    /// The time worked before the stretch that it is at, and when that began.
    pub(crate) fn stretch(&self) -> (Duration, Option<Millis>) {
        (self.worked, self.since.map(|since| since.mono))
    }

    /// How often the person has allowed as much again.
    pub fn more(&self) -> More {
        self.more
    }

    /// What the person is asked.
    pub fn hold(&self) -> Option<&Hold> {
        match &self.standing {
            Standing::Asks(hold) => Some(hold),
            _ => None,
        }
    }

    /// For the journal.
    pub(crate) fn balance(&self) -> Balance {
        Balance {
            used: Used { tokens: self.tokens, microdollars: self.microdollars, worked: self.worked },
            works_since: self.since.map(|since| since.wall),
            held: match self.standing {
                Standing::Works => Held::No,
                Standing::Asks(_) | Standing::TakenUp | Standing::Released => Held::Yes,
                Standing::GoesOn => Held::GoesOn,
            },
            went_on: self.went_on.clone(),
            more: self.more,
        }
    }
}

impl Run {
    /// At which budget it is held, and the person asked whether it may go on.
    pub fn hold(&self) -> Option<&Hold> {
        self.account.hold().filter(|_| matches!(self.phase, Phase::Running { .. }))
    }
}
