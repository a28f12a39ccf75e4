//! How a person opens a session: a program to start, and the same as a line for a shell.

use super::Session;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::path::{Path, PathBuf};

/// How a person opens a session: a program to start, without a shell.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct OpenSession {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// The folder to start it in.
    pub folder: PathBuf,
    /// What it needs in its environment. A password: never shown, logged or copied.
    pub environment: Vec<(String, String)>,
}

/// Without the environment's values.
impl fmt::Debug for OpenSession {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.environment.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("OpenSession")
            .field("program", &self.program)
            .field("arguments", &self.arguments)
            .field("folder", &self.folder)
            .field("environment", &names)
            .finish()
    }
}

impl OpenSession {
    /// As a line for a shell of this OS, to be copied. Without what is secret: [`OpenSession::has_secrets`].
    pub fn command_line(&self) -> String {
        #[cfg(not(windows))]
        let (go, quote, and): (_, fn(&str) -> String, _) = ("cd", posix, "&&");
        #[cfg(windows)]
        let (go, quote, and): (_, fn(&str) -> String, _) = ("cd /d", cmd, "&&");
        let mut words = vec![go.to_owned(), quote(&self.folder.to_string_lossy()), and.to_owned()];
        words.push(quote(&self.program.to_string_lossy()));
        words.extend(self.arguments.iter().map(|argument| quote(argument)));
        words.join(" ")
    }

    /// Does it need what no line to copy may hold?
    pub fn has_secrets(&self) -> bool {
        !self.environment.is_empty()
    }

    /// As a command to start: in its folder, with what it needs in its environment and without anything of OrgX.
    pub fn command(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.arguments);
        self.prepare(&mut command);
        command
    }

    /// Gives a command the folder and the environment.
    pub(super) fn prepare(&self, command: &mut std::process::Command) {
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("ORGX_") {
                command.env_remove(name);
            }
        }
        // PROTOCOL: opencode.md 5, OpenCode believes the shell's word for the folder.
        command.current_dir(&self.folder).env("PWD", &self.folder);
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
    }
}

impl Session {
    /// How a person goes on with it in a program of its own; `None` when its id could be taken for something else.
    pub fn open(&self, program: &Path) -> Option<OpenSession> {
        open(&self.id, Path::new(&self.directory), program)
    }
}

/// PROTOCOL: `opencode --help`: `-s, --session  session id to continue`.
pub(super) fn open(session: &str, folder: &Path, program: &Path) -> Option<OpenSession> {
    is_id(session).then(|| OpenSession {
        program: program.to_owned(),
        arguments: vec!["--session".into(), session.into()],
        folder: folder.to_owned(),
        environment: Vec::new(),
    })
}

/// PROTOCOL: contract G2, `^ses_[A-Za-z0-9_-]+$`: no argument that means something else.
pub(super) fn is_id(session: &str) -> bool {
    let rest = session.strip_prefix("ses_").unwrap_or_default();
    !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// One word of a POSIX shell. PROTOCOL: contract G1, single quotes, `'` as `'\''`.
#[cfg_attr(windows, allow(dead_code, reason = "for macOS' and Linux' shells"))]
pub(super) fn posix(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:=@%+,".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// One word of a command line of Windows. A quote cannot be in a path there.
#[cfg(any(windows, test))]
fn cmd(word: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-./:\\".contains(&byte);
    if !word.is_empty() && word.bytes().all(plain) {
        word.to_owned()
    } else {
        format!("\"{}\"", word.replace('"', ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    const AWKWARD: [&str; 14] = [
        "plain",
        "",
        "two words",
        "it's",
        "''",
        "a\nb",
        "$HOME",
        "`id`",
        "\\",
        "a\"b",
        "*",
        "~",
        "é ü",
        "-n",
    ];

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_every_word_as_it_was() {
        for word in AWKWARD {
            let line = format!("printf %s\\| {}", posix(word));
            let said = std::process::Command::new("sh").args(["-c", &line]).output().expect("sh").stdout;
            assert_eq!(String::from_utf8_lossy(&said), format!("{word}|"), "{line}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn the_line_does_what_the_program_does() {
        let dir = tempfile::Builder::new().prefix("it's a \"$HOME\" folder\n").tempdir().expect("a folder");
        let folder = dir.path().canonicalize().expect("its name");
        let open = OpenSession {
            program: "/bin/sh".into(),
            arguments: ["-c", "pwd -P; printf %s \"$*\"", "x", "it's", "a  b"].map(Into::into).into(),
            folder: folder.clone(),
            environment: vec![("OPENCODE_SERVER_PASSWORD".into(), "sesame".into())],
        };
        let line = open.command_line();
        assert!(!line.contains("sesame") && !format!("{open:?}").contains("sesame"));
        let copied = std::process::Command::new("sh").args(["-c", &line]).output().expect("sh").stdout;
        let started = open.command().output().expect("sh").stdout;
        let expected = format!("{}\nit's a  b", folder.display());
        assert_eq!(String::from_utf8_lossy(&copied), expected);
        assert_eq!(String::from_utf8_lossy(&started), expected);
    }

    #[test]
    fn a_session_is_opened_in_its_folder_by_its_id_and_by_nothing_else() {
        let session =
            Session { id: "ses_0aZ_-".into(), directory: "/home/me/it's".into(), ..Session::default() };
        let open = session.open(Path::new("/usr/bin/opencode")).expect("an id");
        #[cfg(unix)]
        assert_eq!(open.command_line(), r"cd '/home/me/it'\''s' && /usr/bin/opencode --session ses_0aZ_-");
        assert!(!open.has_secrets());
        for id in ["", "ses_", "--help", "ses_1 --auto", "ses_1;id", "msg_1"] {
            let session = Session { id: id.into(), ..session.clone() };
            assert_eq!(session.open(Path::new("opencode")), None, "{id}");
        }
    }

    #[test]
    fn windows_words_are_quoted_where_they_must_be() {
        assert_eq!([r"C:\x", "a b", ""].map(cmd), [r"C:\x", "\"a b\"", "\"\""]);
    }
}
