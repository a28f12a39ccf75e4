//! What waits for the person, and what they say.

use serde::{Deserialize, Serialize};

/// Something that waits for the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Need {
    /// Names it in `answer`.
    pub id: String,
    /// The run that waits.
    pub run_id: String,
    /// The run's title.
    pub title: String,
    /// One line for the strip: `work in ~/code/x`.
    pub line: String,
    /// What is asked.
    pub what: NeedWhat,
    /// The folder that the run works in, or would; whole.
    pub folder: Option<String>,
    /// Who asks, for people: `OpenCode`.
    pub agent: String,
    /// The subagent that asks.
    pub by: Option<String>,
    /// Can it be answered in OrgX, too?
    pub remote: bool,
    /// Since when.
    #[cfg_attr(test, ts(type = "number"))]
    pub since: i64,
    /// When it is denied unanswered.
    #[cfg_attr(test, ts(type = "number"))]
    pub lapses_at: i64,
}

/// What is asked of the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum NeedWhat {
    /// May a task work in this folder?
    Folder,
    /// May a task work among changes that are not committed?
    Dirty {
        /// The commit, cut short.
        commit: Option<String>,
        /// Files that differ from it.
        #[cfg_attr(test, ts(type = "number"))]
        changes: u64,
    },
    /// May the agent do this?
    Permission {
        /// What kind of thing, in the agent's word: `bash`, `edit`, `webfetch`.
        kind: String,
        /// The whole command line, for `bash`.
        command: Option<String>,
        /// The file, for `edit`.
        file: Option<String>,
        /// Lines added, for `edit`.
        #[cfg_attr(test, ts(type = "number | null"))]
        added: Option<u64>,
        /// Lines removed, for `edit`.
        #[cfg_attr(test, ts(type = "number | null"))]
        removed: Option<u64>,
        /// What exactly, as the agent's rules see it: what "for this run" holds for.
        patterns: Vec<String>,
    },
    /// What does the person say to these?
    Questions {
        /// In their order.
        questions: Vec<Question>,
    },
    /// May the run go on with as much again?
    Budget {
        /// `tokens`, `cents` or `minutes`.
        limit: String,
        /// Is it the day's limit, and not the task's?
        day: bool,
        /// The limit.
        #[cfg_attr(test, ts(type = "number"))]
        most: u64,
        /// What is used.
        #[cfg_attr(test, ts(type = "number"))]
        used: u64,
    },
    /// Something that this version does not know.
    Unknown,
}

/// One question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Question {
    /// The question.
    pub text: String,
    /// What there is to choose from.
    pub choices: Vec<Choice>,
    /// May several be chosen?
    pub multiple: bool,
    /// May the person answer in words of their own?
    pub free: bool,
}

/// One answer to choose.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Choice {
    /// The answer.
    pub label: String,
    /// What it means.
    pub about: String,
}

/// What the person says: the `answer` command takes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "say", rename_all = "snake_case")]
pub enum Say {
    /// This once; at a budget: go on.
    Allow,
    /// This, and the folder from now on.
    AllowFolder,
    /// This, and the same again while the run lasts.
    AllowForRun,
    /// No; at a budget: stop; to questions: no answer.
    Deny {
        /// Why, for the agent to read.
        reason: Option<String>,
    },
    /// To questions, each in its place.
    Answers {
        /// One for each.
        answers: Vec<Picked>,
    },
}

/// What the person says to one question.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Picked {
    /// Which of the choices, from 0: their words are cut and masked where they are shown, and the agent needs them as
    /// they are.
    pub choices: Vec<u32>,
    /// Words of their own.
    pub other: Option<String>,
}
