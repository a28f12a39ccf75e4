//! How a process of ours is told to end, and all of its group with it.

/// How it is told to end.
#[derive(Clone, Copy, Debug)]
pub(in crate::driver) enum Signal {
    Term,
    Kill,
}

/// To a whole group that is known to be ours.
#[cfg(unix)]
pub(in crate::driver) fn signal_group(leader: u32, signal: Signal) {
    let Some(pid) = i32::try_from(leader).ok().and_then(rustix::process::Pid::from_raw) else { return };
    let signal = match signal {
        Signal::Term => rustix::process::Signal::TERM,
        Signal::Kill => rustix::process::Signal::KILL,
    };
    let _gone = rustix::process::kill_process_group(pid, signal);
}

/// Without signals there are no groups, either.
#[cfg(not(unix))]
pub(in crate::driver) fn signal_group(_: u32, _: Signal) {}
