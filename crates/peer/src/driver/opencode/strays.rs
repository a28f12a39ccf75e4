//! Commands that outlive the OpenCode which ran them. PROTOCOL: 1.18.33 gives each command of an agent a process group
//! of its own, so that ending OpenCode's group does not end them; it says in their environment whose they are.

/// Ends what still runs of the agents of an OpenCode that is over: of the process with this number that began then. A
/// process that is older is another one's, whatever it says.
#[cfg(target_os = "linux")]
pub(super) fn end(opencode: u32, started: &str) {
    // One that is just being started may be missed at first.
    for _ in 0..3 {
        let found = find(opencode, started);
        if found.is_empty() {
            return;
        }
        for pid in found {
            let _gone = rustix::process::kill_process(pid, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(target_os = "linux")]
fn find(opencode: u32, started: &str) -> Vec<rustix::process::Pid> {
    let boot = procfs::sys::kernel::random::boot_id().ok();
    let Some((_, ticks)) = started.rsplit_once(':').filter(|(of, _)| boot.as_deref() == Some(*of)) else {
        return Vec::new();
    };
    let (Ok(ticks), Ok(processes)) = (ticks.parse::<u64>(), procfs::process::all_processes()) else {
        return Vec::new();
    };
    let us = rustix::process::geteuid().as_raw();
    let number = opencode.to_string();
    processes
        .filter_map(Result::ok)
        .filter(|process| process.uid().is_ok_and(|uid| uid == us))
        .filter(|process| {
            let stat = process.stat();
            stat.is_ok_and(|stat| stat.starttime >= ticks && !matches!(stat.state, 'Z' | 'X'))
        })
        .filter(|process| {
            let environment = process.environ().unwrap_or_default();
            environment.get(std::ffi::OsStr::new("OPENCODE_PID")).is_some_and(|of| *of == *number)
        })
        .filter_map(|process| rustix::process::Pid::from_raw(process.pid))
        .collect()
}

/// Elsewhere processes are not looked at yet.
#[cfg(not(target_os = "linux"))]
pub(super) fn end(_: u32, _: &str) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::super::owner;
    use super::*;
    use std::process::{Child, Command};

    #[allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
    fn sleeper(of: u32) -> Child {
        Command::new("sleep").arg("300").env("OPENCODE_PID", of.to_string()).spawn().expect("sleep")
    }

    #[test]
    fn what_says_that_it_is_its_own_and_is_younger_is_ended_and_nothing_else() {
        // This test plays OpenCode. Somebody else's number may not be in use.
        let us = std::process::id();
        let before = owner::started(us).expect("it runs");
        let (mut ours, mut others) = (sleeper(us), sleeper(u32::MAX));
        let seen = |child: &Child| owner::started(child.id()).is_some();
        while !(seen(&ours) && seen(&others)) {
            std::thread::yield_now();
        }
        let (boot, _) = before.rsplit_once(':').expect("a boot");
        end(us, "another boot:1");
        end(us, &format!("{boot}:{}", u64::MAX));
        assert!(ours.try_wait().expect("ours").is_none(), "older than it, or of another boot");
        while ours.try_wait().expect("ours").is_none() {
            end(us, &before);
        }
        assert!(others.try_wait().expect("ours").is_none(), "another one's");
        others.kill().expect("ours");
        let _status = others.wait();
    }
}
