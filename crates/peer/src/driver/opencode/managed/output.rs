//! What our own server says on its terminal: into a file, so that it outlives us, and within bounds.

use crate::limits;
use std::path::Path;

/// What the server says on its terminal goes here, and nowhere else: it may hold what nobody should see.
pub(super) fn output_file(path: &Path) -> std::io::Result<(std::fs::File, std::fs::File)> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    file.set_len(0)?;
    Ok((file.try_clone()?, file))
}

/// Keeps what it says within bounds: written to the end of the file, so that the file can be emptied under it.
pub(super) fn bound_output(path: &Path) {
    if std::fs::metadata(path).is_ok_and(|meta| meta.len() > limits::MANAGED_OUTPUT_BYTES) {
        let emptied = std::fs::OpenOptions::new().write(true).open(path).and_then(|file| file.set_len(0));
        if let Err(error) = emptied {
            tracing::debug!(%error, "what OpenCode said could not be cleared");
        }
    }
}
