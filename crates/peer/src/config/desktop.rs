//! How the desktop app behaves, as `[notifications]` of `config.toml` says.

use super::file::Notifications;
use std::collections::BTreeSet;

/// What the desktop app can notify about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum NotificationKind {
    /// A skill rule was broken.
    Deviation,
    /// A permission or a question waits for the person.
    NeedsYou,
    /// A run failed.
    RunFailed,
    /// OrgX cannot be reached for ten minutes.
    Offline,
    /// OrgX does not accept work from this computer.
    License,
}

impl NotificationKind {
    /// All of them, in the order in which they are shown.
    pub const ALL: [Self; 5] =
        [Self::NeedsYou, Self::Deviation, Self::RunFailed, Self::Offline, Self::License];

    /// Its name in `config.toml`.
    pub fn setting(self) -> &'static str {
        match self {
            Self::Deviation => "deviation",
            Self::NeedsYou => "needs_you",
            Self::RunFailed => "run_failed",
            Self::Offline => "offline",
            Self::License => "license",
        }
    }
}

/// The desktop app's own settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Desktop {
    /// The kinds that are switched off.
    pub silent: BTreeSet<NotificationKind>,
    /// Skill rules whose deviations notify nobody.
    pub muted_rules: BTreeSet<String>,
}

impl Desktop {
    /// Is this notified about?
    pub fn notifies(&self, kind: NotificationKind) -> bool {
        !self.silent.contains(&kind)
    }

    /// Is this rule quiet?
    pub fn is_muted(&self, skill_id: &str) -> bool {
        self.muted_rules.contains(skill_id)
    }
}

impl From<Notifications> for Desktop {
    fn from(file: Notifications) -> Self {
        let said = [
            (NotificationKind::Deviation, file.deviation),
            (NotificationKind::NeedsYou, file.needs_you),
            (NotificationKind::RunFailed, file.run_failed),
            (NotificationKind::Offline, file.offline),
            (NotificationKind::License, file.license),
        ];
        let silent = said.into_iter().filter(|(_, on)| *on == Some(false)).map(|(kind, _)| kind).collect();
        Self { silent, muted_rules: file.muted_rules.into_iter().collect() }
    }
}
