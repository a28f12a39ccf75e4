//! From `/proc`, which shows a process of this user whole.

use super::{Job, Process};
use procfs::process::{FDTarget, Process as Entry, all_processes};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

/// Every one; `None` when the OS does not tell.
pub(in super::super) fn all() -> Option<Vec<Process>> {
    let us = rustix::process::geteuid().as_raw();
    let began = Began::now()?;
    let listeners = listeners();
    let ours = all_processes().ok()?.filter_map(Result::ok);
    let ours = ours.filter(|entry| entry.uid().is_ok_and(|uid| uid == us));
    Some(ours.filter_map(|entry| process(&entry, &began, &listeners)).collect())
}

/// `None` for one that is not OpenCode's, or has ended.
fn process(entry: &Entry, began: &Began, listeners: &HashMap<u64, u16>) -> Option<Process> {
    let stat = entry.stat().ok()?;
    if !is_opencode(&stat.comm) || matches!(stat.state, 'Z' | 'X') {
        return None;
    }
    let line = entry.cmdline().ok()?;
    let (program, arguments) = line.split_first()?;
    // A script of this name is not it; what it starts is.
    if !is_opencode(Path::new(program).file_name()?.to_str()?) {
        return None;
    }
    let pwd = entry
        .environ()
        .ok()
        .and_then(|mut environment| environment.remove("PWD".as_ref() as &std::ffi::OsStr));
    let (mut ports, mut databases) = (Vec::new(), Vec::new());
    for fd in entry.fd().into_iter().flatten().filter_map(Result::ok) {
        match fd.target {
            FDTarget::Socket(inode) => ports.extend(listeners.get(&inode)),
            FDTarget::Path(path) if path.extension().is_some_and(|kind| kind == "db") => databases.push(path),
            _ => {}
        }
    }
    once_each(&mut ports);
    once_each(&mut databases);
    Some(Process {
        pid: u32::try_from(stat.pid).ok()?,
        started_at: began.at(stat.starttime),
        job: Job::read(arguments, &entry.cwd().ok()?, pwd.map(PathBuf::from).as_deref()),
        terminal: terminal(stat.tty_nr()),
        ports,
        databases,
    })
}

fn once_each<T: Ord>(list: &mut Vec<T>) {
    list.sort_unstable();
    list.dedup();
}

/// PROTOCOL: opencode.md 4, the process is called `opencode`; npm's own copy of the program has a dot before it, a
/// wrapped one or one from a release page something behind it. Other programs whose names begin so are not it.
fn is_opencode(name: &str) -> bool {
    let name = name.trim_start_matches('.');
    let variant = |rest: &str| ["wrapp", "linux", "darwin"].iter().any(|kind| rest.starts_with(kind));
    name == "opencode" || name.strip_prefix("opencode-").is_some_and(variant)
}

/// PROTOCOL: Linux' numbers of devices: 4 is consoles, 136 to 143 are pseudo terminals.
fn terminal((major, minor): (i32, i32)) -> Option<String> {
    match major {
        4 => Some(format!("/dev/tty{minor}")),
        136..=143 => Some(format!("/dev/pts/{}", (major - 136) * 256 + minor)),
        _ => None,
    }
}

/// Listening sockets and their ports.
fn listeners() -> HashMap<u64, u16> {
    let v4 = procfs::net::tcp().unwrap_or_default();
    let v6 = procfs::net::tcp6().unwrap_or_default();
    let all = v4.into_iter().chain(v6).filter(|entry| entry.state == procfs::net::TcpState::Listen);
    all.map(|entry| (entry.inode, entry.local_address.port())).collect()
}

/// Turns ticks since the boot into a time on the wall, by today's clock.
struct Began {
    boot_ms: i64,
    ticks: u64,
}

impl Began {
    fn now() -> Option<Self> {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).ok()?;
        let up = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
        let up_ms = up.tv_sec.checked_mul(1_000)?.checked_add(up.tv_nsec / 1_000_000)?;
        let boot_ms = i64::try_from(wall.as_millis()).ok()?.checked_sub(up_ms)?;
        Some(Self { boot_ms, ticks: procfs::ticks_per_second().max(1) })
    }

    fn at(&self, ticks: u64) -> i64 {
        let ms = ticks.saturating_mul(1_000) / self.ticks;
        self.boot_ms.saturating_add(i64::try_from(ms).unwrap_or(i64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::super::Kind;
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn an_opencode_is_known_by_its_name() {
        for (name, is) in [
            ("opencode", true),
            (".opencode", true),
            (".opencode-wrapp", true),
            ("opencode-linux-x64", true),
            ("opencode-c4b1cb13", false),
            ("opencode.nvim", false),
            ("code", false),
        ] {
            assert_eq!(is_opencode(name), is, "{name}");
        }
    }

    #[test]
    fn a_process_called_opencode_is_seen_with_what_it_does_and_where() {
        let dir = tempfile::tempdir().expect("a folder");
        let dir = dir.path().canonicalize().expect("its name");
        let program = dir.join("opencode");
        std::os::unix::fs::symlink("/bin/sh", &program).expect("a link");
        let before = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_millis() as i64;
        let mut child = Command::new(&program)
            .args(["-c", "read x"])
            .current_dir(&dir)
            .env("PWD", &dir)
            .stdin(Stdio::piped())
            .spawn()
            .expect("sh");
        let seen = all().expect("Linux tells");
        let seen = seen.into_iter().find(|process| process.pid == child.id());
        drop(child.stdin.take());
        child.wait().expect("it ends");
        let seen = seen.expect("it was there");
        // `-c` is "go on" to OpenCode.
        assert_eq!((seen.job.kind, seen.job.goes_on), (Kind::Terminal, true));
        assert_eq!((seen.job.folder, seen.ports), (dir, vec![]));
        assert!((seen.started_at - before).abs() < 5_000, "{} {before}", seen.started_at);
        assert!(all().expect("Linux tells").iter().all(|process| process.pid != child.id()), "it has ended");
    }

    #[test]
    fn terminals_have_names() {
        for (device, name) in [
            ((136, 3), Some("/dev/pts/3")),
            ((137, 1), Some("/dev/pts/257")),
            ((4, 1), Some("/dev/tty1")),
            ((0, 0), None),
        ] {
            assert_eq!(terminal(device).as_deref(), name);
        }
    }
}
