//! Opens a terminal in which a session goes on.

use super::OpenSession;
use crate::config::Environment;
use std::process::Stdio;

/// Why no terminal was opened. Each says what to do instead.
#[derive(Debug, thiserror::Error)]
pub enum TerminalError {
    /// There is none that we know.
    #[error(
        "no terminal program was found (TERMINAL may name one); copy the command, and paste it into a terminal"
    )]
    None,
    /// It cannot be given a password in a way that nobody sees.
    #[error(
        "this system's terminal cannot be given the server's password; use `orgx-peer runs attach` in a terminal"
    )]
    Secret,
    /// It did not start.
    #[error("{program} could not be started ({error}); copy the command, and paste it into a terminal")]
    Failed {
        /// The terminal.
        program: String,
        /// What the OS said.
        error: std::io::Error,
    },
}

impl OpenSession {
    /// Opens it in a terminal of its own, which outlives this program.
    ///
    /// # Errors
    /// When there is no terminal, or it does not start.
    pub fn in_terminal(&self, env: &Environment) -> Result<(), TerminalError> {
        let mut command = self.terminal(env)?;
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let program = command.get_program().to_string_lossy().into_owned();
        let mut child = command.spawn().map_err(|error| TerminalError::Failed { program, error })?;
        // Somebody must ask after it when it ends.
        std::thread::spawn(move || child.wait());
        Ok(())
    }

    /// The person's own choice, the system's, then what is there.
    #[cfg(all(unix, not(target_os = "macos")))]
    fn terminal(&self, env: &Environment) -> Result<std::process::Command, TerminalError> {
        use std::os::unix::process::CommandExt;
        let chosen = env.text("TERMINAL");
        let known = KNOWN.iter().map(|(name, before)| (*name, *before));
        let chosen = chosen.as_deref().map(|name| {
            let file = name.rsplit('/').next().unwrap_or(name);
            (name, KNOWN.iter().find(|(known, _)| *known == file).map_or(&["-e"][..], |(_, before)| *before))
        });
        let (program, before) = chosen
            .into_iter()
            .chain(known)
            .find_map(|(name, before)| Some((find(env, name)?, before)))
            .ok_or(TerminalError::None)?;
        let mut command = std::process::Command::new(program);
        command.args(before).arg(&self.program).args(&self.arguments);
        self.prepare(&mut command);
        // Not ours to end.
        command.process_group(0);
        Ok(command)
    }

    /// Terminal takes a line for its shell.
    #[cfg(target_os = "macos")]
    fn terminal(&self, _: &Environment) -> Result<std::process::Command, TerminalError> {
        if self.has_secrets() {
            return Err(TerminalError::Secret);
        }
        let line = self.command_line().replace('\\', r"\\").replace('"', "\\\"");
        let script = format!("tell application \"Terminal\"\nactivate\ndo script \"{line}\"\nend tell");
        let mut command = std::process::Command::new("/usr/bin/osascript");
        command.args(["-e", &script]);
        Ok(command)
    }

    /// A new console; which terminal shows it is the person's setting.
    #[cfg(windows)]
    fn terminal(&self, _: &Environment) -> Result<std::process::Command, TerminalError> {
        use std::os::windows::process::CommandExt;
        /// `CREATE_NEW_CONSOLE` of the Windows API.
        const NEW_CONSOLE: u32 = 0x10;
        let mut command = self.command();
        command.creation_flags(NEW_CONSOLE);
        Ok(command)
    }
}

/// Terminals, and what stands between one's name and the command that it runs. Debian's choice comes first.
#[cfg(all(unix, not(target_os = "macos")))]
const KNOWN: [(&str, &[&str]); 13] = [
    ("x-terminal-emulator", &["-e"]),
    ("gnome-terminal", &["--"]),
    ("kgx", &["--"]),
    ("ptyxis", &["--"]),
    ("konsole", &["-e"]),
    ("xfce4-terminal", &["-x"]),
    ("mate-terminal", &["-x"]),
    ("alacritty", &["-e"]),
    ("kitty", &[]),
    ("foot", &[]),
    ("wezterm", &["start", "--"]),
    ("tilix", &["-e"]),
    ("xterm", &["-e"]),
];

#[cfg(all(unix, not(target_os = "macos")))]
fn find(env: &Environment, name: &str) -> Option<std::path::PathBuf> {
    use std::os::unix::fs::PermissionsExt;
    let is_program = |file: &std::path::Path| {
        file.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
    };
    // A path is joined to any folder as it is.
    let path = env.path("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.is_absolute() && is_program(file))
}

#[cfg(test)]
#[cfg(all(unix, not(target_os = "macos")))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;
    use std::path::Path;

    fn open(folder: &Path) -> OpenSession {
        OpenSession {
            program: "/opt/it's/opencode".into(),
            arguments: vec!["--session".into(), "ses_1".into()],
            folder: folder.into(),
            environment: vec![("OPENCODE_SERVER_PASSWORD".into(), "sesame".into())],
        }
    }

    /// A terminal that does what it is told, and writes down what that was.
    fn terminal(folder: &Path, name: &str) {
        let script = "#!/bin/sh\n{ printf '%s|' \"$@\"; pwd; echo \"$OPENCODE_SERVER_PASSWORD\"; } > said.new; mv said.new said\n";
        let file = folder.join(name);
        std::fs::write(&file, script).expect("a file");
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o755)).expect("a program");
    }

    #[test]
    fn the_persons_terminal_goes_before_the_systems_and_that_before_others() {
        let dir = tempfile::tempdir().expect("a folder");
        let env = Environment::of([("PATH", dir.path().to_str().expect("plain"))]);
        let started = |env: &Environment| {
            let command = open(dir.path()).terminal(env).expect("a terminal");
            let words = std::iter::once(command.get_program()).chain(command.get_args());
            let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
            words.join(" ").replace(&format!("{}/", dir.path().display()), "")
        };
        assert!(matches!(open(dir.path()).in_terminal(&env), Err(TerminalError::None)));
        let session = "/opt/it's/opencode --session ses_1";
        terminal(dir.path(), "kitty");
        assert_eq!(started(&env), format!("kitty {session}"));
        terminal(dir.path(), "gnome-terminal");
        assert_eq!(started(&env), format!("gnome-terminal -- {session}"));
        terminal(dir.path(), "x-terminal-emulator");
        assert_eq!(started(&env), format!("x-terminal-emulator -e {session}"));
        let chosen = |name: &str| env.clone().with("TERMINAL", name);
        terminal(dir.path(), "mine");
        assert_eq!(started(&chosen("mine")), format!("mine -e {session}"));
        assert_eq!(started(&chosen("kitty")), format!("kitty {session}"));
        let whole = dir.path().join("gnome-terminal").display().to_string();
        assert_eq!(started(&chosen(&whole)), format!("gnome-terminal -- {session}"));
        assert_eq!(started(&chosen("gone")), format!("x-terminal-emulator -e {session}"));
    }

    #[test]
    fn a_terminal_gets_the_command_the_folder_and_what_is_secret_by_its_environment() {
        let dir = tempfile::tempdir().expect("a folder");
        let folder = dir.path().canonicalize().expect("its name");
        terminal(&folder, "x-terminal-emulator");
        let mut command = open(&folder)
            .terminal(&Environment::of([("PATH", folder.to_str().expect("plain"))]))
            .expect("a terminal");
        assert!(command.status().expect("it starts").success());
        let said = std::fs::read_to_string(folder.join("said")).expect("it ran");
        assert_eq!(said, format!("-e|/opt/it's/opencode|--session|ses_1|{}\nsesame\n", folder.display()));
    }
}
