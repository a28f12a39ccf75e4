//! The real OpenCode: one pinned version, in the cache of this person, or the one the person names.

use std::{env, path::PathBuf};

use anyhow::Result;

use crate::{
    command,
    pinned::{Obtained, Pinned},
};

const PINNED: Pinned = Pinned {
    title: "OpenCode",
    folder: "opencode",
    package: "opencode-linux-x64",
    version: "1.18.33",
    integrity: "sha512-q/t/3p2CTxOT9y2kvjesb/LZab2+1eqlhhWA02Be6mjTtmYtNBcBsrI5yDo4Fw7ZSPBW2oyMIGMNRqiKQjiAWw==",
    file: "bin/opencode",
    megabytes: 60,
};

/// Names another opencode program; then nothing is downloaded. The tests and the product read it too.
pub(crate) const VARIABLE: &str = "ORGX_OPENCODE_BIN";

/// The program: the one the person names, the one in the cache, or a new download. Only a wrong hash is an error.
pub(crate) fn obtain() -> Result<Obtained> {
    if let Some(named) = named() {
        if named.is_file() {
            return Ok(Obtained::Ready(command::absolute(&named)));
        }
        eprintln!("warning: {VARIABLE} names {}, and there is no such file. It is ignored.", named.display());
    }
    let version = PINNED.version;
    if !is_pinned_here() {
        let here = format!("{}-{}", env::consts::OS, env::consts::ARCH);
        return Ok(Obtained::Absent(format!(
            "no OpenCode is pinned for {here}: only linux-x64 is pinned so far. Set {VARIABLE} to an opencode \
             program (version {version}) to use that one."
        )));
    }
    Ok(match PINNED.obtain()? {
        Obtained::Absent(why) => {
            Obtained::Absent(format!("{why} Or set {VARIABLE} to an opencode program of version {version}."))
        }
        ready @ Obtained::Ready(_) => ready,
    })
}

/// Whether [`obtain`] would download: then npm and tar are needed.
pub(crate) fn must_be_downloaded() -> bool {
    let named = named().is_some_and(|program| program.is_file());
    !named && is_pinned_here() && PINNED.must_be_downloaded()
}

fn named() -> Option<PathBuf> {
    env::var_os(VARIABLE).filter(|value| !value.is_empty()).map(PathBuf::from)
}

fn is_pinned_here() -> bool {
    (env::consts::OS, env::consts::ARCH) == ("linux", "x86_64")
}
