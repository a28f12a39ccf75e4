//! What the OS knows about processes.

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// The processes whose home folder is `home`: those that a story started, and theirs.
pub fn living_in(home: &Path) -> Vec<i32> {
    let wanted = format!("HOME={}", home.display());
    all().filter(|pid| environment(*pid).contains(&wanted)).collect()
}

/// A process's environment, a `NAME=value` each; empty when it is gone.
pub fn environment(pid: i32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
    bytes.split(|byte| *byte == 0).map(|entry| String::from_utf8_lossy(entry).into_owned()).collect()
}

/// The command line, its words joined by spaces.
pub fn command_line(pid: i32) -> String {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ").trim().to_owned()
}

/// The processes of this name.
pub fn named(name: &str) -> Vec<i32> {
    let is =
        |pid: &i32| fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|comm| comm.trim() == name);
    all().filter(is).collect()
}

/// The members of a process group.
pub fn group(leader: i32) -> Vec<i32> {
    let group = |pid: i32| {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        // The name may hold anything; the fields after it are the state, the parent and the group.
        stat.rsplit_once(')')?.1.split_whitespace().nth(2)?.parse::<i32>().ok()
    };
    all().filter(|pid| group(*pid) == Some(leader)).collect()
}

/// Is it still there?
pub fn is_alive(pid: i32) -> bool {
    Pid::from_raw(pid).is_some_and(|pid| test_kill_process(pid).is_ok())
}

/// Sends a signal, if it is still there.
pub fn send(pid: i32, signal: Signal) {
    if let Some(pid) = Pid::from_raw(pid) {
        let _gone = kill_process(pid, signal);
    }
}

/// Waits until something that nobody announces is so.
pub async fn until(what: &str, mut so: impl AsyncFnMut() -> bool) {
    let end = tokio::time::Instant::now() + crate::WAIT;
    while !so().await {
        assert!(tokio::time::Instant::now() < end, "waited {} s: {what}", crate::WAIT.as_secs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

fn all() -> impl Iterator<Item = i32> {
    let entries = fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}
