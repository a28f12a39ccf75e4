//! What the agent of a run asks, as far as nobody has answered it, and what the person allows while the run lasts.

use crate::agent::{AgentAsk, Asked, Permission, Question};
use crate::ids::AskId;
use crate::limits;
use crate::redact::Redacted;
use crate::time::{Millis, Now};
use std::collections::VecDeque;

/// Something that is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenAsk {
    /// What.
    pub ask: AgentAsk,
    /// Since when.
    pub since: Now,
    /// When no answer is a no.
    pub until: Millis,
}

/// All that a run asks.
#[derive(Clone, Debug, Default)]
pub struct Asks {
    open: Vec<OpenAsk>,
    /// What the person allowed for the whole run, oldest first.
    allowed: VecDeque<Permission>,
}

impl Asks {
    /// What nobody has answered yet, oldest first.
    pub fn open(&self) -> impl Iterator<Item = &OpenAsk> {
        self.open.iter()
    }

    /// Is there nothing?
    pub fn is_empty(&self) -> bool {
        self.open.is_empty()
    }

    /// One of them.
    pub fn get(&self, id: &AskId) -> Option<&OpenAsk> {
        self.open.iter().find(|open| open.ask.id == *id)
    }

    /// When the first of them lapses.
    pub fn poll_timeout(&self) -> Option<Millis> {
        self.open.iter().map(|open| open.until).min()
    }

    pub(crate) fn is_full(&self) -> bool {
        self.open.len() >= limits::OPEN_ASKS
    }

    pub(crate) fn push(&mut self, ask: OpenAsk) {
        self.open.push(ask);
    }

    pub(crate) fn take(&mut self, id: &AskId) -> Option<OpenAsk> {
        let at = self.open.iter().position(|open| open.ask.id == *id)?;
        Some(self.open.remove(at))
    }

    /// Those whose time is over.
    pub(crate) fn take_lapsed(&mut self, now: Millis) -> Vec<OpenAsk> {
        self.open.extract_if(.., |open| open.until <= now).collect()
    }

    /// Nobody is to answer what is open: its agent is being stopped.
    pub fn drop_open(&mut self) {
        self.open.clear();
    }

    /// From now on the same again is allowed.
    pub(crate) fn allow(&mut self, what: &Asked) {
        let Asked::Permission(permission) = what else { return };
        if !self.is_allowed(what) {
            self.allowed.push_back(permission.clone());
            if self.allowed.len() > limits::ALLOWED_FOR_RUN {
                self.allowed.pop_front();
            }
        }
    }

    /// Has the person allowed just this for the run? The same kind and the same patterns; for a command, the same whole
    /// command line, too, since what stands between its commands is in no pattern.
    pub(crate) fn is_allowed(&self, what: &Asked) -> bool {
        let Asked::Permission(it) = what else { return false };
        self.allowed
            .iter()
            .any(|was| was.kind == it.kind && was.patterns == it.patterns && was.command == it.command)
    }
}

/// What the person says to something that an agent asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes, this once.
    Once,
    /// Yes, and to the same again while the run lasts.
    ForRun,
    /// No, and why.
    No(Option<String>),
    /// For each question its answers.
    Answers(Vec<Vec<String>>),
}

/// An answer that does not fit what is asked. In words for the person, who can answer again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unfit {
    /// Answers to a permission.
    #[error("the agent asks for a permission: allow it, allow it for this run, or deny it")]
    IsPermission,
    /// An allowance to questions.
    #[error("the agent asks a question: answer it, or deny it")]
    IsQuestion,
    /// Too many or too few.
    #[error("the agent asks {asked}, and {given} came: give one answer to each question, in their order")]
    Count {
        /// Questions, in words.
        asked: String,
        /// Answers, in words.
        given: String,
    },
    /// None to a question.
    #[error("question {at} has no answer: give one, or deny it all")]
    Missing {
        /// Which, from 1.
        at: usize,
    },
    /// Several to a question that takes one.
    #[error("question {at} takes one answer")]
    Single {
        /// Which, from 1.
        at: usize,
    },
    /// Words of the person's own, where only the choices will do.
    #[error("question {at} takes one of its choices only: {choices}")]
    NoChoice {
        /// Which, from 1.
        at: usize,
        /// Them.
        choices: Redacted,
    },
    /// Too long.
    #[error("an answer or a reason has at most {most} characters")]
    Long {
        /// How many.
        most: usize,
    },
}

impl Verdict {
    /// Does it answer that?
    pub(crate) fn fits(&self, what: &Asked) -> Result<(), Unfit> {
        let long = |text: &String| text.chars().nth(limits::ANSWER_CHARS).is_some();
        let is_long = match self {
            Self::Once | Self::ForRun => false,
            Self::No(reason) => reason.as_ref().is_some_and(long),
            Self::Answers(answers) => answers.iter().flatten().any(long),
        };
        if is_long {
            return Err(Unfit::Long { most: limits::ANSWER_CHARS });
        }
        match (self, what) {
            (Self::No(_), _) | (Self::Once | Self::ForRun, Asked::Permission(_)) => Ok(()),
            (Self::Answers(_), Asked::Permission(_)) => Err(Unfit::IsPermission),
            (Self::Once | Self::ForRun, Asked::Questions(_)) => Err(Unfit::IsQuestion),
            (Self::Answers(answers), Asked::Questions(questions)) => {
                if answers.len() != questions.len() {
                    let (asked, given) = (count(questions.len(), "question"), count(answers.len(), "answer"));
                    return Err(Unfit::Count { asked, given });
                }
                let mut all = questions.iter().zip(answers).enumerate();
                all.try_for_each(|(n, (question, answers))| answers_one(n + 1, question, answers))
            }
        }
    }
}

fn answers_one(at: usize, question: &Question, answers: &[String]) -> Result<(), Unfit> {
    if answers.is_empty() || answers.iter().any(|answer| answer.trim().is_empty()) {
        return Err(Unfit::Missing { at });
    }
    if answers.len() > 1 && !question.multiple {
        return Err(Unfit::Single { at });
    }
    let is_choice = |answer: &String| question.choices.iter().any(|choice| choice.label == *answer);
    if question.free || question.choices.is_empty() || answers.iter().all(is_choice) {
        return Ok(());
    }
    let labels: Vec<&str> = question.choices.iter().map(|choice| choice.label.as_str()).collect();
    Err(Unfit::NoChoice { at, choices: Redacted::new(&labels.join(", ")) })
}

pub(crate) fn count(number: usize, what: &str) -> String {
    format!("{number} {what}{}", if number == 1 { "" } else { "s" })
}
