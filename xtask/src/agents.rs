//! The real agents: one pinned version of each, in the cache of this person, or the one the person names.

use std::{env, path::PathBuf};

use anyhow::Result;

use crate::{
    command,
    pinned::{Obtained, Pinned},
};

/// An agent.
#[derive(Clone, Copy)]
pub(crate) struct Agent {
    pinned: Pinned,
    /// Names another program; then nothing is downloaded. The tests read it, too.
    pub(crate) variable: &'static str,
    /// Says to the tests that a story without it has failed.
    pub(crate) required: &'static str,
}

pub(crate) const OPENCODE: Agent = Agent {
    pinned: Pinned {
        title: "OpenCode",
        folder: "opencode",
        package: "opencode-linux-x64",
        version: "1.18.33",
        integrity: "sha512-q/t/3p2CTxOT9y2kvjesb/LZab2+1eqlhhWA02Be6mjTtmYtNBcBsrI5yDo4Fw7ZSPBW2oyMIGMNRqiKQjiAWw==",
        file: "bin/opencode",
        megabytes: 60,
    },
    variable: "ORGX_OPENCODE_BIN",
    required: "ORGX_REQUIRE_OPENCODE",
};

pub(crate) const CLAUDE_CODE: Agent = Agent {
    pinned: Pinned {
        title: "Claude Code",
        folder: "claude-code",
        package: "@anthropic-ai/claude-code-linux-x64",
        version: "2.1.328",
        integrity: "sha512-KuzL+dBHgDCFTHJxwW+xuBJdVKfBsesGx2BBcTOG9sYDGoAD7b1hUV8rsTS4xjoJsB2SmeGraGjBiFuhrYuC9w==",
        file: "claude",
        megabytes: 172,
    },
    variable: "ORGX_CLAUDE_BIN",
    required: "ORGX_REQUIRE_CLAUDE",
};

/// Both.
pub(crate) const ALL: [Agent; 2] = [OPENCODE, CLAUDE_CODE];

impl Agent {
    /// What people call it.
    pub(crate) fn title(&self) -> &'static str {
        self.pinned.title
    }

    /// The program: the one the person names, the one in the cache, or a new download. Only a wrong hash is an error.
    pub(crate) fn obtain(&self) -> Result<Obtained> {
        let Self { pinned: Pinned { title, version, .. }, variable, .. } = *self;
        if let Some(named) = self.named() {
            if named.is_file() {
                return Ok(Obtained::Ready(command::absolute(&named)));
            }
            eprintln!(
                "warning: {variable} names {}, and there is no such file. It is ignored.",
                named.display()
            );
        }
        if !is_pinned_here() {
            let here = format!("{}-{}", env::consts::OS, env::consts::ARCH);
            return Ok(Obtained::Absent(format!(
                "no {title} is pinned for {here}: only linux-x64 is pinned so far. Set {variable} to a program \
                 (version {version}) to use that one."
            )));
        }
        Ok(match self.pinned.obtain()? {
            Obtained::Absent(why) => {
                Obtained::Absent(format!("{why} Or set {variable} to a program of version {version}."))
            }
            ready @ Obtained::Ready(_) => ready,
        })
    }

    /// Whether [`Agent::obtain`] would download: then npm and tar are needed.
    pub(crate) fn must_be_downloaded(&self) -> bool {
        let named = self.named().is_some_and(|program| program.is_file());
        !named && is_pinned_here() && self.pinned.must_be_downloaded()
    }

    fn named(&self) -> Option<PathBuf> {
        env::var_os(self.variable).filter(|value| !value.is_empty()).map(PathBuf::from)
    }
}

fn is_pinned_here() -> bool {
    (env::consts::OS, env::consts::ARCH) == ("linux", "x86_64")
}
