//! Folders, the outbox, disk space, and who holds the workspace.

use super::{Check, Name, Running, look};
use crate::config::{Draft, RunsConfig};
use crate::limits;
use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};

pub(super) async fn checks(draft: &Draft, running: Option<&Running>) -> Vec<Check> {
    let state = draft.paths.state.clone();
    let late = |name| {
        Check::fail(
            name,
            "its disk does not answer",
            "Tasks cannot be done safely",
            "Check the disk or the network it is on",
        )
    };
    let folders = match &draft.runs {
        Ok(runs) => {
            let (state, runs) = (state.clone(), runs.clone());
            look(move || folders(&state, &runs)).await.unwrap_or_else(|| late(Name::Folders))
        }
        Err(_) => Check::skipped(Name::Folders, "needs the settings"),
    };
    let (outbox, outbox_path) = match &draft.outbox {
        Ok(Some(path)) => {
            let (path, seen) = (path.clone(), path.clone());
            (look(move || outbox(&seen)).await.unwrap_or_else(|| late(Name::Outbox)), Some(path))
        }
        Ok(None) => (Check::ok(Name::Outbox, "switched off in config.toml"), None),
        Err(_) => (Check::skipped(Name::Outbox, "needs the settings"), None),
    };
    let places: Vec<PathBuf> = std::iter::once(state).chain(outbox_path).collect();
    let disk = look(move || disk(&places)).await.unwrap_or_else(|| late(Name::Disk));
    let lock = match (running, draft.tenant()) {
        (Some(running), _) => {
            Check::ok(Name::Lock, format!("held by the running peer, process {}", running.hello.pid))
        }
        (None, None) => Check::skipped(Name::Lock, "needs the settings"),
        (None, Some(tenant)) => {
            let path = draft.paths.lock(&tenant);
            look(move || lock(&path)).await.unwrap_or_else(|| late(Name::Lock))
        }
    };
    vec![folders, outbox, disk, lock]
}

fn folders(state: &Path, runs: &RunsConfig) -> Check {
    if let Err(error) = can_write(state) {
        return Check::fail(
            Name::Folders,
            format!("the state folder {} cannot be written ({error})", state.display()),
            "The peer cannot start",
            "Make it writable, or name another one in ORGX_PEER_STATE_DIR",
        );
    }
    for folder in runs.default_folder.iter().chain(&runs.allowed_folders) {
        if !folder.is_dir() {
            return Check::warn(
                Name::Folders,
                format!("{} is in config.toml, and is no folder", folder.display()),
                "Tasks in it fail",
                "Make it, or take it out of [runs] in config.toml",
            );
        }
    }
    let finding = match runs.allowed_folders.len() {
        0 => "the state folder can be written; tasks may work anywhere".to_owned(),
        1 => "the state folder can be written; tasks may work in 1 folder".to_owned(),
        n => format!("the state folder can be written; tasks may work in {n} folders"),
    };
    Check::ok(Name::Folders, finding)
}

/// Leaves nothing behind: a folder that is not there yet is not made, either.
fn can_write(dir: &Path) -> io::Result<()> {
    let there = nearest(dir);
    if !there.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    tempfile::tempfile_in(&there).map(drop)
}

/// The folder, or the first one above it that is there.
fn nearest(path: &Path) -> PathBuf {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/")).to_owned()
}

pub(super) fn outbox(path: &Path) -> Check {
    let fail = |why: &str| {
        Check::warn(
            Name::Outbox,
            format!("{} {why}", path.display()),
            "Runs go on; the local trail, which other OrgX tools read, is not written",
            "Correct it, or name another file in ORGX_WIZARD_HOOK_OUTBOX",
        )
    };
    match std::fs::symlink_metadata(path) {
        Ok(meta) if meta.is_symlink() => return fail("is a symlink, which is not followed"),
        Ok(meta) if !meta.is_file() => return fail("is no file"),
        // Opened as it will be, and not written to.
        Ok(_) => match OpenOptions::new().append(true).open(path) {
            Ok(_) => {}
            Err(error) => return fail(&format!("cannot be written ({error})")),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Err(error) = can_write(path.parent().unwrap_or(Path::new("/"))) {
                return fail(&format!("cannot be made ({error})"));
            }
        }
        Err(error) => return fail(&format!("cannot be looked at ({error})")),
    }
    Check::ok(Name::Outbox, format!("{} can be written", path.display()))
}

fn disk(places: &[PathBuf]) -> Check {
    let mut least = None;
    for place in places {
        let Some(free) = free(place) else {
            return Check::skipped(Name::Disk, "this OS does not tell");
        };
        if least.is_none_or(|(least, _)| free < least) {
            least = Some((free, place));
        }
    }
    match least {
        Some((free, place)) => space(free, place),
        None => Check::skipped(Name::Disk, "there is nothing to write"),
    }
}

/// What so many free bytes mean.
pub(super) fn space(free: u64, place: &Path) -> Check {
    let todo = "Free some disk space";
    let found = format!("{} free for {}", size(free), place.display());
    match free {
        _ if free < limits::DISK_FULL => {
            Check::fail(Name::Disk, found, "Receipts and the trail cannot be written safely", todo)
        }
        _ if free < limits::DISK_LOW => {
            Check::warn(Name::Disk, found, "When it is used up, no new task starts", todo)
        }
        _ => Check::ok(Name::Disk, format!("{} free", size(free))),
    }
}

fn size(bytes: u64) -> String {
    const MB: u64 = 1_000_000;
    match bytes / MB {
        mb @ 0..1_000 => format!("{mb} MB"),
        mb => format!("{:.1} GB", mb as f64 / 1_000.0),
    }
}

/// Free bytes where this is, or would be; `None` when the OS does not tell.
#[cfg(unix)]
pub(crate) fn free(place: &Path) -> Option<u64> {
    let space = rustix::fs::statvfs(nearest(place)).ok()?;
    Some(space.f_bavail.saturating_mul(space.f_frsize))
}

/// Elsewhere the OS is not asked yet.
#[cfg(not(unix))]
pub(crate) fn free(_: &Path) -> Option<u64> {
    None
}

/// There is no peer that answers: does one hold the workspace nevertheless?
pub(super) fn lock(path: &Path) -> Check {
    let Some(who) = holder(path) else {
        return Check::ok(Name::Lock, "free: no peer runs for this workspace");
    };
    Check::warn(
        Name::Lock,
        format!("{who} holds it, and does not answer on its control socket"),
        "No other peer can start for this workspace, and this one cannot be seen",
        "End that process, then start `orgx-peer run`",
    )
}

/// Who holds the lock, in words.
pub(super) fn holder(path: &Path) -> Option<String> {
    if !is_held(path) {
        return None;
    }
    let pid = std::fs::read_to_string(path).unwrap_or_default();
    Some(pid.trim().parse().map_or_else(|_| "a process".to_owned(), |pid: u32| format!("process {pid}")))
}

/// Asks the OS who holds locks: taking the lock to see would send away a peer that starts at this moment.
#[cfg(target_os = "linux")]
fn is_held(path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let (Ok(meta), Ok(locks)) = (std::fs::metadata(path), procfs::locks()) else { return false };
    locks.iter().any(|lock| lock.inode == meta.ino() && lock.lock_type == procfs::LockType::FLock)
}

/// Elsewhere it is tried, shared, for a moment.
#[cfg(not(target_os = "linux"))]
fn is_held(path: &Path) -> bool {
    let file = std::fs::File::open(path);
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(std::fs::TryLockError::WouldBlock)))
}
