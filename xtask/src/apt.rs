//! What the build and the tests need from the system, and how it gets there.
//!
//! We look for the programs and headers themselves, say what is missing and why, and install it on Debian and Ubuntu.
//! Elsewhere we only say it. Nothing is installed that is there already.

use std::{
    fmt::Write,
    io::{self, IsTerminal},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Result, bail};

use crate::{
    command,
    needs::{self, Need, Sign, Weight, Work},
};

/// Who we are to apt.
#[derive(Clone, Copy)]
enum Who {
    Root,
    /// With a person at the terminal, sudo may ask for the password.
    SudoMayAsk,
    SudoSilent,
    Neither,
}

/// Installs what is missing for it. What could not be had is an error.
pub(crate) fn install(work: Work) -> Result<()> {
    let missing = needs::missing(work);
    if missing.is_empty() {
        return Ok(());
    }
    for need in &missing {
        println!("Missing: {}", told(need));
    }
    let packages: Vec<&str> = missing.iter().map(|need| need.package).collect();
    if !is_debian() {
        bail!(
            "these programs are missing: {}. Install them with your system's own package manager; on this system \
             we do not do it for you.",
            programs(&missing)
        );
    }
    apt(who(), &packages)?;
    let still = needs::missing(work);
    if !still.is_empty() {
        bail!("apt-get installed {}, but {} is still missing.", packages.join(" "), programs(&still));
    }
    Ok(())
}

/// Installs what is missing for it, and goes on without what is not essential.
pub(crate) fn install_or_warn(work: Work) -> Result<()> {
    match install(work) {
        Err(error) if needs::missing(work).iter().all(|need| need.weight == Weight::Useful) => {
            eprintln!("warning: {error:#}");
            eprintln!("warning: going on without it; what needs it will fail and say so.");
            Ok(())
        }
        ended => ended,
    }
}

fn told(need: &Need) -> String {
    let Need { package, why, .. } = need;
    match need.sign {
        Sign::Program(name) => format!("{name} (package {package}): {why}."),
        Sign::DebianFile(path) => format!("{path} (package {package}): {why}."),
    }
}

fn programs(needs: &[Need]) -> String {
    let names = needs.iter().map(|need| match need.sign {
        Sign::Program(name) => name,
        Sign::DebianFile(path) => path,
    });
    names.collect::<Vec<_>>().join(", ")
}

/// Whether apt installs things here.
pub(crate) fn is_debian() -> bool {
    Path::new("/etc/debian_version").exists() && command::find("apt-get").is_some()
}

fn who() -> Who {
    let id = Command::new("id").arg("-u").stderr(Stdio::null()).output();
    let root = id.is_ok_and(|id| String::from_utf8_lossy(&id.stdout).trim() == "0");
    match (root, command::find("sudo").is_some(), io::stdin().is_terminal()) {
        (true, ..) => Who::Root,
        (false, true, true) => Who::SudoMayAsk,
        (false, true, false) => Who::SudoSilent,
        (false, false, _) => Who::Neither,
    }
}

fn apt(who: Who, packages: &[&str]) -> Result<()> {
    let by_hand = by_hand(packages);
    let (Some(update), Some(install)) =
        (apt_get(who, &["-qq", "update"]), apt_get(who, &install_args(packages)))
    else {
        bail!("installing needs root, and there is no sudo. Run this as root, then try again:\n  {by_hand}");
    };
    println!("Installing: {}", packages.join(" "));
    // Without a fresh list the install may still work from the last one.
    if let Err(error) = run(&update) {
        eprintln!("warning: the package lists could not be refreshed: {error:#}.");
    }
    if let Err(error) = run(&install) {
        bail!(
            "the packages could not be installed: {error:#}. Run this as root, then try again:\n  {by_hand}"
        );
    }
    Ok(())
}

fn run(words: &[String]) -> Result<()> {
    let (program, args) =
        words.split_first().map_or(("apt-get", &[][..]), |(first, rest)| (first.as_str(), rest));
    command::run(Command::new(program).args(args).env("DEBIAN_FRONTEND", "noninteractive"))
}

fn install_args<'a>(packages: &[&'a str]) -> Vec<&'a str> {
    // A machine that has just been started may hold apt's lock for its own upgrade.
    let fixed = ["-qq", "-o", "DPkg::Lock::Timeout=120", "install", "-y", "--no-install-recommends"];
    fixed.into_iter().chain(packages.iter().copied()).collect()
}

/// The words of one apt-get call, or none when we may not make it. sudo drops variables, so it sets ours itself.
fn apt_get(who: Who, args: &[&str]) -> Option<Vec<String>> {
    let before: &[&str] = match who {
        Who::Root => &[],
        Who::SudoMayAsk => &["sudo", "env", "DEBIAN_FRONTEND=noninteractive"],
        Who::SudoSilent => &["sudo", "-n", "env", "DEBIAN_FRONTEND=noninteractive"],
        Who::Neither => return None,
    };
    let words = before.iter().chain(&["apt-get"]).chain(args);
    Some(words.map(|word| (*word).to_owned()).collect())
}

fn by_hand(packages: &[&str]) -> String {
    let mut line = String::from("apt-get update && apt-get install -y --no-install-recommends");
    for package in packages {
        let _ = write!(line, " {package}");
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_may_install_and_how() {
        let call = |who| apt_get(who, &["update"]).map(|words| words.join(" "));
        assert_eq!(call(Who::Root).unwrap(), "apt-get update");
        assert_eq!(call(Who::SudoMayAsk).unwrap(), "sudo env DEBIAN_FRONTEND=noninteractive apt-get update");
        assert_eq!(
            call(Who::SudoSilent).unwrap(),
            "sudo -n env DEBIAN_FRONTEND=noninteractive apt-get update"
        );
        assert_eq!(call(Who::Neither), None);
    }

    #[test]
    fn who_may_not_install_is_told_the_command_to_run() {
        let error = apt(Who::Neither, &["gcc", "git"]).unwrap_err().to_string();
        let command = "apt-get update && apt-get install -y --no-install-recommends gcc git";
        assert!(error.ends_with(command), "{error}");
    }
}
