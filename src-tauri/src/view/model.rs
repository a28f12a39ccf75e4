//! What the window shows, whole: one value, rendered from scratch at each change. `ui/bindings.d.ts` is made from it.
//!
//! Times are ms since the epoch, durations ms, unless a name says otherwise. Texts from outside (titles, folders,
//! reasons, skill ids) are cut and free of control characters, and still not ours: pages write them as text only.
//! Words that only a page shows are in `ui/strings.js`; what the tray says too (titles, notices) comes from here.

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
    /// The outbox.
    pub outbox: OutboxFacts,
    /// Settings.
    pub settings: Settings,
    /// A question that somebody's quitting has raised.
    pub sheet: Option<Sheet>,
}

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
    /// The folder that is asked for, when that is what is asked.
    pub folder: Option<String>,
    /// Since when.
    #[cfg_attr(test, ts(type = "number"))]
    pub since: i64,
    /// When it is denied unanswered.
    #[cfg_attr(test, ts(type = "number"))]
    pub lapses_at: i64,
}

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

/// A test task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct TestTask {
    /// Who runs it: `OpenCode 1.18.33, on a scripted model`, or the stand-in and why.
    pub agent: String,
    /// Its run, once it has begun.
    pub run: Option<RunPage>,
    /// Why it came to nothing.
    pub error: Option<String>,
    /// Is it over?
    pub over: bool,
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
    /// Claude Code's version, or `found`; `None` when it is not there.
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

/// Runs.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Runs {
    /// Those that have not ended, oldest first.
    pub now: Vec<Run>,
    /// Those that have, newest first.
    pub earlier: Vec<Run>,
    /// Runs that may be under way at once.
    pub places: u32,
    /// Is the list still being read?
    pub loading: bool,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// A run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Run {
    /// Its id.
    pub run_id: String,
    /// Its title; of a run before the last restart its folder's name, or its short id.
    pub title: String,
    /// `needs_you`, `queued`, `starting`, `running`, `cancelling`, `completed`, `failed`, `cancelled`.
    pub state: String,
    /// Is it the person's own, which OrgX never hears of?
    pub local: bool,
    /// Its folder, whole.
    pub folder: Option<String>,
    /// The driver, for people: `OpenCode`.
    pub driver: Option<String>,
    /// When its dispatch came.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub arrived_at: Option<i64>,
    /// When its agent was ready.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub started_at: Option<i64>,
    /// When it ended.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub ended_at: Option<i64>,
    /// Tokens.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub tokens: Option<u64>,
    /// US cents.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub cost_cents: Option<u64>,
    /// Steps.
    #[cfg_attr(test, ts(type = "number"))]
    pub steps: u64,
    /// Deviations.
    #[cfg_attr(test, ts(type = "number"))]
    pub deviations: u64,
    /// The newest step.
    pub last_step: Option<String>,
    /// Its place in the queue, from 1.
    pub place: Option<u32>,
    /// Why it did not complete.
    pub reason: Option<String>,
}

/// A run's page.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct RunPage {
    /// The run.
    pub run: Run,
    /// Steps and deviations in order.
    pub line: Vec<Entry>,
    /// Earlier steps that are not in memory any more.
    #[cfg_attr(test, ts(type = "number"))]
    pub steps_before: u64,
    /// Its receipt.
    pub receipt: Option<Receipt>,
    /// Is it still being read?
    pub loading: bool,
    /// Why it could not be read.
    pub error: Option<String>,
}

/// An entry of a run's timeline.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "entry", rename_all = "snake_case")]
pub enum Entry {
    /// Something that the agent did.
    Step {
        /// When.
        #[cfg_attr(test, ts(type = "number"))]
        at: i64,
        /// `file_edit`, `tool_call` or `chat`.
        kind: String,
        /// As OrgX is told.
        summary: String,
    },
    /// A broken skill rule.
    Deviation {
        /// When.
        #[cfg_attr(test, ts(type = "number"))]
        at: i64,
        /// The skill.
        skill: String,
        /// What.
        what: String,
        /// Where.
        place: String,
        /// Is it muted?
        muted: bool,
    },
}

/// A receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Receipt {
    /// Its run.
    pub run_id: String,
    /// The run's title, as in [`Run`].
    pub title: String,
    /// `completed`, `failed` or `cancelled`.
    pub outcome: String,
    /// Tokens.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub tokens: Option<u64>,
    /// US cents.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub cost_cents: Option<u64>,
    /// When the run ended.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub ended_at: Option<i64>,
    /// `delivered`, `waiting`, `refused`, `not_taken` or `local`.
    pub state: String,
    /// Why it waits, or was refused.
    pub why: Option<String>,
    /// How often it was posted.
    pub tries: u32,
    /// When it is posted next.
    #[cfg_attr(test, ts(type = "number | null"))]
    pub next_at: Option<i64>,
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

/// Settings. What is `None` has no effect here, and is not shown.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
pub struct Settings {
    /// Start at login.
    pub autostart: Option<bool>,
    /// Notifications by kind.
    pub notifications: Option<Notifications>,
    /// Rules whose deviations notify nobody.
    pub muted_rules: Vec<String>,
    /// Start OpenCode when a task needs it.
    pub start_opencode: Option<bool>,
    /// The outbox.
    pub outbox: Option<bool>,
    /// Presence.
    pub presence: Option<bool>,
    /// Runs at once.
    pub concurrent: Option<u32>,
    /// Where agents may work; empty: anywhere.
    pub folders: Vec<String>,
    /// The workspace's name, or its id.
    pub workspace: Option<String>,
    /// The key's last four characters.
    pub key_last4: Option<String>,
    /// Where the key is: `keychain`, `memory`, `file` or `environment`.
    pub key_place: Option<String>,
    /// The folder of the logs.
    pub logs: String,
    /// Settings that the environment fixes: shown, and not to be changed here. `workspace`, `base_url`,
    /// `start_opencode`.
    pub fixed: Vec<String>,
    /// What was wrong with what was entered last.
    pub error: Option<String>,
}

/// Notifications by kind.
#[allow(clippy::struct_excessive_bools, reason = "each is a switch on a page")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(default)]
pub struct Notifications {
    /// An agent needs the person.
    pub needs_you: bool,
    /// A skill rule is broken.
    pub deviations: bool,
    /// A run failed.
    pub run_failed: bool,
    /// Offline for ten minutes.
    pub offline: bool,
    /// The license was revoked.
    pub license: bool,
}

impl Default for Notifications {
    fn default() -> Self {
        Self { needs_you: true, deviations: true, run_failed: true, offline: true, license: true }
    }
}

/// A change of one setting: the `set` command takes it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[cfg_attr(test, derive(ts_rs::TS))]
#[serde(tag = "setting", content = "value", rename_all = "snake_case")]
pub enum Setting {
    /// Start at login.
    Autostart(bool),
    /// Notifications by kind.
    Notifications(Notifications),
    /// Deviations of this rule notify nobody.
    MuteRule(String),
    /// They do again.
    UnmuteRule(String),
    /// Start OpenCode when a task needs it.
    StartOpencode(bool),
    /// The outbox.
    Outbox(bool),
    /// Presence.
    Presence(bool),
    /// Runs at once.
    Concurrent(u32),
    /// Agents may work in this folder; an empty text asks for one in the system's dialog.
    AddFolder(String),
    /// They may not any more.
    RemoveFolder(String),
    /// They may work anywhere, or only in the folders listed.
    AnyFolder(bool),
    /// The workspace whose tasks are taken.
    Workspace(String),
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
