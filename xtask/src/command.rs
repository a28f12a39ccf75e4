//! Child processes: where programs are, how one is run, and how its end is told in words.
//!
//! A cargo started here behaves as one started by hand in the workspace: the same target folder, and none of the
//! variables that `cargo run` sets for us.

use std::{
    env,
    ffi::OsStr,
    fs::File,
    path::{Path, PathBuf},
    process::{Command, ExitStatus, Stdio},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Result, anyhow, bail};

/// How often a process with a time limit is looked at.
const LOOK: Duration = Duration::from_millis(100);

/// The workspace: the folder above this package.
pub(crate) fn root() -> PathBuf {
    let package = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&package).parent().map_or_else(|| PathBuf::from("."), Path::to_path_buf)
}

/// The one target folder, absolute: children may stand elsewhere than we do.
pub(crate) fn target_dir() -> PathBuf {
    match env::var_os("CARGO_TARGET_DIR") {
        Some(folder) if !folder.is_empty() => absolute(Path::new(&folder)),
        _ => root().join("target"),
    }
}

/// One of the workspace's own programs, once it is built.
pub(crate) fn built_program(name: &str) -> PathBuf {
    target_dir().join("debug").join(format!("{name}{}", env::consts::EXE_SUFFIX))
}

/// A path that means the same in a child that stands elsewhere.
pub(crate) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

/// The cargo that runs us, in the workspace.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root()).env("CARGO_TARGET_DIR", target_dir());
    // Build scripts that watch these (ring's does) would run again at each change between us and a shell.
    for (name, _) in env::vars_os().filter(|(name, _)| is_set_by_cargo_run(name)) {
        command.env_remove(name);
    }
    command
}

fn is_set_by_cargo_run(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    ["CARGO_PKG_", "CARGO_MANIFEST_"].iter().any(|prefix| name.starts_with(prefix))
}

/// Where a program is on PATH.
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(program)).find(|file| is_program(file))
}

/// Whether a file can be run.
pub(crate) fn is_program(file: &Path) -> bool {
    let Ok(known) = file.metadata() else { return false };
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        known.is_file() && known.permissions().mode() & 0o111 != 0
    }
    #[cfg(not(unix))]
    known.is_file()
}

/// Runs to the end, with our own input and output. How it ended is an error unless it is success.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command_status(command)?;
    ended(command, status)
}

/// Runs to the end with its output in a file and no input; past the limit it is killed.
pub(crate) fn run_quietly(command: &mut Command, log: &Path, limit: Duration) -> Result<()> {
    // A file and not a pipe: a grandchild that outlives the kill would hold a pipe open, and us with it.
    let open = || -> std::io::Result<(File, File)> {
        let file = File::create(log)?;
        Ok((file.try_clone()?, file))
    };
    let (out, err) = open().map_err(|error| anyhow!("{} could not be written: {error}.", log.display()))?;
    command.stdin(Stdio::null()).stdout(out).stderr(err);
    let mut child = command.spawn().map_err(|error| not_started(command, &error))?;
    let started = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return ended(command, status);
        }
        if started.elapsed() >= limit {
            child.kill()?;
            child.wait()?;
            bail!("`{}` took longer than {} s and was ended", name(command), limit.as_secs());
        }
        thread::sleep(LOOK);
    }
}

/// Becomes the other program, so that Ctrl-C, signals and the exit code are its own. Returns only when that failed.
#[cfg(unix)]
pub(crate) fn become_program(command: &mut Command) -> Result<std::process::ExitCode> {
    use std::os::unix::process::CommandExt;
    let error = command.exec();
    Err(not_started(command, &error))
}

/// Runs the other program and passes its exit code on.
#[cfg(not(unix))]
pub(crate) fn become_program(command: &mut Command) -> Result<std::process::ExitCode> {
    let status = command_status(command)?;
    Ok(status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1).into())
}

fn command_status(command: &mut Command) -> Result<ExitStatus> {
    command.status().map_err(|error| not_started(command, &error))
}

fn not_started(command: &Command, error: &std::io::Error) -> anyhow::Error {
    anyhow!("`{}` could not be started ({error}). Is it installed and on PATH?", name(command))
}

fn ended(command: &Command, status: ExitStatus) -> Result<()> {
    if status.success() {
        return Ok(());
    }
    match status.code() {
        Some(code) => bail!("`{}` ended with exit code {code}", name(command)),
        None => bail!("`{}` was ended by a signal", name(command)),
    }
}

/// A command as a person would call it: the program and its first word, without folder, options and sudo.
fn name(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args()).map(OsStr::to_string_lossy);
    let told = words
        .filter(|word| !(word.starts_with('-') || word.contains('=') || word == "sudo" || word == "env"));
    told.take(2).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_process_past_its_limit_is_ended_and_named() {
        let log = env::temp_dir().join(format!("xtask-limit-{}", std::process::id()));
        let limit = Duration::from_millis(50);
        let error = run_quietly(Command::new("sleep").arg("60"), &log, limit).unwrap_err();
        std::fs::remove_file(&log).unwrap();
        assert_eq!(error.to_string(), "`sleep 60` took longer than 0 s and was ended");
    }

    #[test]
    fn a_command_is_named_without_options_and_sudo() {
        let mut command = Command::new("/usr/bin/sudo");
        command.args(["-n", "env", "A=b", "apt-get", "-qq", "install", "git"]);
        assert_eq!(name(&command), "apt-get install");
    }

    #[cfg(unix)]
    #[test]
    fn a_failed_process_is_told_by_name_and_exit_code() {
        let error = run(&mut Command::new("false")).unwrap_err();
        assert_eq!(error.to_string(), "`false` ended with exit code 1");
        let error = run(&mut Command::new("/no/such/program")).unwrap_err();
        assert!(error.to_string().starts_with("`program` could not be started ("), "{error}");
    }

    #[test]
    fn what_cargo_run_sets_for_us_is_not_passed_on() {
        for name in ["CARGO_PKG_NAME", "CARGO_MANIFEST_DIR", "CARGO_MANIFEST_PATH"] {
            assert!(is_set_by_cargo_run(OsStr::new(name)), "{name}");
        }
        for name in ["CARGO_HOME", "CARGO_TARGET_DIR", "PATH"] {
            assert!(!is_set_by_cargo_run(OsStr::new(name)), "{name}");
        }
    }
}
