//! Everything that can happen to the app, as one enum.

use super::account::Looked;
use super::host::Said;
use super::sandbox::Stage;
use super::settings::{Saved, Wanted};
use super::sign_in::{Card, PairedKey};
use super::test_task::News;
use crate::tray::Click;
use crate::view::model::{Action, Failure, Page, Quit, Say, Setting, WindowState};
use orgx_peer::credentials::{Forgotten, Found, KeyPlace, KeychainError};
use orgx_peer::sign_in::{CheckError, PairError, Workspace};
use orgx_peer::{CommandError, Config, OpenSession, RunDetail, RunRecord, Sessions};
use secrecy::SecretString;
use std::path::PathBuf;
use tokio::sync::oneshot;

/// One thing that happened.
#[derive(Debug)]
pub enum Input {
    /// The window wants something.
    Page(PageCommand, oneshot::Sender<Answer>),
    /// The tray was clicked.
    Tray(Click),
    /// There is, or is not, a place for the tray's icon.
    TrayPlace(TrayPlace),
    /// A notification was clicked.
    Notification(Clicked),
    /// The program was started once more.
    SecondStart,
    /// The OS, or the person at a terminal, wants the program to end.
    Stop,
    /// The window came to the front, or left it.
    Focused(bool),
    /// The window is gone.
    WindowClosed,
    /// The peer of this generation said something.
    Host(u64, Said),
    /// Something that was begun has ended.
    Done(Done),
}

/// Has the tray's icon a place?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrayPlace {
    /// It stands there.
    There,
    /// This desktop has none now.
    Missing,
}

/// What of a notification was clicked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Clicked {
    /// It, or its Open: this page.
    Open(Page),
    /// Allow once.
    Allow(String),
    /// Deny.
    Deny(String),
    /// Mute rule.
    Mute(String),
}

/// What a command answers.
pub type Answer = Result<Answered, Failure>;

/// What a command answers when it went well.
#[derive(Debug)]
pub enum Answered {
    /// Nothing more.
    Done,
    /// Everything.
    State(Box<WindowState>),
}

/// A way to sign in, as the page names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WayIn {
    /// The sign-in found on this computer.
    Found,
    /// The browser.
    Browser,
    /// A key that is typed in.
    Paste,
}

/// Where a key is to be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keep {
    /// In the keychain.
    Keychain,
    /// In memory.
    Memory,
    /// In a file.
    File,
}

/// What the window wants: its commands, one by one.
#[derive(Debug)]
#[allow(missing_docs, reason = "named as the commands are")]
pub enum PageCommand {
    Ready,
    ShowPage(Page),
    Pause { after_current_runs: bool },
    Resume,
    TryNow,
    CancelRun { run_id: String },
    Answer { id: String, say: Say },
    DoAction(Action),
    SignInStart(WayIn),
    SignInKey(SecretString),
    SignInBack,
    PairOpen,
    PairCopy,
    KeepKey(Keep),
    Setup(Setting),
    SetupPage(u8),
    SetupDone,
    TestTask,
    TestClose,
    Set(Setting),
    CopyReceipt { run_id: String },
    CopyDiagnostics,
    CopyText(String),
    ShowOutbox,
    ShowLogs,
    OpenOrgx,
    OpenFolder(PathBuf),
    OpenSession { id: String, terminal: bool },
    OpenRun { run_id: String, terminal: bool },
    Undo { run_id: String, undone: bool },
    ShowFile { run_id: String, place: String },
    SignOut,
    Quit(Quit),
    CloseWindow,
}

/// What something that was begun came to. A number is the attempt's: what a later one has overtaken counts no more.
#[derive(Debug)]
pub enum Done {
    /// The account was looked for.
    Looked(u64, Box<Looked>),
    /// The workspaces of a new key were listed; none: no list could be had.
    Listed(u64, Box<Config>, SecretString, Vec<Workspace>),
    /// The runs of before.
    History(Result<Vec<RunRecord>, CommandError>),
    /// One run.
    Detail(String, Result<Box<RunDetail>, CommandError>),
    /// The sessions of OpenCode.
    Sessions(Result<Sessions, CommandError>),
    /// How a run's session is opened; in a terminal?
    Open(Result<OpenSession, Failure>, bool, oneshot::Sender<Answer>),
    /// A run was undone, or done again, or not.
    Undone(String),
    /// The sign-in found on this computer was looked for.
    Found(Option<Found>),
    /// A key was checked.
    Checked(u64, Result<(), CheckError>),
    /// A key was kept, or not.
    Kept(u64, Result<KeyPlace, KeychainError>),
    /// A pairing began.
    PairingBegan(u64, Result<Card, PairError>),
    /// A pairing ended.
    PairingEnded(u64, Result<PairedKey, PairError>),
    /// The workspaces of the key.
    Workspaces(Result<Vec<Workspace>, String>),
    /// The keys were forgotten.
    Forgotten(oneshot::Sender<Answer>, Result<Forgotten, KeychainError>),
    /// A dialog was closed.
    Chosen(Wanted, Option<PathBuf>),
    /// The person said whether agents may work anywhere.
    AnyFolder(bool, Option<oneshot::Sender<Answer>>),
    /// `config.toml` was changed, or not.
    Saved(Saved),
    /// The peer has read `config.toml` again; what of it needs a new peer.
    Reloaded(Vec<String>),
    /// The test task has news.
    Test(u64, News),
    /// The peer has said what runs, to somebody who quits.
    QuitLooked,
    /// The sandbox is set.
    Sandbox(Result<Box<Stage>, String>),
}
