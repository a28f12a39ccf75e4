//! The actor's state as others see it: a snapshot at most every 50 ms, and warnings as they come.

use super::actor::Actor;
use super::event::PeerEvent;
use super::snapshot::{OutboxView, PeerSnapshot, RunView};
use crate::gateway::License;
use crate::limits;
use crate::webhook::Webhook;
use orgx_proto::health::{self, Agent, Disk, Facts, Health, Works, health};
use orgx_proto::run::Run;
use orgx_proto::time::Millis;
use std::time::Duration;

/// How often a changed snapshot is published: what people can see, and no more.
pub(super) const PUBLISH_EVERY: Duration = Duration::from_millis(50);
/// Warnings kept for the snapshot.
const WARNINGS: usize = 20;

impl Actor {
    pub(super) fn warn(&mut self, words: String) {
        tracing::warn!("{words}");
        self.warnings.push_back(words.clone());
        while self.warnings.len() > WARNINGS {
            self.warnings.pop_front();
        }
        self.changed = true;
        self.tell(PeerEvent::Warning { words });
    }

    pub(super) fn publish(&mut self) {
        let now = self.clock.now().mono;
        let first = self.published == Millis(0);
        if self.changed && (first || now.since(self.published) >= PUBLISH_EVERY) {
            self.publish_now();
        }
    }

    /// The same at once: who has just been answered sees what became of it.
    pub(super) fn publish_now(&mut self) {
        let now = self.clock.now();
        self.watch_outbox();
        self.changed = false;
        self.published = now.mono;
        let mut runs: Vec<RunView> = self.dispatcher.runs().map(|run| self.view(run)).collect();
        runs.sort_by(|a, b| (a.arrived_at, &a.run_id).cmp(&(b.arrived_at, &b.run_id)));
        let rules = self.rules.borrow().set.clone();
        let suspended = rules.suspended();
        let suspended = suspended.iter().map(|rule| format!("{}: {}", rule.skill_id, rule.reason));
        let mut snapshot = PeerSnapshot {
            connected: self.connection.is_open(),
            connection: self.connection_words(),
            link: self.link.show(),
            license: self.license.clone(),
            agent: self.agent.clone(),
            claude: self.claude.clone(),
            rules: rules.len(),
            ignored_rules: self.ignored_rules.iter().cloned().chain(suspended).collect(),
            pause: self.dispatcher.pause_state(),
            attention: self.shown_attention(),
            runs,
            places: self.config.runs.concurrent,
            recent: self.recent.iter().cloned().collect(),
            today: self.today(now),
            receipts: self.receipt_counts(),
            unconfirmed: self.delivery.unconfirmed(),
            journal_trouble: self.journal_trouble.clone(),
            outbox: self.outbox.as_ref().zip(self.config.outbox.as_ref()).map(|(outbox, path)| {
                OutboxView::new(path, outbox.health(), outbox.tail().seen_at(now.wall.0))
            }),
            lifecycle: self.webhook.as_ref().map(Webhook::view).unwrap_or_default(),
            settings: self.settings(),
            warnings: self.warnings.iter().cloned().collect(),
            health: Health::default(),
        };
        snapshot.health = health(&self.facts(&snapshot));
        self.tell_snapshot.send_replace(snapshot);
    }

    fn view(&self, run: &Run) -> RunView {
        let mut view = RunView::from(run);
        self.timelines.show(&run.dispatch.run_id, &mut view);
        view
    }

    fn facts(&self, snapshot: &PeerSnapshot) -> Facts {
        let outbox = snapshot.outbox.as_ref().and_then(|outbox| outbox.trouble.as_ref());
        let works = |trouble: bool| if trouble { Works::No } else { Works::Yes };
        let is_full = |trouble: Option<&String>| trouble.is_some_and(|words| words.contains("disk is full"));
        let agent = self.spokesman();
        let running = snapshot.runs.iter().filter(|run| !run.waits()).count();
        Facts {
            signed_out: false,
            connection: Some(self.connection.state()),
            pause: snapshot.pause,
            // Before the first look nothing is known, and nothing is said.
            agent: (!agent.words.is_empty()).then_some(Agent {
                installed: agent.installed,
                authenticated: agent.authenticated,
                running: agent.probed.session_alive,
            }),
            license: match snapshot.license {
                License::Unknown | License::Active => health::License::Fine,
                License::Degraded => health::License::Degraded,
                License::Revoked => health::License::Revoked,
            },
            disk: match self.space {
                _ if is_full(outbox) || is_full(snapshot.journal_trouble.as_ref()) => Disk::Full,
                Some(free) if free < limits::DISK_FULL => Disk::Full,
                Some(free) if free < limits::DISK_LOW => Disk::Low,
                _ => Disk::Fine,
            },
            journal: works(snapshot.journal_trouble.is_some()),
            outbox: works(outbox.is_some()),
            rules: self.rules_fetch,
            running,
            waiting: snapshot.runs.len() - running,
        }
    }

    /// Tells when the outbox begins to fail, and when it works again.
    fn watch_outbox(&mut self) {
        let trouble = self.outbox.as_ref().and_then(|outbox| outbox.health().trouble);
        if trouble == self.outbox_trouble {
            return;
        }
        match &trouble {
            Some(words) => self.warn(format!("{}.", capitalized(words))),
            None => tracing::info!("the local trail works again"),
        }
        self.outbox_trouble = trouble;
    }
}

pub(super) fn capitalized(words: &str) -> String {
    let mut chars = words.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}
