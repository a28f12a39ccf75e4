//! One thing that a run asks, and how it stands at OrgX.

use super::About;
use crate::agent::Question;
use crate::ids::{DecisionId, DriverId, RunId, SessionHandle};
use crate::message::Scope;
use crate::time::Millis;

/// Something that a run asks. Its texts are what OrgX is shown: masked and cut before they come here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// Its id on this computer.
    pub id: String,
    /// The same after a restart: OrgX gives the same decision for the same key. At most 100 characters.
    pub key: String,
    /// The run.
    pub run_id: RunId,
    /// The driver.
    pub driver: DriverId,
    /// The agent's session, when it has one.
    pub session: Option<SessionHandle>,
    /// What is asked, within the run.
    pub ask: String,
    /// Where OrgX files the task.
    pub scope: Scope,
    /// What is asked, and what there is to answer.
    pub form: Form,
    /// When nobody is asked any more.
    pub lapses: Millis,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Form {
    /// One of these.
    Choose {
        /// The question, in a sentence.
        question: String,
        /// What it is about.
        context: String,
        /// What it is, in a word: `folder`, `permission`, `budget`.
        kind: &'static str,
        /// What there is to choose from.
        options: Vec<Offered>,
    },
    /// The agent's own questions; each is one decision at OrgX.
    Questions(Vec<Question>),
}

/// One thing to choose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offered {
    /// Its id at OrgX.
    pub id: &'static str,
    /// What the person reads.
    pub label: &'static str,
    /// What it means.
    pub means: Means,
}

/// What an option means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Means {
    /// Yes, this once.
    Once,
    /// Yes, and the same again in this run.
    ForRun,
    /// No.
    No,
}

/// What the person says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Yes, this once.
    Allow,
    /// Yes, and the same again in this run.
    AllowForRun,
    /// No, and why.
    Deny(Option<String>),
    /// For each question its answers.
    Answers(Vec<Vec<String>>),
}

/// One decision at OrgX.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) key: String,
    pub(super) decision: Option<DecisionId>,
    pub(super) call: Call,
    pub(super) tries: u32,
    pub(super) since: Millis,
    /// An answer, and the key that OrgX is told of it under.
    pub(super) answer: Option<(String, Said)>,
    /// The last answer could not be used, and OrgX knows.
    pub(super) failed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Call {
    At(Millis),
    UnderWay,
    Never,
}

/// An item that is open.
#[derive(Debug)]
pub(super) struct Open {
    pub(super) item: Item,
    pub(super) parts: Vec<Part>,
    /// The person is answering it on this computer.
    pub(super) here: bool,
    /// An answer from OrgX is being given.
    pub(super) applying: bool,
}

impl Open {
    pub(super) fn new(item: Item, now: Millis) -> Self {
        let many = match &item.form {
            Form::Choose { .. } => 1,
            Form::Questions(questions) => questions.len(),
        };
        let part = |at| Part {
            key: if many == 1 { item.key.clone() } else { format!("{}:{at}", item.key) },
            decision: None,
            call: Call::At(now),
            tries: 0,
            since: now,
            answer: None,
            failed: false,
        };
        let parts = (0..many).map(part).collect();
        Self { item, parts, here: false, applying: false }
    }

    /// OrgX is not asked.
    pub(super) fn stays_here(&mut self) {
        for part in &mut self.parts {
            part.decision = None;
            part.call = Call::Never;
            part.answer = None;
        }
    }

    pub(super) fn is_remote(&self) -> bool {
        !self.parts.is_empty() && self.parts.iter().all(|part| part.decision.is_some() && !part.failed)
    }

    pub(super) fn about(&self, part: &Part) -> Option<About> {
        let decision = part.decision.clone()?;
        Some(About { run_id: self.item.run_id.clone(), decision, session: self.item.session.clone() })
    }

    /// The whole answer, once there is one: a no to one question is a no to all.
    pub(super) fn said(&self) -> Option<Said> {
        let of = |part: &Part| part.answer.as_ref().map(|(_, said)| said.clone());
        if let Some(no) = self.parts.iter().filter_map(of).find(|said| matches!(said, Said::Deny(_))) {
            return Some(no);
        }
        match &self.item.form {
            Form::Choose { .. } => of(self.parts.first()?),
            Form::Questions(_) => {
                let mut answers = Vec::new();
                for part in &self.parts {
                    let Said::Answers(part) = of(part)? else { return None };
                    answers.extend(part);
                }
                Some(Said::Answers(answers))
            }
        }
    }
}
