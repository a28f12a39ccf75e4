//! Which page, and what stands above every page.

use serde::{Deserialize, Serialize};

/// Which part of the app.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Screen {
    /// Nothing is known yet.
    #[default]
    Loading,
    /// First run: how to sign in. Neither header nor tabs.
    SignIn,
    /// First run: folders, preferences, done. Neither header nor tabs.
    Setup,
    /// The pages.
    Main,
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "page", rename_all = "snake_case")]
pub enum Page {
    /// How everything stands.
    #[default]
    Health,
    /// All runs.
    Runs,
    /// One run.
    Run {
        /// Its id.
        run_id: String,
    },
    /// All receipts.
    Receipts,
    /// The sessions of OpenCode.
    Sessions,
    /// The local trail.
    Outbox,
    /// Settings.
    Settings,
    /// Something that waits for the person.
    Need {
        /// Its id.
        id: String,
    },
    /// The skill rules.
    Rules,
}

/// The header: the same words as the tray's.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Header {
    /// The tray's shape.
    pub glyph: Glyph,
    /// What lies over it.
    pub overlay: Option<Overlay>,
    /// The state, from the list in `ui.md`. `{t}` in it stands for the time until `until`.
    pub title: String,
    /// When the title's `{t}` is over.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub until: Option<i64>,
    /// The one button.
    pub act: Option<Act>,
    /// Since when the connection is open.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub online_since: Option<i64>,
    /// The workspace's name, or its id.
    pub workspace: Option<String>,
    /// Further facts in order of weight, each whole: `1 run goes on`.
    pub facts: Vec<String>,
}

/// The tray's base shapes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Glyph {
    /// Ring with slash.
    SignedOut,
    /// Half ring and four dots.
    #[default]
    Connecting,
    /// Ring with dot.
    Ready,
    /// Filled disc, play.
    Running,
    /// Ring with two bars.
    Paused,
}

/// What lies over the base shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "kebab-case")]
pub enum Overlay {
    /// The amber diamond; wins over the other.
    NeedsYou,
    /// The `!`.
    Error,
}

/// The header's button.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Act {
    /// Take no more tasks.
    Pause,
    /// Take tasks again.
    Resume,
    /// Do not wait for the next try.
    TryNow,
}

/// What happened, what it means, what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Notice {
    /// Stable: a health code, or `keychain_locked` and its like.
    pub code: String,
    /// Does nothing go on until somebody acts?
    pub bad: bool,
    /// What happened.
    pub title: String,
    /// What it means.
    pub text: String,
    /// The one thing to do.
    pub action: Option<NoticeAction>,
    /// Another way, as a link.
    pub other: Option<NoticeAction>,
}

/// A button of a notice.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct NoticeAction {
    /// What the button says.
    pub label: String,
    /// What it does: the `do_action` command takes it.
    pub action: Action,
}

/// What a button of a notice does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Show the sign-in card.
    SignIn,
    /// Try the connection, or what is wrong, again.
    TryNow,
    /// Take tasks again.
    Resume,
    /// Open OrgX in the browser.
    OpenOrgx,
    /// Choose the OpenCode program in a dialog.
    ChooseOpencode,
    /// Show the state folder in the file manager.
    ShowStateFolder,
    /// Show the outbox in the file manager.
    ShowOutbox,
    /// Try the keychain again.
    RetryKeychain,
    /// Sign in with a key that is kept in memory only.
    KeyInMemory,
    /// Start the peer again.
    Restart,
}
