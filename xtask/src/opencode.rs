//! The real OpenCode: one pinned version, in the cache of this person.
//!
//! What is in the cache is what the pinned hash names: the archive is checked before it is unpacked, and a finished
//! program is moved into place in one step, so a killed run leaves nothing half-installed.

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

const VERSION: &str = "1.18.33";
const PACKAGE: &str = "opencode-linux-x64";
const INTEGRITY: &str =
    "sha512-q/t/3p2CTxOT9y2kvjesb/LZab2+1eqlhhWA02Be6mjTtmYtNBcBsrI5yDo4Fw7ZSPBW2oyMIGMNRqiKQjiAWw==";

/// Names another opencode program; then nothing is downloaded. The tests and the product read it too.
pub(crate) const VARIABLE: &str = "ORGX_OPENCODE_BIN";

/// A download that was killed leaves its folder; after this time nobody works in it any more.
const ABANDONED: Duration = Duration::from_hours(1);
/// 180 MB from a slow disk, with room.
const UNPACKING: Duration = Duration::from_mins(2);

/// What came of looking for it.
pub(crate) enum OpenCode {
    /// The program to use.
    Ready(PathBuf),
    /// There is none, and this sentence says why.
    Absent(String),
}

/// The program: the one the person names, the one in the cache, or a new download. Only a wrong hash is an error.
pub(crate) fn obtain() -> Result<OpenCode> {
    if let Some(named) = named() {
        if named.is_file() {
            return Ok(OpenCode::Ready(command::absolute(&named)));
        }
        eprintln!("warning: {VARIABLE} names {}, and there is no such file. It is ignored.", named.display());
    }
    if !is_pinned_here() {
        let here = format!("{}-{}", env::consts::OS, env::consts::ARCH);
        return Ok(OpenCode::Absent(format!(
            "no OpenCode is pinned for {here}: only linux-x64 is pinned so far. Set {VARIABLE} to an opencode \
             program (version {VERSION}) to use that one."
        )));
    }
    let Some(home) = cache() else {
        let why =
            "there is no cache folder for OpenCode: neither XDG_CACHE_HOME nor HOME is set to a full path.";
        return Ok(OpenCode::Absent(why.to_owned()));
    };
    if command::is_program(&program(&home)) {
        return Ok(OpenCode::Ready(program(&home)));
    }
    download(&home)
}

/// Whether [`obtain`] would download: then npm and tar are needed.
pub(crate) fn must_be_downloaded() -> bool {
    let named = named().is_some_and(|program| program.is_file());
    !named && is_pinned_here() && cache().is_some_and(|home| !command::is_program(&program(&home)))
}

fn named() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn is_pinned_here() -> bool {
    (env::consts::OS, env::consts::ARCH) == ("linux", "x86_64")
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

fn program(cache: &Path) -> PathBuf {
    cache.join(format!("opencode-{VERSION}")).join("bin").join("opencode")
}

fn download(cache: &Path) -> Result<OpenCode> {
    let absent = |error: anyhow::Error| {
        OpenCode::Absent(format!(
            "OpenCode {VERSION} could not be downloaded: {error:#}. Try again later, or set {VARIABLE} to an \
             opencode program of that version."
        ))
    };
    println!("Downloading OpenCode {VERSION} with npm (60 MB, once)...");
    let workshop = match Workshop::open(cache) {
        Ok(workshop) => workshop,
        Err(error) => return Ok(absent(error)),
    };
    let archive = match npm::pack(PACKAGE, VERSION, &workshop.0) {
        Ok(archive) => archive,
        Err(error) => return Ok(absent(error)),
    };
    verify(&archive, INTEGRITY)?;
    Ok(unpack(&archive, &workshop.0, cache).map_or_else(absent, |()| OpenCode::Ready(program(cache))))
}

/// Refuses an archive that is not the pinned one, and deletes it.
fn verify(archive: &Path, wanted: &str) -> Result<()> {
    let got = integrity(archive).with_context(|| format!("{} could not be read", archive.display()))?;
    if got == wanted {
        return Ok(());
    }
    let deleted = if fs::remove_file(archive).is_ok() { "It was deleted" } else { "Do not use it" };
    bail!(
        "the downloaded OpenCode {VERSION} is not the one we know.\n  wanted: {wanted}\n  got:    {got}\n\
         {deleted}, and nothing of it was run. The registry or something on the way to it changed the file: check \
         npm's registry setting, and do not go on until it is clear why."
    )
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

fn unpack(archive: &Path, workshop: &Path, cache: &Path) -> Result<()> {
    let mut tar = Command::new("tar");
    tar.arg("-xzf").arg(archive).arg("-C").arg(workshop).arg("--no-same-owner");
    command::run_quietly(&mut tar, &workshop.join("tar.log"), UNPACKING)?;
    let unpacked = workshop.join("package");
    if !command::is_program(&unpacked.join("bin").join("opencode")) {
        bail!("the archive holds no program package/bin/opencode");
    }
    let place = cache.join(format!("opencode-{VERSION}"));
    if fs::rename(&unpacked, &place).is_ok() || command::is_program(&program(cache)) {
        // The second: another run was faster, and what it put there went through the same check.
        return Ok(());
    }
    let _ = fs::remove_dir_all(&place);
    fs::rename(&unpacked, &place).with_context(|| format!("{} could not be made", place.display()))
}

/// A folder to work in, on the same disk as the place the program goes to. It goes when we are done.
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
        assert_eq!(program(Path::new("/c")), Path::new("/c/opencode-1.18.33/bin/opencode"));
    }

    #[test]
    fn a_wrong_archive_is_refused_with_both_hashes_and_deleted() {
        let file = env::temp_dir().join(format!("xtask-hash-{}", std::process::id()));
        fs::write(&file, "abc").unwrap();
        // The known SHA-512 of "abc".
        let abc =
            "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw==";
        verify(&file, abc).unwrap();

        let error = verify(&file, INTEGRITY).unwrap_err().to_string();
        assert!(error.contains(abc) && error.contains(INTEGRITY), "{error}");
        assert!(!file.exists());
    }
}
