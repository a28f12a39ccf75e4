//! Sign-in and first run.

use super::Notice;
use serde::Serialize;

/// Sign-in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct SignIn {
    /// The host that the key goes to.
    pub host: String,
    /// A sign-in found on this computer.
    pub found: Option<FoundSignIn>,
    /// Where it stands.
    pub step: SignInStep,
    /// Is a sign-out possible, because somebody is signed in?
    pub signed_in: bool,
    /// Did the person sign out here (and not: never sign in)?
    pub signed_out: bool,
}

/// A sign-in found on this computer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct FoundSignIn {
    /// The workspace's name, when it is known.
    pub workspace: Option<String>,
    /// The key's last four characters.
    pub last4: String,
    /// Whose it is: `the OrgX wizard`.
    pub from: String,
}

/// Where a sign-in stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum SignInStep {
    /// The person chooses a way.
    #[default]
    Choose,
    /// A key is typed in.
    Paste {
        /// What was wrong with the last one.
        error: Option<String>,
    },
    /// A key is tried at OrgX, or put into the keychain.
    Checking {
        /// What is being done: `Asking OrgX`.
        words: String,
    },
    /// The browser is being asked for.
    PairStarting,
    /// Somebody is to press Connect in the browser.
    Pairing {
        /// The short id that the page shows, too.
        code: String,
        /// The host of the page.
        host: String,
        /// When it lapses.
        #[cfg_attr(test, ts(type = "number"))]
        expires_at: i64,
        /// How long it is valid in all.
        #[cfg_attr(test, ts(type = "number"))]
        lasts: i64,
    },
    /// It came to nothing.
    Ended {
        /// What happened, what it means, what to do.
        notice: Notice,
        /// Which way it was, so that it can be tried again.
        way: Way,
    },
    /// OrgX took the key and the keychain did not.
    Keychain {
        /// What happened: its actions are `RetryKeychain` and `KeyInMemory`.
        notice: Notice,
        /// The file that `keep_key` would put it into.
        file: String,
    },
}

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The sign-in found on this computer.
    Found,
    /// The browser.
    Browser,
    /// A pasted key.
    Paste,
}

/// First run, after sign-in.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch on a page")]
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Setup {
    /// Workspaces that OrgX lists; empty: an id is to be typed.
    pub workspaces: Vec<Workspace>,
    /// The chosen one's id.
    pub workspace_id: Option<String>,
    /// Is the list still being fetched?
    pub listing: bool,
    /// Where agents may work.
    pub folders: Vec<String>,
    /// May they work anywhere?
    pub any_folder: bool,
    /// Start at login?
    pub autostart: bool,
    /// Notifications?
    pub notifications: bool,
    /// What was wrong with what was entered last.
    pub error: Option<String>,
    /// The page of the first run: 2 folders, 3 preferences, 4 done.
    pub page: u8,
}

/// A workspace at OrgX.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Workspace {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
}
