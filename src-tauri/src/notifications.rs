//! When a person is told something outside of the window: a pure policy. Events and snapshots come in with the time,
//! notifications to show and to take back go out.
//!
//! Promises: nothing for a run whose page is open and in front; nothing of a kind that is switched off; a muted rule is
//! silent; three deviations of one run within ten seconds are one notification; an answered ask takes its notification
//! back; an outage is told once, after ten minutes; a revoked license once. Done and cancelled runs notify nobody.

mod burst;
#[cfg(test)]
#[allow(clippy::expect_used, clippy::panic, reason = "a test that cannot be set up fails")]
mod tests;
mod texts;

use crate::view::model::{Notifications, Page};
use crate::view::runs::is_cancelled;
use burst::{Burst, Deviation};
use orgx_peer::{Ask, License, PeerEvent, PeerSnapshot};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Offline for so long is told, in ms.
pub const OFFLINE: i64 = 10 * 60 * 1000;

/// So many titles are remembered.
const ARRIVED: usize = 100;

/// Something to tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notification {
    /// Names it, to take it back.
    pub key: Key,
    /// What, at most 40 characters, plain text.
    pub title: String,
    /// Which and where, at most 120 characters, plain text.
    pub body: String,
    /// Where the OS has buttons.
    pub buttons: Buttons,
    /// The page that a click opens.
    pub page: Page,
}

/// What it is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Key {
    /// Something waits for the person.
    Need(String),
    /// A rule of a run is broken; the number tells several apart.
    Deviation(String, u64),
    /// A run failed.
    Failed(String),
    /// No way to OrgX.
    Offline,
    /// The license was revoked.
    License,
    /// There is no place for an icon.
    NoTray,
}

/// The buttons below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Buttons {
    /// Open.
    Open,
    /// Allow once, Deny: of this ask.
    Answer(String),
    /// Open, Mute rule: of this skill.
    Mute(String),
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tell {
    /// Show this.
    Show(Notification),
    /// Take this back.
    Withdraw(Key),
}

/// What the policy looks at besides what happens.
#[derive(Clone, Copy, Debug)]
pub struct Context<'a> {
    /// Now, in ms since the epoch.
    pub now: i64,
    /// How everything stands.
    pub peer: &'a PeerSnapshot,
    /// Kinds that are wanted.
    pub wanted: Notifications,
    /// Rules whose deviations notify nobody.
    pub muted: &'a [String],
    /// The run whose page is open and in front.
    pub watched: Option<&'a str>,
    /// The home folder.
    pub home: &'a str,
}

/// The policy's memory.
#[derive(Debug, Default)]
pub struct Notifier {
    bursts: BTreeMap<String, Burst>,
    needs: BTreeSet<String>,
    /// The newest runs' titles: a run may be over before a snapshot has shown it.
    arrived: VecDeque<(String, String)>,
    outage: Option<Outage>,
    revoked: bool,
}

#[derive(Debug)]
struct Outage {
    since: i64,
    told: bool,
}

impl Notifier {
    /// Something happened.
    pub fn event(&mut self, event: &PeerEvent, context: Context<'_>) -> Vec<Tell> {
        match event {
            PeerEvent::Deviation { run_id, skill_id, evidence_kind, evidence_ref, file } => {
                let silent = !context.wanted.deviations
                    || context.muted.contains(skill_id)
                    || context.watched == Some(run_id);
                if !silent {
                    let deviation = Deviation {
                        skill: skill_id.clone(),
                        what: evidence_kind.clone(),
                        place: file.as_ref().unwrap_or(evidence_ref).clone(),
                    };
                    self.bursts.entry(run_id.clone()).or_default().add(deviation, context.now);
                }
                Vec::new()
            }
            PeerEvent::Arrived { run_id, title } => {
                self.arrived.push_back((run_id.clone(), title.clone()));
                if self.arrived.len() > ARRIVED {
                    self.arrived.pop_front();
                }
                Vec::new()
            }
            PeerEvent::Ended { run_id, completed: false, reason, .. } => {
                let silent = !context.wanted.run_failed
                    || is_cancelled(reason.as_deref())
                    || context.watched == Some(run_id);
                if silent {
                    Vec::new()
                } else {
                    let arrived = self.arrived.iter().rev().find(|(id, _)| id == run_id);
                    let title = arrived.map(|(_, title)| title.as_str());
                    vec![Tell::Show(texts::failed(run_id, title, reason.as_deref(), context))]
                }
            }
            _ => Vec::new(),
        }
    }

    /// How everything stands has changed.
    pub fn snapshot(&mut self, context: Context<'_>) -> Vec<Tell> {
        let mut all = self.needs(context);
        all.extend(self.license(context));
        all.extend(self.connection(context));
        all
    }

    /// Time has passed.
    pub fn time(&mut self, context: Context<'_>) -> Vec<Tell> {
        let mut all = Vec::new();
        for (run_id, burst) in &mut self.bursts {
            all.extend(burst.time(run_id, context));
        }
        self.bursts.retain(|_, burst| !burst.is_over(context.now));
        all.extend(self.connection(context));
        all
    }

    /// When [`Notifier::time`] has something to do.
    pub fn next_at(&self) -> Option<i64> {
        let outage = self.outage.as_ref().filter(|outage| !outage.told).map(|outage| outage.since + OFFLINE);
        self.bursts.values().filter_map(Burst::due).chain(outage).min()
    }

    /// There is no peer any more: what it asked for is taken back, and nothing is offline.
    pub fn gone(&mut self) -> Vec<Tell> {
        self.bursts.clear();
        self.outage = None;
        std::mem::take(&mut self.needs).into_iter().map(|id| Tell::Withdraw(Key::Need(id))).collect()
    }

    fn needs(&mut self, context: Context<'_>) -> Vec<Tell> {
        let now: BTreeSet<String> =
            context.peer.attention.iter().map(|attention| attention.id.clone()).collect();
        let answered = self.needs.difference(&now).cloned().map(|id| Tell::Withdraw(Key::Need(id)));
        let mut all: Vec<Tell> = answered.collect();
        let new = context.peer.attention.iter().filter(|attention| {
            !self.needs.contains(&attention.id)
                && context.wanted.needs_you
                && context.watched != Some(&attention.run_id)
                && attention.what != Ask::Unknown
        });
        all.extend(new.map(|attention| Tell::Show(texts::need(attention, context))));
        self.needs = now;
        all
    }

    fn license(&mut self, context: Context<'_>) -> Option<Tell> {
        let revoked = context.peer.license == License::Revoked;
        let newly = revoked && !std::mem::replace(&mut self.revoked, revoked);
        (newly && context.wanted.license).then(|| Tell::Show(texts::revoked()))
    }

    fn connection(&mut self, context: Context<'_>) -> Option<Tell> {
        if context.peer.connected {
            let told = self.outage.take().is_some_and(|outage| outage.told);
            return told.then_some(Tell::Withdraw(Key::Offline));
        }
        let outage = self.outage.get_or_insert(Outage { since: context.now, told: false });
        if outage.told || context.now - outage.since < OFFLINE {
            return None;
        }
        outage.told = true;
        context.wanted.offline.then(|| Tell::Show(texts::offline(context)))
    }
}

/// Once, where no desktop shows an icon.
pub fn no_tray() -> Notification {
    texts::no_tray()
}
