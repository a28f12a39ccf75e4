//! The peer: getting one, hearing it, asking it.

use super::host::{Host, Over, Plan, Said};
use super::{Afterwards, Answer, Answered, Controller, Input, failure};
use crate::facts::{Hosting, Quitting};
use crate::notifications::Notifier;
use orgx_peer::{Command, PauseState, PeerEvent, PeerSnapshot};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// A peer that could not start is started again after this, then after twice that, and so on.
const RESTART: Duration = Duration::from_secs(2);
/// But never later than this.
const RESTART_MAX: Duration = Duration::from_secs(60);

impl Controller {
    /// Gets a peer as planned. One that is there is never replaced: its runs would end with it.
    pub(super) fn start_host(&mut self, plan: Plan) {
        if self.host.is_some() {
            return;
        }
        self.generation += 1;
        let (generation, inputs) = (self.generation, self.inputs.clone());
        let say = move |said| {
            // Nobody listens any more once the program ends.
            let _over = inputs.send(Input::Host(generation, said));
        };
        self.facts.hosting = Hosting::Starting;
        self.timers.restart = None;
        self.host = Some(Host::start(plan, say));
    }

    /// Stops the peer, or lets go of it, and then does this.
    pub(super) fn stop_host(&mut self, afterwards: Afterwards) {
        self.timers.restart = None;
        self.wishes.stop = true;
        match afterwards {
            Afterwards::Exit => self.ending = true,
            Afterwards::LookAgain => {}
            Afterwards::LeaveSandbox => self.wishes.leave_sandbox = true,
            Afterwards::Forget(answer) => self.wishes.forget = Some(answer),
        }
        match &mut self.host {
            Some(host) => {
                host.stop();
                self.timers.stopped = Some(Instant::now() + super::quit::STOPPED);
            }
            None => self.stopped(),
        }
    }

    /// The peer said something.
    pub(super) fn said(&mut self, said: Said) {
        match said {
            Said::Up { elsewhere } => {
                tracing::info!(elsewhere, "a peer runs");
                self.failures = 0;
                self.facts.hosting = if elsewhere { Hosting::Elsewhere } else { Hosting::Here };
                self.read_history();
                self.read_detail();
                self.read_sessions();
                if !elsewhere && self.kept.read().resume_at_start {
                    self.kept.change(|kept| kept.resume_at_start = false);
                    self.tell_peer(Command::Resume);
                }
            }
            Said::Snapshot(snapshot) => self.snapshot(*snapshot),
            Said::Event(event) => self.event(&event),
            Said::Over(over) => self.host_over(over),
        }
    }

    fn snapshot(&mut self, snapshot: PeerSnapshot) {
        self.facts.peer = snapshot;
        self.notify_with(Notifier::snapshot);
        self.sandbox_look();
        self.quit_look();
    }

    fn event(&mut self, event: &PeerEvent) {
        self.notify_with(|notifier, context| notifier.event(event, context));
        match event {
            PeerEvent::Ended { run_id, .. } | PeerEvent::Receipt { run_id, .. } => {
                self.read_history();
                self.detail_is_stale(run_id);
            }
            PeerEvent::Started { run_id, .. }
            | PeerEvent::Step { run_id, .. }
            | PeerEvent::Deviation { run_id, .. } => self.detail_is_stale(run_id),
            _ => {}
        }
        let is_of_sessions = matches!(
            event,
            PeerEvent::Started { .. }
                | PeerEvent::Ended { .. }
                | PeerEvent::Attention { .. }
                | PeerEvent::Answered { .. }
                | PeerEvent::Agent { .. }
        );
        if is_of_sessions {
            self.sessions_are_stale();
        }
    }

    fn host_over(&mut self, over: Over) {
        let was_elsewhere = self.facts.hosting == Hosting::Elsewhere;
        self.host = None;
        tracing::info!(?over, "the peer is over");
        let tells = self.notifier.gone();
        self.tell(tells);
        if self.wishes.stop {
            return self.stopped();
        }
        self.facts.peer.attention.clear();
        // It took its runs with it.
        if matches!(self.facts.quitting, Quitting::Finishing | Quitting::Cancelling) {
            return self.stop_now();
        }
        // Another program's peer has ended: this one takes its place.
        if was_elsewhere {
            self.facts.hosting = Hosting::Starting;
            return self.look();
        }
        let (broke, why) = match over {
            Over::NotStarted(why) => (false, why),
            Over::Stopped => {
                (false, "another program stopped the peer; it starts again by itself".to_owned())
            }
            Over::Broke => (true, String::new()),
        };
        let wait = RESTART.saturating_mul(2_u32.saturating_pow(self.failures.min(8))).min(RESTART_MAX);
        self.failures += 1;
        self.timers.restart = Some(Instant::now() + wait);
        self.facts.hosting =
            Hosting::Failed { broke, why, retry_at: self.facts.now + wait.as_millis() as i64 };
    }

    /// The peer has stopped, as it was asked to.
    pub(super) fn stopped(&mut self) {
        self.timers.stopped = None;
        self.host = None;
        self.generation += 1;
        self.facts.hosting = Hosting::Nowhere;
        self.facts.peer.attention.clear();
        self.facts.peer.runs.clear();
        self.facts.peer.connected = false;
        let wishes = std::mem::take(&mut self.wishes);
        if wishes.leave_sandbox {
            self.stage = None;
            self.facts.peer = PeerSnapshot::default();
        }
        match wishes.forget {
            Some(answer) => self.forget(answer),
            None if self.ending => self.end_look(),
            None if wishes.stop => self.look(),
            None => {}
        }
    }

    /// Tells the peer something whose answer nobody waits for.
    pub(super) fn tell_peer(&mut self, command: Command) {
        let Some(host) = &self.host else { return };
        let asked = host.ask(command);
        tokio::spawn(async move {
            if let Err(error) = asked.await {
                tracing::warn!(%error, "the peer did not do it");
            }
        });
    }

    /// Asks the peer for something, and hands the page the outcome.
    pub(super) fn ask_peer(&mut self, command: Command, answer: oneshot::Sender<Answer>) {
        let Some(host) = &self.host else {
            let _gone = answer.send(Err(no_peer()));
            return;
        };
        let asked = host.ask(command);
        tokio::spawn(async move {
            let _gone = answer.send(match asked.await {
                Ok(_) => Ok(Answered::Done),
                Err(error) => Err(failure("That was not done", error)),
            });
        });
    }

    /// Takes tasks again; of somebody who was quitting once all is done: keeps running.
    pub(super) fn resume(&mut self) {
        if matches!(self.facts.quitting, Quitting::Finishing | Quitting::Cancelling) {
            return self.keep_running();
        }
        if self.facts.peer.pause != PauseState::Open {
            self.tell_peer(Command::Resume);
        }
    }

    /// Does not wait for the next try of whatever does not work.
    pub(super) fn try_now(&mut self) {
        if matches!(self.facts.hosting, Hosting::Failed { .. } | Hosting::Nowhere) {
            self.look();
        } else {
            self.tell_peer(Command::Reconnect);
        }
    }
}

/// There is none now.
pub(super) fn no_peer() -> crate::view::model::Failure {
    failure("There is no peer now", "Sign in, or wait until it has started")
}
