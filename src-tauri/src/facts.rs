//! What the app knows, in one value: the tray and the window are made of it and of nothing else.

use crate::view::model::{Notifications, Page, Setup, SignIn};
use orgx_peer::credentials::Forgotten;
use orgx_peer::{PeerSnapshot, RunDetail, RunRecord, Sessions};

/// Everything that is shown is made of this.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Now, in ms since the epoch.
    pub now: i64,
    /// The home folder.
    pub home: String,
    /// Is this the built-in sandbox?
    pub sandbox: bool,
    /// Who is signed in.
    pub account: Account,
    /// Where the peer runs.
    pub hosting: Hosting,
    /// How everything stands, as the peer says; that of before when it is gone for a moment.
    pub peer: PeerSnapshot,
    /// Is somebody quitting?
    pub quitting: Quitting,
    /// The page that is open.
    pub page: Page,
    /// Grows with each request from outside to show a page.
    pub goto: u32,
    /// Sign-in, as the pages show it.
    pub sign_in: SignIn,
    /// What the last sign-out removed, and what it could not.
    pub forgotten: Forgotten,
    /// Is the sign-in card open?
    pub signing_in: bool,
    /// First run, as the pages show it.
    pub setup: Setup,
    /// Is the first run open?
    pub setting_up: bool,
    /// The test task.
    pub test: Option<Test>,
    /// Runs of before.
    pub history: History,
    /// The run whose page is open.
    pub detail: Option<Detail>,
    /// The sessions of OpenCode, as they were read for their page.
    pub sessions: KnownSessions,
    /// What the person prefers of the desktop.
    pub preferences: Preferences,
    /// OrgX's host.
    pub host: String,
    /// A workspace's id and name, as OrgX said them last. It says nothing of another one.
    pub workspace_name: Option<(String, String)>,
}

/// Who is signed in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Account {
    /// Nobody has looked yet.
    #[default]
    Unknown,
    /// Nobody.
    Out,
    /// A key may be there, and cannot be read.
    Unreadable(KeyTrouble),
    /// Somebody.
    In {
        /// The key's last four characters; `None` when a peer of another process has it.
        last4: Option<String>,
        /// Where the key is: `keychain`, `memory`, `file` or `environment`.
        place: Option<&'static str>,
    },
}

/// Why the keychain is of no use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyTrouble {
    /// It is locked.
    Locked,
    /// There is none.
    Absent,
    /// It does not answer.
    Late,
    /// Something else.
    Failed(String),
}

/// Where the peer runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Hosting {
    /// Nowhere.
    #[default]
    Nowhere,
    /// It starts.
    Starting,
    /// In this process.
    Here,
    /// In another one.
    Elsewhere,
    /// It could not start, or broke.
    Failed {
        /// Did it break, after it had started?
        broke: bool,
        /// Why, in words.
        why: String,
        /// When it is tried again.
        retry_at: i64,
    },
}

impl Hosting {
    /// Is there a peer?
    pub fn is_up(&self) -> bool {
        matches!(self, Self::Here | Self::Elsewhere)
    }
}

/// Is somebody quitting?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quitting {
    /// Nobody.
    #[default]
    No,
    /// Runs are active: how?
    Asked,
    /// Once the last run has ended.
    Finishing,
    /// Once those that are cancelled have.
    Cancelling,
}

/// Runs of before.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct History {
    /// Newest first.
    pub runs: Vec<RunRecord>,
    /// Have they been read?
    pub read: bool,
    /// Why they could not be.
    pub error: Option<String>,
}

/// The sessions of OpenCode.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct KnownSessions {
    /// The newest list.
    pub read: Option<Sessions>,
    /// Of when it is, in ms since the epoch.
    pub at: i64,
    /// Why there is no newer one.
    pub error: Option<String>,
}

/// The run whose page is open.
#[derive(Clone, Debug, PartialEq)]
pub struct Detail {
    /// Its id.
    pub run_id: String,
    /// What is known of it.
    pub run: Option<RunDetail>,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// A test task.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Test {
    /// Who runs it.
    pub agent: String,
    /// Its run.
    pub run: Option<RunDetail>,
    /// Why it came to nothing.
    pub error: Option<String>,
    /// Is it over?
    pub over: bool,
}

/// What the person prefers of the desktop.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// Does it start at login? `None` where that cannot be had.
    pub autostart: Option<bool>,
    /// Notifications by kind.
    pub notifications: Notifications,
    /// Rules whose deviations notify nobody.
    pub muted_rules: Vec<String>,
    /// The folder of the logs.
    pub logs: String,
    /// What was wrong with what was entered last.
    pub error: Option<String>,
}
