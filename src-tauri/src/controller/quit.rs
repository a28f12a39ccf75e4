//! Quitting. With runs under way it is asked how: once all is done, or by cancelling them.
//!
//! Promises: a signal asks nobody. A peer that was paused only so that it could quit takes tasks again at the next
//! start. Of a peer that runs elsewhere only this app goes. A sign-out that was asked for is done
//! first, and a test task's agent and a pairing that is called off are waited for.

use super::{Afterwards, Controller, Done};
use crate::facts::{Hosting, Quitting};
use crate::view::header;
use crate::view::model::Quit;
use orgx_peer::{Command, PauseState};
use std::time::Duration;
use tokio::time::{Instant, timeout};

/// A peer that does not say in this time what runs is not waited for.
const ASKED: Duration = Duration::from_secs(2);
/// Cancelled runs are waited for so long; then they end as the peer does.
const CANCELLED: Duration = Duration::from_secs(10);
/// A peer that stops is waited for so long: it lets its runs and OrgX take seconds.
pub(super) const STOPPED: Duration = Duration::from_secs(20);

impl Controller {
    /// The person wants the program to end. A run may have begun since the peer was last heard: it is asked first.
    pub(super) fn quit(&mut self) {
        let Some(host) = self.host.as_ref().filter(|_| self.facts.hosting == Hosting::Here) else {
            return self.stop_now();
        };
        let asked = timeout(ASKED, host.ask(Command::Runs { limit: 0 }));
        self.later(async move {
            // What it said came before its answer; without one, what is known has to do.
            let _late = asked.await;
            Done::QuitLooked
        });
    }

    /// Whether runs are active is known.
    pub(super) fn quit_looked(&mut self) {
        if matches!(self.facts.quitting, Quitting::Finishing | Quitting::Cancelling) {
            return;
        }
        if self.facts.hosting == Hosting::Here && header::active(&self.facts) > 0 && !self.facts.sandbox {
            self.facts.quitting = Quitting::Asked;
            return self.open_window();
        }
        self.stop_now();
    }

    /// The person has said how.
    pub(super) fn quit_so(&mut self, how: Quit) {
        match how {
            Quit::Stay => self.keep_running(),
            // There is nothing of ours to wait for.
            _ if self.facts.hosting != Hosting::Here => self.stop_now(),
            Quit::Finish => {
                // One that is paused stays so: what waits was not to start.
                if self.facts.peer.pause == PauseState::Open {
                    self.pause_to_quit(true);
                }
                self.facts.quitting = Quitting::Finishing;
                self.quit_look();
            }
            Quit::Cancel => {
                // What waits must not take the places of what is cancelled.
                self.pause_to_quit(false);
                let active = self.facts.peer.runs.iter().filter(|run| header::is_active(run));
                for run_id in active.map(|run| run.run_id.clone()).collect::<Vec<_>>() {
                    self.tell_peer(Command::Cancel { run_id, exact: true });
                }
                self.facts.quitting = Quitting::Cancelling;
                self.timers.give_up = Some(Instant::now() + CANCELLED);
                self.quit_look();
            }
        }
    }

    /// No end after all.
    pub(super) fn keep_running(&mut self) {
        self.timers.give_up = None;
        let was = std::mem::replace(&mut self.facts.quitting, Quitting::No);
        let ours = self.kept.read().resume_at_start;
        if matches!(was, Quitting::Finishing | Quitting::Cancelling) && ours {
            self.kept.change(|kept| kept.resume_at_start = false);
            self.tell_peer(Command::Resume);
        }
    }

    /// Is it time to go?
    pub(super) fn quit_look(&mut self) {
        let done = match self.facts.quitting {
            Quitting::No | Quitting::Asked => return,
            // What came meanwhile waits for the next start.
            Quitting::Finishing => {
                header::active(&self.facts) == 0 && self.facts.peer.pause == PauseState::Paused
            }
            Quitting::Cancelling => header::active(&self.facts) == 0,
        };
        if done {
            self.stop_now();
        }
    }

    /// Ends everything by its rules, and then the program.
    pub(super) fn stop_now(&mut self) {
        if self.ending {
            return;
        }
        self.timers.give_up = None;
        self.cancel_pairing();
        self.close_test();
        self.stop_host(Afterwards::Exit);
        self.timers.end = Some(Instant::now() + STOPPED);
        self.end_look();
    }

    /// Ends the program once all that has to be done before is done.
    pub(super) fn end_look(&mut self) {
        let peer_is_gone = self.host.is_none() && !self.wishes.stop;
        if self.ending && peer_is_gone && !self.forgetting && self.loose.is_empty() {
            self.over = true;
        }
    }

    fn pause_to_quit(&mut self, after_current_runs: bool) {
        if self.facts.peer.pause == PauseState::Open {
            self.kept.change(|kept| kept.resume_at_start = true);
        }
        self.tell_peer(Command::Pause { after_current_runs });
    }
}
