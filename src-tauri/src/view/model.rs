//! What the window shows, whole: one value, rendered from scratch at each change. `ui/bindings.d.ts` is made from it.
//!
//! Times are ms since the epoch, durations ms, unless a name says otherwise. Texts from outside (titles, folders,
//! reasons, skill ids) are cut and free of control characters, and still not ours: pages write them as text only.
//! Words that only a page shows are in `ui/strings.js`; what the tray says too (titles, notices) comes from here.

mod need;
mod page;
mod runs;
mod sessions;
mod settings;
mod sign_in;

pub use need::{Choice, Need, NeedWhat, Picked, Question, Say};
pub use page::{Act, Action, Glyph, Header, Notice, NoticeAction, Overlay, Page, Screen};
pub use runs::{Before, Entry, Receipt, Run, RunPage, Runs, TestTask};
pub use sessions::{Session, Sessions};
pub use settings::{Budget, Notifications, Setting, Settings};
pub use sign_in::{FoundSignIn, Setup, SignIn, SignInStep, Way, Workspace};

use serde::{Deserialize, Serialize};

/// Everything.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct WindowState {
    /// The program's version.
    pub version: String,
    /// The home folder, so that pages can write `~`.
    pub home: String,
    /// Which part of the app this is.
    pub screen: Screen,
    /// The page to show; the page shown follows it whenever `goto` grows.
    pub page: Page,
    /// Grows with each request from outside (tray, notification, second start) to show `page`.
    pub goto: u32,
    /// The header.
    pub header: Header,
    /// Is this the built-in sandbox?
    pub sandbox: bool,
    /// Does the peer run in another process, to which this window is only attached?
    pub attached: bool,
    /// The root cause of what is wrong.
    pub notice: Option<Notice>,
    /// What follows from it, or is wrong besides, each in a sentence.
    pub also: Vec<String>,
    /// What waits for the person, oldest first.
    pub needs: Vec<Need>,
    /// Sign-in.
    pub sign_in: SignIn,
    /// First run, after sign-in.
    pub setup: Setup,
    /// The test task, while one is under way or just over.
    pub test: Option<TestTask>,
    /// The facts behind the header.
    pub health: HealthFacts,
    /// Runs.
    pub runs: Runs,
    /// The run whose page is open.
    pub run: Option<RunPage>,
    /// Receipts, newest first.
    pub receipts: Vec<Receipt>,
    /// The sessions of OpenCode, as far as they were read for their page.
    pub sessions: Sessions,
    /// The outbox.
    pub outbox: OutboxFacts,
    /// Settings.
    pub settings: Settings,
    /// A question that somebody's quitting has raised.
    pub sheet: Option<Sheet>,
}

/// The facts behind the header.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct HealthFacts {
    /// OrgX's host.
    pub host: String,
    /// Is the socket open?
    pub connected: bool,
    /// The connection, in a sentence.
    pub connection: String,
    /// The last round trip.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub round_trip_ms: Option<u64>,
    /// When OrgX was last heard.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub heard_at: Option<i64>,
    /// Tries that failed since it was last open.
    pub tries: u32,
    /// `unknown`, `active`, `degraded` or `revoked`.
    pub license: String,
    /// Is OpenCode there, or can it be started?
    pub opencode_ok: bool,
    /// OpenCode's version.
    pub opencode_version: Option<String>,
    /// Its dialect and address, or why there is none.
    pub opencode_words: String,
    /// Claude Code's version, or `found`, `off`, `signed_out`; `None` when it is not there.
    pub claude: Option<String>,
    /// Skill rules in use.
    pub rules: u32,
    /// Skill rules that are not, and why.
    pub skipped_rules: Vec<String>,
    /// Since midnight: runs that completed.
    #[cfg_attr(test, ts(type = "number"))]
    pub done: u64,
    /// Since midnight: runs that failed.
    #[cfg_attr(test, ts(type = "number"))]
    pub failed: u64,
    /// Since midnight: tokens.
    #[cfg_attr(test, ts(type = "number"))]
    pub tokens: u64,
    /// Since midnight: US cents, when an agent said.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub cost_cents: Option<u64>,
    /// Receipts that OrgX has.
    #[cfg_attr(test, ts(type = "number"))]
    pub receipts_delivered: u64,
    /// Receipts that it does not have yet.
    #[cfg_attr(test, ts(type = "number"))]
    pub receipts_waiting: u64,
    /// Frames that OrgX has not confirmed.
    pub unconfirmed: u32,
    /// What a person should know, newest last.
    pub warnings: Vec<String>,
}

/// The outbox.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct OutboxFacts {
    /// Is it written?
    pub on: bool,
    /// Where it is.
    pub path: String,
    /// Its size, in bytes.
    #[cfg_attr(test, ts(type = "number"))]
    pub bytes: u64,
    /// Lines since midnight.
    #[cfg_attr(test, ts(type = "number"))]
    pub today: u64,
    /// When the newest line was written.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub last_at: Option<i64>,
    /// Its kind.
    pub last_kind: Option<String>,
    /// What is wrong now.
    pub trouble: Option<String>,
}

/// A question that somebody's quitting has raised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "sheet", rename_all = "snake_case")]
pub enum Sheet {
    /// Quit while runs are active?
    Quit {
        /// How many.
        runs: u32,
    },
}

/// How to quit: the `quit` command takes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Quit {
    /// Not at all.
    Stay,
    /// Take no new task, and quit when all are done.
    Finish,
    /// Cancel what runs, and quit.
    Cancel,
}

/// Why a command was not done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[error("{title}. {text}")]
pub struct Failure {
    /// What happened.
    pub title: String,
    /// What it means, and what to do.
    pub text: String,
}
