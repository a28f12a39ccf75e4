//! Which agents this computer has: those that OrgX is offered, and what is known of each.

use super::actor::{Actor, Signal};
use super::event::PeerEvent;
use super::snapshot::ClaudeCode;
use crate::config::Config;
use crate::driver::{Detected, Driver};
use crate::gateway::Api;
use crate::limits;
use orgx_proto::connection::{Event, Offer, upgrade_url};
use orgx_proto::ids::DriverId;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Every driver there is, with the outbox's name for it.
pub(super) fn all() -> BTreeMap<DriverId, &'static str> {
    BTreeMap::from([(DriverId::opencode(), "opencode"), (DriverId::claude_code(), "claude-code")])
}

/// Those that take tasks, by the settings and by what is on this computer.
pub(super) fn offered(config: &Config) -> BTreeSet<DriverId> {
    let opencode = config.opencode.enabled.then(DriverId::opencode);
    let claude = config.claude.is_offered().then(DriverId::claude_code);
    opencode.into_iter().chain(claude).collect()
}

/// How OrgX is told of them.
pub(super) fn offer(config: &Config, installation_id: &str) -> Offer {
    Offer {
        workspace_id: config.workspace_id.clone(),
        plugin_id: config.plugin_id.clone(),
        drivers: offered(config).into_iter().collect(),
        installation_id: Some(installation_id.to_owned()),
    }
}

impl Actor {
    /// The settings of an agent changed, or one came or went: OrgX is told on a new connection.
    pub(super) fn offer_again(&mut self) {
        let offered = offered(&self.config);
        let names: Vec<String> = offered.iter().map(ToString::to_string).collect();
        if names == self.api.drivers {
            return;
        }
        tracing::info!(drivers = ?names, "the agents on offer changed");
        self.dispatcher.set_offered(offered);
        let offer = offer(&self.config, &self.api.installation_id);
        if let Ok(url) = upgrade_url(&self.config.base_url, &offer) {
            self.door.url = url;
        }
        self.api = Arc::new(Api { drivers: names, ..Api::clone(&self.api) });
        self.connect(Event::Woke);
        self.touch();
    }

    /// In the background: what it takes a few seconds to know.
    pub(super) fn look_for_claude(&mut self) {
        self.due.claude = Some(self.clock.now().mono + limits::CLAUDE_DETECT_EVERY);
        if !self.config.claude.is_offered() {
            self.on_claude(Detected::default());
            return;
        }
        let driver = Arc::clone(&self.claude_driver);
        self.in_background(async move { Signal::Claude(driver.detect().await) });
    }

    /// A run of this agent is over, and may have found it signed out or gone: look soon.
    pub(super) fn look_at_agent(&mut self, driver: Option<&DriverId>) {
        if driver == Some(&DriverId::claude_code()) {
            self.due.claude = Some(self.clock.now().mono);
        } else {
            self.look_at_agents();
        }
    }

    pub(super) fn on_claude(&mut self, found: Detected) {
        let before = self.claude.take();
        self.claude = self.config.claude.program.as_ref().map(|path| ClaudeCode {
            version: found.version.clone(),
            path: path.to_string_lossy().into_owned(),
            enabled: self.config.claude.enabled,
            authenticated: found.authenticated,
            subscription_active: found.subscription_active,
            words: if self.config.claude.enabled {
                found.words
            } else {
                "Claude Code is switched off in the settings".into()
            },
        });
        if let Some(claude) = &self.claude
            && before.as_ref().is_none_or(|before| before.words != claude.words)
        {
            tracing::info!("{}", claude.words);
            self.tell(PeerEvent::Agent { words: claude.words.clone() });
        }
        // OrgX hears of a change at once, not with the next beat.
        if self.claude != before && self.due.presence.is_some() {
            self.due.presence = Some(self.clock.now().mono);
        }
        self.touch();
    }

    /// In the background.
    pub(super) fn look_for_opencode(&self) {
        if !self.config.opencode.enabled {
            let words = "OpenCode is switched off in the settings".to_owned();
            self.in_background(async move { Signal::Detected(Detected { words, ..Detected::default() }) });
            return;
        }
        let driver = Arc::clone(&self.driver);
        self.in_background(async move { Signal::Detected(driver.detect().await) });
    }

    /// The agents that can be given a task now, OpenCode first.
    pub(super) fn usable(&self) -> Vec<(DriverId, Detected)> {
        let claude = self.claude.iter().filter(|claude| claude.enabled).map(|claude| {
            let detected = Detected {
                installed: true,
                authenticated: claude.authenticated,
                subscription_active: claude.subscription_active,
                version: claude.version.clone(),
                words: claude.words.clone(),
                ..Detected::default()
            };
            (DriverId::claude_code(), detected)
        });
        let opencode = Some((DriverId::opencode(), self.agent.clone())).filter(|(_, agent)| agent.installed);
        opencode.into_iter().chain(claude).collect()
    }

    /// The driver of a task of the person's own.
    pub(super) fn driver_of(&self, named: Option<&str>) -> Result<DriverId, String> {
        let offered = offered(&self.config);
        let Some(named) = named else {
            let first =
                [DriverId::opencode(), DriverId::claude_code()].into_iter().find(|id| offered.contains(id));
            return Ok(first.unwrap_or_else(DriverId::opencode));
        };
        match offered.iter().find(|driver| driver.as_str() == named) {
            Some(driver) => Ok(driver.clone()),
            None if all().keys().any(|driver| driver.as_str() == named) => {
                Err(format!("no tasks are taken for {named}: it is not on this computer, or is switched off"))
            }
            None => Err(format!("there is no agent {named}; there are opencode and claude_code")),
        }
    }

    /// What speaks for them all: the first that is signed in, else the first; where there is none, OpenCode.
    pub(super) fn spokesman(&self) -> Detected {
        let mut usable = self.usable();
        let at = usable.iter().position(|(_, agent)| agent.authenticated).unwrap_or_default();
        if usable.is_empty() { self.agent.clone() } else { usable.swap_remove(at).1 }
    }
}
