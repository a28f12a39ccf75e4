//! What is known of one session, so that the same thing told twice is one event.
//!
//! Rules:
//! - a start is new unless the session is open; it forgets every end of before;
//! - an end is new unless the same end was told since the session began last;
//! - while a run of ours has the session, nobody else's word counts, and neither does anybody's word on how it ended
//!   afterwards: its end is the run's. A new start from outside makes it the person's again.

use super::Phase;
use crate::ids::RunId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What is known of one session.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Known {
    open: bool,
    /// The run of ours that has it, or had it last.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    run: Option<RunId>,
    /// What was told since it began last, and the event that it became.
    #[serde(default)]
    told: BTreeMap<Phase, String>,
}

/// Who tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Teller {
    /// A sender on this computer, or what can be seen of a process.
    Outside,
    /// A run of ours.
    Run(RunId),
}

/// Is what is told new?
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is an event.
    New,
    /// It was told before, or is not theirs to tell; the event that tells it, if there is one.
    Repeat(Option<String>),
}

impl Known {
    /// Is the session under way?
    pub fn is_open(&self) -> bool {
        self.open
    }

    /// The run of ours that has it now.
    pub fn run(&self) -> Option<&RunId> {
        self.run.as_ref().filter(|_| self.open)
    }

    /// Somebody tells of this phase, which would be the event `id`. A repeat changes nothing but who has the session.
    pub fn take(&mut self, teller: &Teller, phase: Phase, id: &str) -> Verdict {
        match teller {
            Teller::Outside if self.run.is_some() && (self.open || phase.is_terminal()) => {
                return Verdict::Repeat(self.told.get(&phase).cloned());
            }
            Teller::Outside => {}
            Teller::Run(run) if phase.is_terminal() => {
                if self.run() != Some(run) {
                    return Verdict::Repeat(self.told.get(&phase).cloned());
                }
            }
            // Even when it was open before: from now on it is the run's.
            Teller::Run(run) => self.run = Some(run.clone()),
        }
        if phase.is_terminal() {
            if let Some(first) = self.told.get(&phase) {
                return Verdict::Repeat(Some(first.clone()));
            }
            self.open = false;
        } else {
            if self.open {
                return Verdict::Repeat(self.told.get(&phase).cloned());
            }
            self.told.clear();
            self.open = true;
            if *teller == Teller::Outside {
                self.run = None;
            }
        }
        self.told.insert(phase, id.to_owned());
        Verdict::New
    }
}
