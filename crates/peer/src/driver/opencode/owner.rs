//! Who listens on a port of this computer. We speak only to our own user's listeners: anybody may open a port.

/// Whose a listener is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Owner {
    /// This user's.
    Us,
    /// Another user's.
    SomebodyElse,
    /// Nobody listens.
    Nobody,
    /// This OS does not tell.
    #[cfg_attr(target_os = "linux", expect(dead_code, reason = "Linux always tells"))]
    Unknown,
}

impl Owner {
    /// May we speak to it?
    pub(super) fn is_trusted(self) -> bool {
        matches!(self, Self::Us | Self::Unknown)
    }
}

/// Whose listener is on this loopback port?
#[cfg(target_os = "linux")]
pub(super) fn of_port(port: u16) -> Owner {
    // The kernel's list changes while it is read, and may leave one out that is there.
    (0..LOOKS).map(|_| look_at(port)).find(|owner| *owner != Owner::Nobody).unwrap_or(Owner::Nobody)
}

/// How often a listener is looked for that is not seen.
#[cfg(target_os = "linux")]
const LOOKS: usize = 3;

#[cfg(target_os = "linux")]
fn look_at(port: u16) -> Owner {
    let us = rustix::process::geteuid().as_raw();
    let owners: Vec<u32> =
        listeners().filter(|entry| entry.local_address.port() == port).map(|entry| entry.uid).collect();
    match owners.as_slice() {
        [] => Owner::Nobody,
        owners if owners.iter().all(|uid| *uid == us) => Owner::Us,
        _ => Owner::SomebodyElse,
    }
}

/// Ports on which `opencode` processes of this user listen.
#[cfg(target_os = "linux")]
pub(super) fn opencode_ports() -> Vec<u16> {
    use procfs::process::{FDTarget, all_processes};
    let us = rustix::process::geteuid().as_raw();
    let Ok(processes) = all_processes() else { return Vec::new() };
    let sockets: std::collections::HashSet<u64> = processes
        .filter_map(Result::ok)
        .filter(|process| process.uid().is_ok_and(|uid| uid == us))
        .filter(|process| process.stat().is_ok_and(|stat| stat.comm == "opencode"))
        .filter_map(|process| process.fd().ok())
        .flat_map(|fds| fds.filter_map(Result::ok))
        .filter_map(|fd| match fd.target {
            FDTarget::Socket(inode) => Some(inode),
            _ => None,
        })
        .collect();
    let mut ports: Vec<u16> = listeners()
        .filter(|entry| sockets.contains(&entry.inode))
        .map(|entry| entry.local_address.port())
        .collect();
    ports.sort_unstable();
    ports.dedup();
    ports
}

/// Does a process of this group listen on that port?
#[cfg(target_os = "linux")]
pub(super) fn group_listens(group: u32, port: u16) -> bool {
    use procfs::process::{FDTarget, all_processes};
    let inodes: Vec<u64> =
        listeners().filter(|entry| entry.local_address.port() == port).map(|entry| entry.inode).collect();
    let Ok(processes) = all_processes() else { return false };
    processes
        .filter_map(Result::ok)
        .filter(|process| {
            process.stat().is_ok_and(|stat| u32::try_from(stat.pgrp).is_ok_and(|of| of == group))
        })
        .filter_map(|process| process.fd().ok())
        .flat_map(|fds| fds.filter_map(Result::ok))
        .any(|fd| matches!(fd.target, FDTarget::Socket(inode) if inodes.contains(&inode)))
}

/// Elsewhere the OS is not asked yet.
#[cfg(not(target_os = "linux"))]
pub(super) fn group_listens(_: u32, _: u16) -> bool {
    true
}

#[cfg(target_os = "linux")]
fn listeners() -> impl Iterator<Item = procfs::net::TcpNetEntry> {
    let v4 = procfs::net::tcp().unwrap_or_default();
    let v6 = procfs::net::tcp6().unwrap_or_default();
    v4.into_iter().chain(v6).filter(|entry| entry.state == procfs::net::TcpState::Listen)
}

/// When this process began: which boot, and how many ticks after it; `None` when it does not run. No clock that can be
/// set is part of it.
#[cfg(target_os = "linux")]
pub(crate) fn started(pid: u32) -> Option<String> {
    let process = procfs::process::Process::new(i32::try_from(pid).ok()?).ok()?;
    let stat = process.stat().ok()?;
    // One that has ended and was not asked after yet does nothing any more.
    if matches!(stat.state, 'Z' | 'X') {
        return None;
    }
    let boot = procfs::sys::kernel::random::boot_id().ok()?;
    Some(format!("{boot}:{}", stat.starttime))
}

/// Elsewhere processes are not looked at yet: a server of ours is not found again after a crash.
#[cfg(not(target_os = "linux"))]
pub(crate) fn started(_: u32) -> Option<String> {
    None
}

/// Elsewhere the OS is not asked yet; the loopback address is all the protection there is.
#[cfg(not(target_os = "linux"))]
pub(super) fn of_port(_: u16) -> Owner {
    Owner::Unknown
}

/// Elsewhere only the well-known port is looked at.
#[cfg(not(target_os = "linux"))]
pub(super) fn opencode_ports() -> Vec<u16> {
    Vec::new()
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_listener_of_ours_is_ours_and_a_closed_port_is_nobodys() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("an address").port();
        assert_eq!(of_port(port), Owner::Us);
        let us = procfs::process::Process::myself().and_then(|us| us.stat()).expect("us");
        let group = u32::try_from(us.pgrp).expect("a group");
        assert!(group_listens(group, port), "it is in our own group");
        assert!(!group_listens(1, port), "it is in no other one");
        drop(listener);
        assert!(!group_listens(group, port));
        assert_eq!(of_port(port), Owner::Nobody);
    }
}
