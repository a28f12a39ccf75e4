//! The process of our own server: ours, or taken over from a peer before us.

use super::LOOK;
use super::record::Record;
use tokio::process::Child;
use tokio::time::interval;

/// The process of our own server.
#[derive(Debug)]
pub(super) enum Process {
    /// We started it.
    Ours(Child),
    /// A peer before us did.
    Adopted(Record),
}

impl Process {
    pub(super) fn runs(&mut self) -> bool {
        match self {
            Self::Ours(child) => matches!(child.try_wait(), Ok(None)),
            Self::Adopted(record) => record.runs(),
        }
    }

    pub(super) fn pid(&self) -> Option<u32> {
        match self {
            Self::Ours(child) => child.id(),
            Self::Adopted(record) => Some(record.pid),
        }
    }

    pub(super) async fn ended(&mut self) {
        match self {
            Self::Ours(child) => {
                let _status = child.wait().await;
            }
            // Nobody tells of a process that is not our child.
            Self::Adopted(record) => {
                let mut look = interval(LOOK);
                while record.runs() {
                    look.tick().await;
                }
            }
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Signal {
    Term,
    Kill,
}

/// To the whole group: the server's children are its own to end, and ours if it does not.
#[cfg(unix)]
pub(super) fn signal(process: &mut Process, signal: Signal) {
    let Some(pid) = process.pid().and_then(|id| rustix::process::Pid::from_raw(i32::try_from(id).ok()?))
    else {
        return;
    };
    let signal = match signal {
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    let _gone = rustix::process::kill_process_group(pid, signal);
}

/// Without signals there is one way to end a child.
#[cfg(not(unix))]
pub(super) fn signal(process: &mut Process, _: Signal) {
    if let Process::Ours(child) = process {
        let _gone = child.start_kill();
    }
}
