//! An installed package, and nothing left of it afterwards.

use super::{FILES, below, extracted, run};
use orgx_tests::programs::say_skipped;
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

/// Where the package's programs are.
pub(crate) enum Place {
    /// In the system. Dropping it removes the package.
    System,
    /// Unpacked: the tests may not install, or somebody's own installation is there.
    Folder(TempDir),
}

impl Place {
    /// Installs the package where that may be done, and else unpacks it and says so.
    pub(crate) fn of(deb: &Path) -> Self {
        let why = if !rustix::process::geteuid().is_root() {
            "it takes root"
        } else if FILES.iter().any(|file| Path::new(file).exists()) {
            "OrgX Peer is installed here already"
        } else {
            run(apt().args(["install", "-y", "--no-install-recommends"]).arg(deb));
            return Self::System;
        };
        say_skipped(&format!("the package is not installed but only unpacked: {why}"));
        Self::Folder(extracted(deb))
    }

    /// A `PATH` with its programs.
    pub(crate) fn path(&self) -> String {
        let system = "/usr/bin:/bin";
        match self {
            Self::System => system.to_owned(),
            Self::Folder(tree) => format!("{}:{system}", below(tree.path(), "/usr/bin").display()),
        }
    }

    /// Removes it, and sees that nothing is left.
    pub(crate) fn leave(self) {
        let was_installed = matches!(self, Self::System);
        drop(self);
        if was_installed {
            let left: Vec<_> = FILES.into_iter().filter(|file| Path::new(file).exists()).collect();
            assert_eq!(left, Vec::<&str>::new(), "these files were left");
            let known = Command::new("dpkg-query").args(["--show", "orgx-peer"]).output().unwrap();
            assert!(!known.status.success(), "dpkg still knows it: {known:?}");
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if matches!(self, Self::System) {
            run(apt().args(["purge", "-y", "orgx-peer"]));
        }
    }
}

fn apt() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["-qq", "-o", "DPkg::Lock::Timeout=120"]).env("DEBIAN_FRONTEND", "noninteractive");
    command
}
