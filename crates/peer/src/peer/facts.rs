//! What the actor learns from the background: folders, license, presence, rules, agents, receipts.

use super::actor::{Actor, Signal};
use super::event::PeerEvent;
use crate::gateway::{License, Presence};
use crate::http::CallError;
use crate::limits;
use crate::rules::{self, Compiled, Rules};
use orgx_proto::dispatch::PauseState;
use orgx_proto::health::Works;
use orgx_proto::time::Now;
use std::sync::Arc;

impl Actor {
    pub(super) fn presence(&self) -> Presence {
        Presence {
            online: self.connection.is_open(),
            paused: self.dispatcher.pause_state() != PauseState::Open,
            queue_depth: self.dispatcher.queued(),
            agent: self.spokesman(),
            drivers: self.usable().iter().map(|(driver, _)| driver.to_string()).collect(),
        }
    }

    pub(super) async fn on_signal(&mut self, signal: Signal) {
        let now = self.clock.now();
        match signal {
            Signal::Folder(run_id, number, looked) => self.on_folder(run_id, number, looked).await,
            Signal::Undone(done) => self.on_undone(*done).await,
            Signal::Remote(signal) => self.on_remote(signal).await,
            Signal::License(result) => self.on_license(result, now),
            Signal::Presence(result) => {
                if let Err(error) = result {
                    tracing::debug!(%error, "presence was not taken");
                }
                self.due.presence = self.config.presence.then(|| now.mono + limits::PRESENCE_EVERY);
            }
            Signal::KeptRules(kept) => {
                if let Some(kept) = kept {
                    self.use_rules(kept, true);
                }
                self.fetch_rules();
            }
            Signal::Rules(number, result) if number == self.fetch_number => self.on_rules(result, now),
            Signal::Rules(..) => {}
            Signal::Detected(agent) => {
                if agent.words != self.agent.words {
                    tracing::info!("{}", agent.words);
                    self.tell(PeerEvent::Agent { words: agent.words.clone() });
                }
                // OrgX hears of a change at once, not with the next beat.
                if agent != self.agent && self.due.presence.is_some() {
                    self.due.presence = Some(now.mono);
                }
                self.agent = agent;
                self.due.detect = Some(now.mono + limits::DETECT_EVERY);
            }
            Signal::Claude(found) => self.on_claude(found),
            Signal::Space(space) => self.space = space,
            Signal::Receipt(run_id, answer) => self.on_receipt(run_id, answer, now.mono).await,
        }
        self.changed = true;
    }

    fn on_rules(&mut self, result: Result<Compiled, String>, now: Now) {
        let why = match result {
            Ok(rules) => return self.use_rules(rules, false),
            Err(why) => why,
        };
        let kept = self.rules.borrow().set.len();
        let instead = match kept {
            0 => "no rules are matched until then".to_owned(),
            kept => format!("the {kept} from last time are used"),
        };
        self.warn(format!("The skill rules could not be fetched ({why}); {instead}."));
        self.rules.send_modify(|rules| rules.loading = false);
        self.rules_fetch = Works::No;
        self.due.rules = Some(now.mono + limits::RULES_RETRY);
    }

    fn on_license(&mut self, result: Result<License, CallError>, now: Now) {
        match result {
            Ok(license) => {
                self.due.license = Some(now.mono + limits::LICENSE_EVERY);
                match license {
                    License::Revoked => self.warn(
                        "OrgX says that this installation's license is revoked or unpaid (402): it may refuse \
                         deviations. Tasks go on; see OrgX's billing page."
                            .into(),
                    ),
                    License::Degraded => tracing::info!("license degraded: OrgX may refuse deviations"),
                    License::Active | License::Unknown => {}
                }
                self.license = license.clone();
                self.tell(PeerEvent::License { license });
            }
            Err(error) => {
                self.due.license = Some(now.mono + limits::LICENSE_RETRY);
                self.warn(format!("The license heartbeat was not taken: {}.", error.of_orgx()));
            }
        }
    }

    /// One fetch at a time, and the newest counts: an older one may hang, or bring what is old by now.
    pub(super) fn fetch_rules(&mut self) {
        self.due.rules = None;
        self.rules.send_modify(|rules| rules.loading = true);
        if let Some(older) = self.fetch.take() {
            older.abort();
        }
        let (api, path) = (Arc::clone(&self.api), self.config.paths.rules(&self.config.tenant()));
        self.fetch_number += 1;
        let number = self.fetch_number;
        let fetch = async move { Signal::Rules(number, rules::fetch(&api, &path).await) };
        self.fetch = Some(self.in_background(fetch));
    }

    fn use_rules(&mut self, compiled: Compiled, loading: bool) {
        let count = compiled.set.len();
        let ignored: Vec<String> =
            compiled.ignored.iter().map(|rule| format!("{}: {}", rule.skill_id, rule.reason)).collect();
        for rule in &ignored {
            tracing::warn!(%rule, "a skill rule is not used");
        }
        if !loading {
            self.rules_fetch = Works::Yes;
            tracing::info!(count, ignored = ignored.len(), "skill rules are in use");
            self.tell(PeerEvent::Rules { count, ignored: ignored.clone() });
        }
        self.ignored_rules = ignored;
        self.rules.send_replace(Rules { set: compiled.set, loading });
    }

    /// The agents may have changed: look soon.
    pub(super) fn look_at_agents(&mut self) {
        if self.due.detect.is_some() {
            self.due.detect = Some(self.clock.now().mono);
        }
    }
}
