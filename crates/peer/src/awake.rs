//! Keeps the computer awake while a run is active, unless its battery is low.
//!
//! Promises: the peer waits for none of this. A thread of its own holds the inhibitor, and holds it only while it is
//! wanted; it goes with its owner, however that ends: what a process held the system lets go of. That it cannot be had is
//! a line for who looks into the log, and it is tried again for the next run. A bus that never answers costs one thread.

mod battery;

use crate::limits;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};

/// What is held while the computer is kept awake: dropping it lets go.
type Inhibitor = Box<dyn std::any::Any>;

/// The system, as far as this needs it. Asked on the thread only, where it may take its time.
pub(crate) trait System: Send + Sync {
    /// Keeps the computer awake; why not, for the log.
    fn inhibit(&self) -> Result<Inhibitor, String>;

    /// Does it run on a battery that is low?
    fn battery_is_low(&self) -> bool;
}

/// The computer that this runs on.
struct ThisComputer;

impl System for ThisComputer {
    fn inhibit(&self) -> Result<Inhibitor, String> {
        let kept = keepawake::Builder::default()
            // Idleness puts no run to sleep. The person, closing the lid or choosing to, does.
            .idle(true)
            .reason("a task of OrgX is running")
            .app_name("OrgX Peer")
            .app_reverse_domain("com.useorgx.peer")
            .create();
        kept.map(|kept| Box::new(kept) as Inhibitor).map_err(|error| error.to_string())
    }

    fn battery_is_low(&self) -> bool {
        battery::is_low(Path::new("/sys/class/power_supply"))
    }
}

/// The owner's side. Dropping it lets the computer sleep.
pub(crate) struct Awake {
    system: Arc<dyn System>,
    wanted: bool,
    thread: Option<Sender<bool>>,
}

impl Default for Awake {
    fn default() -> Self {
        Self::of(Arc::new(ThisComputer))
    }
}

impl Awake {
    pub(crate) fn of(system: Arc<dyn System>) -> Self {
        Self { system, wanted: false, thread: None }
    }

    /// From now on the computer is to be awake, or may sleep. Returns at once.
    pub(crate) fn want(&mut self, wanted: bool) {
        if std::mem::replace(&mut self.wanted, wanted) == wanted {
            return;
        }
        if self.thread.is_none() {
            let (tell, hear) = mpsc::channel();
            let system = Arc::clone(&self.system);
            let thread = std::thread::Builder::new().name("awake".into());
            match thread.spawn(move || keep(&hear, &*system)) {
                Ok(_) => self.thread = Some(tell),
                Err(error) => tracing::debug!(%error, "the computer cannot be kept awake"),
            }
        }
        if self.thread.as_ref().is_some_and(|thread| thread.send(wanted).is_err()) {
            // It panicked; the next run gets another.
            self.thread = None;
        }
    }
}

/// The thread: holds the inhibitor while it is wanted, and the battery is not low.
fn keep(hear: &Receiver<bool>, system: &dyn System) {
    let mut held: Option<Inhibitor> = None;
    let (mut wanted, mut failed) = (false, false);
    loop {
        let heard = if wanted {
            hear.recv_timeout(limits::BATTERY_EVERY)
        } else {
            hear.recv().map_err(|_| RecvTimeoutError::Disconnected)
        };
        match heard {
            Ok(first) => {
                // What was wanted in between is over; but another run is another try.
                let mut newest = first;
                failed &= first;
                for next in hear.try_iter() {
                    failed &= next;
                    newest = next;
                }
                wanted = newest;
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let may = wanted && !system.battery_is_low();
        if !may {
            if held.take().is_some() {
                tracing::debug!(wanted, "the computer may sleep");
            }
        } else if held.is_none() && !failed {
            match system.inhibit() {
                Ok(inhibitor) => {
                    tracing::debug!("the computer is kept awake");
                    held = Some(inhibitor);
                }
                Err(why) => {
                    tracing::debug!(why, "the computer cannot be kept awake");
                    failed = true;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
