//! One reducer of facts to one sentence and one action: why am I (not) receiving tasks?
//!
//! Promises: whatever the facts, there is exactly one [`Health`]. What follows from something else that is wrong is
//! not shown; of what remains the worst wins, and among equals the one that stands first in the table. The texts are
//! ours alone: nothing that came from outside is in them.

#[cfg(test)]
mod tests;
mod words;

use crate::connection::{State, Trouble};
use crate::dispatch::PauseState;
use serde::{Deserialize, Serialize};
use words::Words;

/// What is known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// Is there no key, because the person signed out?
    pub signed_out: bool,
    /// Where the socket stands; `None` before the first try.
    pub connection: Option<State>,
    /// What the person wants.
    pub pause: PauseState,
    /// What is known of the agent; `None` before the first look.
    pub agent: Option<Agent>,
    /// What OrgX says of the license.
    pub license: License,
    /// Is there room on the disk of the state folder or of the outbox?
    pub disk: Disk,
    /// Can the journal be written?
    pub journal: Works,
    /// Can the outbox be written?
    pub outbox: Works,
    /// Could the skill rules be fetched?
    pub rules: Works,
    /// Runs that an agent has.
    pub running: usize,
    /// Runs that wait for their turn.
    pub waiting: usize,
}

/// What is known of the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Can tasks be given to it, now or by starting it?
    pub installed: bool,
    /// Is it signed in to a model provider?
    pub authenticated: bool,
    /// Does it run now?
    pub running: bool,
}

/// What OrgX says of the license.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum License {
    /// Nothing, or that it is in order.
    #[default]
    Fine,
    /// It may leave out deviations.
    Degraded,
    /// It takes no work from here.
    Revoked,
}

/// Room on the disks that matter.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Disk {
    /// There is room.
    #[default]
    Fine,
    /// There is little.
    Low,
    /// There is none.
    Full,
}

/// Does something work?
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Works {
    /// It does.
    #[default]
    Yes,
    /// It does not, now.
    No,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// All is well.
    #[default]
    Ok,
    /// All is well, and there is something to know.
    Info,
    /// Something does not work, or mends itself.
    Warning,
    /// Tasks cannot come, or cannot be done, until somebody acts.
    Error,
}

/// The state of things in one sentence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Stable, for programs.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// For people: one sentence without its full stop.
    pub sentence: String,
    /// What to do, when there is something to do.
    pub action: Option<Action>,
}

impl Default for Health {
    fn default() -> Self {
        health(&Facts::default())
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Action {
    /// Stable, for programs.
    pub code: ActionCode,
    /// For people: one sentence without its full stop.
    pub words: String,
}

macro_rules! codes {
    ($(#[$doc:meta])* $name:ident { $($(#[$member_doc:meta])* $member:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum $name { $($(#[$member_doc])* $member,)+ }
        impl $name {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$member),+];
        }
    };
}

codes! {
    /// What may be the case. The order is that of the table: among equally bad ones the first is shown.
    Code {
        /// There is no key.
        SignedOut,
        /// OrgX does not know the key.
        KeyRejected,
        /// The key lacks a permission.
        KeyForbidden,
        /// OrgX speaks another protocol.
        VersionUnsupported,
        /// OrgX takes no work from here.
        LicenseRevoked,
        /// No disk space.
        DiskFull,
        /// The journal cannot be written.
        JournalBroken,
        /// There is no agent.
        AgentMissing,
        /// The agent has no model provider.
        AgentSignedOut,
        /// OrgX closed the connection on purpose.
        ClosedByOrgX,
        /// A web page answers in OrgX's place.
        WebPage,
        /// OrgX cannot be reached.
        Unreachable,
        /// OrgX answers, and does not let us in now.
        Refused,
        /// The connection broke, and is being made again.
        Reconnecting,
        /// The outbox cannot be written.
        OutboxBroken,
        /// The skill rules could not be fetched.
        RulesMissing,
        /// Little disk space.
        DiskLow,
        /// The person paused it.
        Paused,
        /// It finishes what it has.
        Draining,
        /// The first connection is being made.
        Connecting,
        /// Runs are under way.
        Running,
        /// OrgX may leave out deviations from here.
        LicenseDegraded,
        /// The agent is started when a task comes.
        AgentOnDemand,
        /// Nothing is wrong.
        Connected,
    }
}

codes! {
    /// What may be done.
    ActionCode {
        /// Put a key in.
        SignIn,
        /// Take another key.
        UseAnotherKey,
        /// Get a newer program.
        Update,
        /// See the license in OrgX.
        OpenOrgX,
        /// Make room.
        FreeDisk,
        /// See to the state folder.
        FixStateFolder,
        /// See to the outbox's file.
        FixOutbox,
        /// Get the agent.
        InstallAgent,
        /// Sign the agent in.
        SignInAgent,
        /// See to the network.
        CheckNetwork,
        /// Nothing: it is tried again by itself.
        Wait,
        /// Take tasks again.
        Resume,
    }
}

impl Code {
    /// What must be in order before this can be told: while one of them is wrong, this one only follows.
    pub fn depends_on(self) -> &'static [Self] {
        use Code::{
            ClosedByOrgX, DiskFull, KeyForbidden, KeyRejected, Reconnecting, Refused, SignedOut, Unreachable,
            VersionUnsupported, WebPage,
        };
        match self {
            Code::KeyRejected
            | Code::KeyForbidden
            | Code::VersionUnsupported
            | Code::ClosedByOrgX
            | Code::WebPage
            | Code::Unreachable
            | Code::Refused
            | Code::Reconnecting
            | Code::Connecting => &[SignedOut],
            Code::LicenseRevoked | Code::LicenseDegraded | Code::RulesMissing => &[
                SignedOut,
                KeyRejected,
                KeyForbidden,
                VersionUnsupported,
                ClosedByOrgX,
                WebPage,
                Unreachable,
                Refused,
                Reconnecting,
            ],
            Code::JournalBroken | Code::OutboxBroken | Code::DiskLow => &[DiskFull],
            Code::AgentSignedOut => &[Code::AgentMissing],
            Code::AgentOnDemand => &[Code::AgentMissing, Code::AgentSignedOut],
            _ => &[],
        }
    }

    /// Every trouble has its code: one without would pass for a connection.
    fn of(trouble: &Trouble) -> Self {
        match trouble {
            Trouble::KeyRejected => Self::KeyRejected,
            Trouble::KeyForbidden => Self::KeyForbidden,
            Trouble::VersionUnsupported => Self::VersionUnsupported,
            Trouble::ClosedByOrgX => Self::ClosedByOrgX,
            Trouble::WebPage => Self::WebPage,
            Trouble::Unreachable(_) => Self::Unreachable,
            Trouble::Refused(_) => Self::Refused,
            Trouble::Lost { .. } | Trouble::Silent => Self::Reconnecting,
        }
    }

    fn is_the_case(self, facts: &Facts) -> bool {
        let trouble = match &facts.connection {
            Some(State::Waiting { why, .. }) => Some(Self::of(why)),
            _ => None,
        };
        let agent = |wanted: fn(&Agent) -> bool| facts.agent.as_ref().is_some_and(wanted);
        match self {
            Self::SignedOut => facts.signed_out,
            Self::KeyRejected
            | Self::KeyForbidden
            | Self::VersionUnsupported
            | Self::ClosedByOrgX
            | Self::WebPage
            | Self::Unreachable
            | Self::Refused
            | Self::Reconnecting => trouble == Some(self),
            Self::LicenseRevoked => facts.license == License::Revoked,
            Self::LicenseDegraded => facts.license == License::Degraded,
            Self::DiskFull => facts.disk == Disk::Full,
            Self::DiskLow => facts.disk == Disk::Low,
            Self::JournalBroken => facts.journal == Works::No,
            Self::OutboxBroken => facts.outbox == Works::No,
            Self::RulesMissing => facts.rules == Works::No,
            Self::AgentMissing => agent(|agent| !agent.installed),
            Self::AgentSignedOut => agent(|agent| !agent.authenticated),
            Self::AgentOnDemand => agent(|agent| !agent.running),
            Self::Paused => facts.pause == PauseState::Paused,
            Self::Draining => facts.pause == PauseState::Draining,
            Self::Connecting => matches!(facts.connection, None | Some(State::Idle | State::Connecting)),
            Self::Running => facts.running + facts.waiting > 0,
            Self::Connected => true,
        }
    }
}

/// The one thing to show.
pub fn health(facts: &Facts) -> Health {
    let is_root = |code: Code| {
        code.is_the_case(facts) && !code.depends_on().iter().any(|other| other.is_the_case(facts))
    };
    let (mut code, mut words) = (Code::Connected, Words::of(Code::Connected, facts));
    // Backwards, so that the first of the equally bad ones is the last to win.
    for candidate in Code::ALL.iter().rev().copied().filter(|code| is_root(*code)) {
        let found = Words::of(candidate, facts);
        if found.severity >= words.severity {
            (code, words) = (candidate, found);
        }
    }
    let Words { severity, sentence, action } = words;
    let action = action.map(|(code, words)| Action { code, words: words.to_owned() });
    Health { code, severity, sentence, action }
}
