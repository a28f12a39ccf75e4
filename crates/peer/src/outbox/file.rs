//! The outbox's file: a plain one of this user, in a folder that is theirs alone; a link is not followed.

use crate::paths::make_private_dir;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

#[cfg(unix)]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt;
    make_private_dir(path.parent().unwrap_or(Path::new("/")))?;
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(flags())
        .open(path)?;
    is_ours(&file)?;
    Ok(file)
}

/// The file as it is, with its size.
#[cfg(unix)]
pub(crate) fn open_to_read(path: &Path) -> io::Result<(File, u64)> {
    use std::os::unix::fs::OpenOptionsExt;
    let file = OpenOptions::new().read(true).custom_flags(flags()).open(path)?;
    let bytes = is_ours(&file)?;
    Ok((file, bytes))
}

/// Not blocking: a pipe in the file's place must be refused, not waited for.
#[cfg(unix)]
fn flags() -> i32 {
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    i32::try_from(flags.bits()).unwrap_or_default()
}

/// A plain file of this user; its size.
#[cfg(unix)]
fn is_ours(file: &File) -> io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let meta = file.metadata()?;
    if !meta.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    if meta.uid() != rustix::process::geteuid().as_raw() {
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it belongs to another user"));
    }
    Ok(meta.len())
}

#[cfg(unix)]
pub(crate) fn is_still_there(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), std::fs::symlink_metadata(path)) {
        (Ok(ours), Ok(theirs)) => (ours.dev(), ours.ino()) == (theirs.dev(), theirs.ino()),
        _ => false,
    }
}

#[cfg(not(unix))]
pub(crate) fn open(path: &Path) -> io::Result<File> {
    make_private_dir(path.parent().unwrap_or(Path::new(".")))?;
    if std::fs::symlink_metadata(path).is_ok_and(|meta| !meta.is_file()) {
        return Err(io::Error::other("it is not a file"));
    }
    OpenOptions::new().read(true).append(true).create(true).open(path)
}

#[cfg(not(unix))]
pub(crate) fn open_to_read(path: &Path) -> io::Result<(File, u64)> {
    let meta = std::fs::symlink_metadata(path)?;
    if !meta.is_file() {
        return Err(io::Error::other("it is not a file"));
    }
    Ok((File::open(path)?, meta.len()))
}

/// Without inodes the file is opened anew for each line, so that a rename is always noticed.
#[cfg(not(unix))]
pub(crate) fn is_still_there(_: &File, _: &Path) -> bool {
    false
}
