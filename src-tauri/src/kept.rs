//! What the app remembers of itself: `desktop.json` in the state folder. Nothing in it matters to the peer; a file that
//! cannot be read is as good as none.

use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// What is remembered.
#[allow(clippy::struct_excessive_bools, reason = "one for each thing that was done once")]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Kept {
    /// Where the window was, and how large.
    pub window: Option<Place>,
    /// Was it said that there is no place for an icon?
    pub told_of_no_tray: bool,
    /// Did the person sign out?
    pub signed_out: bool,
    /// Was a kept key found here, by whomever it was put there?
    pub signed_in: bool,
    /// Is the first run over?
    pub set_up: bool,
    /// Was the peer paused only so that it could quit?
    pub resume_at_start: bool,
    /// The workspace's name, as OrgX said it, with its id.
    pub workspace: Option<(String, String)>,
}

/// A window's place on the screens, in logical pixels.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Place {
    /// From the left.
    pub x: f64,
    /// From the top.
    pub y: f64,
    /// How wide.
    pub width: f64,
    /// How high.
    pub height: f64,
}

/// The file.
#[derive(Clone, Debug)]
pub struct KeptFile(PathBuf);

impl KeptFile {
    /// In this folder.
    pub fn in_folder(state: &Path) -> Self {
        Self(state.join("desktop.json"))
    }

    /// What it holds.
    pub fn read(&self) -> Kept {
        let text = std::fs::read(&self.0).unwrap_or_default();
        serde_json::from_slice(&text).unwrap_or_default()
    }

    /// Changes it whole, or not at all.
    pub fn change(&self, change: impl FnOnce(&mut Kept)) {
        let before = self.read();
        let mut kept = before.clone();
        change(&mut kept);
        if kept != before
            && let Err(error) = self.write(&kept)
        {
            tracing::warn!(%error, "desktop.json could not be written");
        }
    }

    fn write(&self, kept: &Kept) -> std::io::Result<()> {
        use std::io::Write;
        let folder = self.0.parent().unwrap_or(Path::new("."));
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
        let mut file = tempfile::Builder::new().prefix(".new-").tempfile_in(folder)?;
        file.write_all(&serde_json::to_vec_pretty(kept)?)?;
        file.persist(&self.0).map_err(|error| error.error)?;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::expect_used, reason = "a test that cannot be set up fails")]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_read_again_and_rubbish_is_as_good_as_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let file = KeptFile::in_folder(&folder.path().join("state"));
        assert_eq!(file.read(), Kept::default());
        let place = Place { x: 1.0, y: 2.5, width: 440.0, height: 640.0 };
        file.change(|kept| kept.window = Some(place));
        file.change(|kept| kept.signed_out = true);
        assert_eq!(file.read(), Kept { window: Some(place), signed_out: true, ..Kept::default() });
        std::fs::write(&file.0, "{\"window\": 7").expect("written");
        assert_eq!(file.read(), Kept::default());
    }
}
