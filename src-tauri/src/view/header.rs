//! The header, whose title is the tray's first line, too: the state, in one of the titles that `ui.md` lists.

use super::model::{Act, Glyph, Header, Overlay};
use crate::facts::{Account, Facts, Hosting, Quitting};
use crate::text;
use orgx_peer::{PauseState, RunView, Severity};
use orgx_proto::health::Code;

/// The header.
pub fn header(facts: &Facts) -> Header {
    let state = State::of(facts);
    let (title, glyph, act) = state.looks();
    let peer = &facts.peer;
    Header {
        glyph,
        overlay: overlay(facts),
        title,
        until: if state == State::Reconnecting { peer.link.retry_at } else { None },
        act,
        online_since: peer.link.since.filter(|_| facts.hosting.is_up() && peer.connected),
        workspace: workspace(facts),
        facts: further(facts, state),
    }
}

/// The title as the tray writes it, where nothing counts down.
pub fn title(facts: &Facts) -> String {
    let header = header(facts);
    let left = header.until.map_or(0, |until| until - facts.now);
    header.title.replace("{t}", &text::wait(left))
}

/// Runs that an agent has.
pub fn active(facts: &Facts) -> usize {
    facts.peer.runs.iter().filter(|run| is_active(run)).count()
}

/// Has an agent this run? One that the person is asked about before it begins has none.
pub fn is_active(run: &RunView) -> bool {
    !run.waits()
}

/// What of all that is the case the header names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Nobody is signed in, or nobody whom OrgX knows.
    SignedOut,
    /// The last runs are waited for.
    Finishing,
    /// Nothing is known yet.
    Starting,
    /// The peer cannot run.
    Broken,
    /// OrgX ended it.
    Disconnected,
    /// The person paused it.
    PausedByYou,
    /// It paused by itself.
    Paused,
    /// No way to OrgX.
    Offline,
    /// The next try has its time.
    Reconnecting,
    /// A try is under way.
    Connecting,
    /// Tasks could come, and not be done.
    CannotStart,
    /// So many runs are under way.
    Running(usize),
    /// All is well.
    Ready,
}

impl State {
    /// The first that fits, in this order.
    pub fn of(facts: &Facts) -> Self {
        let peer = &facts.peer;
        match (&facts.account, &facts.hosting) {
            (_, Hosting::Here | Hosting::Elsewhere) => {}
            (_, Hosting::Failed { .. }) => return Self::Broken,
            (Account::Out | Account::Unreadable(_), _) => return Self::SignedOut,
            _ => return Self::Starting,
        }
        if matches!(facts.quitting, Quitting::Finishing | Quitting::Cancelling) {
            return Self::Finishing;
        }
        let code = peer.health.code;
        match code {
            Code::SignedOut | Code::KeyRejected | Code::KeyForbidden => return Self::SignedOut,
            Code::VersionUnsupported => return Self::Disconnected,
            _ => {}
        }
        if peer.pause == PauseState::Paused {
            return Self::PausedByYou;
        }
        match code {
            Code::ClosedByOrgX => return Self::Disconnected,
            Code::WebPage | Code::Unreachable => return Self::Offline,
            _ if !peer.connected && peer.link.retry_at.is_some() => return Self::Reconnecting,
            _ if !peer.connected => return Self::Connecting,
            Code::DiskFull | Code::JournalBroken if peer.health.severity == Severity::Error => {
                return Self::Paused;
            }
            Code::AgentMissing | Code::AgentSignedOut | Code::LicenseRevoked => return Self::CannotStart,
            _ => {}
        }
        match active(facts) {
            0 => Self::Ready,
            n => Self::Running(n),
        }
    }

    fn looks(self) -> (String, Glyph, Option<Act>) {
        let (title, glyph, act) = match self {
            Self::SignedOut => ("Signed out", Glyph::SignedOut, None),
            Self::Finishing => ("Finishing, then quitting", Glyph::Running, Some(Act::Resume)),
            Self::Starting => ("Starting", Glyph::Connecting, None),
            Self::Broken => ("Cannot start tasks", Glyph::Connecting, Some(Act::TryNow)),
            Self::Disconnected => ("Disconnected by OrgX", Glyph::Connecting, Some(Act::TryNow)),
            Self::PausedByYou => ("Paused by you", Glyph::Paused, Some(Act::Resume)),
            Self::Paused => ("Paused", Glyph::Paused, None),
            Self::Offline => ("Offline", Glyph::Connecting, Some(Act::TryNow)),
            Self::Reconnecting => ("Reconnecting in {t}", Glyph::Connecting, Some(Act::TryNow)),
            Self::Connecting => ("Connecting", Glyph::Connecting, None),
            Self::CannotStart => ("Cannot start tasks", Glyph::Ready, Some(Act::Pause)),
            Self::Running(n) => {
                let title = format!("Running {}", text::count(n, "task", "tasks"));
                return (title, Glyph::Running, Some(Act::Pause));
            }
            Self::Ready => ("Ready for tasks", Glyph::Ready, Some(Act::Pause)),
        };
        (title.to_owned(), glyph, act)
    }
}

fn overlay(facts: &Facts) -> Option<Overlay> {
    let peer_is_wrong = facts.hosting.is_up() && facts.peer.health.severity == Severity::Error;
    if facts.hosting.is_up() && !facts.peer.attention.is_empty() {
        return Some(Overlay::NeedsYou);
    }
    let locked = matches!(facts.account, Account::Unreadable(_));
    let failed = matches!(facts.hosting, Hosting::Failed { .. });
    (peer_is_wrong || locked || failed).then_some(Overlay::Error)
}

/// The workspace's name, or its id.
pub fn workspace(facts: &Facts) -> Option<String> {
    if facts.sandbox {
        return Some("Sandbox".to_owned());
    }
    let id = Some(&facts.peer.settings.workspace_id).filter(|id| !id.is_empty())?;
    let named = facts.workspace_name.as_ref().filter(|(known, _)| known == id);
    Some(text::cut(named.map_or(id, |(_, name)| name), 80))
}

fn further(facts: &Facts, state: State) -> Vec<String> {
    let mut all = Vec::new();
    match state {
        State::SignedOut => all.push("OrgX cannot send tasks here".to_owned()),
        State::Starting => all.push("Reading the journal".to_owned()),
        State::PausedByYou | State::Paused => all.push("New tasks wait in OrgX".to_owned()),
        State::Finishing => all.push("No new task starts".to_owned()),
        State::Offline => all.push("Tries again by itself".to_owned()),
        State::Running(_) if facts.peer.pause == PauseState::Draining => {
            all.push("No new task after these".to_owned());
        }
        _ => {}
    }
    let active = active(facts);
    let told_by_title = matches!(state, State::Running(_) | State::Starting | State::Broken);
    if facts.hosting.is_up() && active > 0 && !told_by_title {
        all.push(if active == 1 { "1 run goes on".to_owned() } else { format!("{active} runs go on") });
    }
    all
}
