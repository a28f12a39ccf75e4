//! The OpenCode processes of this user: what each is for, where it works, and on which terminal. Facts: opencode.md 4.

use std::path::{Path, PathBuf};

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub(super) use linux::all;

/// Elsewhere processes are not looked at yet: what a session does is then known from servers and from time alone.
#[cfg(not(target_os = "linux"))]
pub(super) fn all() -> Option<Vec<Process>> {
    None
}

/// A process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// When it began, in ms since the epoch, to about a second.
    pub(super) started_at: i64,
    pub(super) job: Job,
    /// Its terminal.
    pub(super) terminal: Option<String>,
    /// The ports on which it listens.
    pub(super) ports: Vec<u16>,
    /// The databases that it has open.
    pub(super) databases: Vec<PathBuf>,
}

/// What it was started to do.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Job {
    pub(super) kind: Kind,
    /// The folder in which it works.
    pub(super) folder: PathBuf,
    /// The session that it was given.
    pub(super) session: Option<String>,
    /// Was it told to go on with the newest session?
    pub(super) goes_on: bool,
}

/// A kind of OpenCode process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Kind {
    /// The terminal interface, which works by itself.
    Terminal,
    /// `run`: one task, then it ends.
    Run,
    /// `serve`, `web`, `acp`: works for others, in any folder.
    Server,
    /// It shows what a server does, or does something else.
    #[default]
    Other,
}

/// Flags without a value. PROTOCOL: `opencode --help`, `opencode run --help` (1.18).
const SWITCHES: [&str; 17] = [
    "--help",
    "-h",
    "--version",
    "-v",
    "--print-logs",
    "--pure",
    "--continue",
    "-c",
    "--fork",
    "--auto",
    "--mini",
    "--no-replay",
    "--mdns",
    "--share",
    "--thinking",
    "--dangerously-skip-permissions",
    "--interactive",
];

/// Commands that work on no session of their own. PROTOCOL: `opencode --help`.
const TOOLS: [&str; 24] = [
    "completion",
    "mcp",
    "debug",
    "auth",
    "providers",
    "console",
    "agent",
    "upgrade",
    "uninstall",
    "models",
    "stats",
    "export",
    "import",
    "github",
    "pr",
    "session",
    "plugin",
    "plug",
    "db",
    "login",
    "logout",
    "help",
    "generate",
    "attach",
];

impl Job {
    /// What a command line says, without the program's name. `here` is its working directory, as the OS has it, and
    /// `pwd` as its shell said: PROTOCOL: opencode.md 5, `run` believes the shell.
    pub(super) fn read(arguments: &[String], here: &Path, pwd: Option<&Path>) -> Self {
        let mut words = Vec::new();
        let (mut session, mut folder, mut goes_on, mut attached) = (None, None, false, false);
        let mut rest = arguments.iter().map(String::as_str);
        while let Some(word) = rest.next() {
            if word == "--" {
                words.extend(rest.by_ref());
            } else if !word.starts_with('-') || word == "-" {
                words.push(word);
            } else {
                let (name, value) = match word.split_once('=') {
                    Some((name, value)) => (name, Some(value)),
                    None if SWITCHES.contains(&word) => (word, None),
                    None => (word, rest.next()),
                };
                match name {
                    "--session" | "-s" => session = value,
                    "--dir" => folder = value,
                    "--continue" | "-c" => goes_on = true,
                    "--attach" => attached = true,
                    _ => {}
                }
            }
        }
        let kind = match words.first() {
            Some(&"run") if attached => Kind::Other,
            Some(&"run") => Kind::Run,
            Some(&("serve" | "web" | "acp")) => Kind::Server,
            Some(word) if TOOLS.contains(word) => Kind::Other,
            _ => Kind::Terminal,
        };
        // The terminal interface goes to the folder that it is given.
        let folder = match (kind, folder) {
            (Kind::Run, folder) => {
                let base = pwd.filter(|pwd| pwd.is_absolute()).unwrap_or(here);
                folder.map_or_else(|| base.to_owned(), |folder| base.join(folder))
            }
            _ => here.to_owned(),
        };
        Self { kind, folder: real(&folder), session: session.map(ToOwned::to_owned), goes_on }
    }
}

/// The folder's own name, if it is there.
fn real(folder: &Path) -> PathBuf {
    folder.canonicalize().unwrap_or_else(|_| folder.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_line_tells_what_a_process_works_on() {
        let dir = tempfile::tempdir().expect("a folder");
        let here = dir.path().canonicalize().expect("its name");
        std::fs::create_dir_all(here.join("b/c")).expect("folders");
        let below = |path: &str| here.join(path);
        for (line, kind, folder, session, goes_on) in [
            ("", Kind::Terminal, "", None, false),
            ("../somewhere", Kind::Terminal, "", None, false),
            ("--port 1234", Kind::Terminal, "", None, false),
            ("-c", Kind::Terminal, "", None, true),
            ("--continue c", Kind::Terminal, "", None, true),
            ("--session ses_1 c", Kind::Terminal, "", Some("ses_1"), false),
            ("-m x/y --prompt run", Kind::Terminal, "", None, false),
            ("run hello there", Kind::Run, "b", None, false),
            ("run --format json --dir c -s ses_2 hello", Kind::Run, "b/c", Some("ses_2"), false),
            ("run --session=ses_3 --auto serve", Kind::Run, "b", Some("ses_3"), false),
            ("run -- --dir", Kind::Run, "b", None, false),
            ("run --attach http://127.0.0.1:1 hello", Kind::Other, "", None, false),
            ("serve --port 4096", Kind::Server, "", None, false),
            ("--print-logs serve", Kind::Server, "", None, false),
            ("web", Kind::Server, "", None, false),
            ("attach http://127.0.0.1:1 --session ses_4", Kind::Other, "", Some("ses_4"), false),
            ("models fake", Kind::Other, "", None, false),
            ("session list", Kind::Other, "", None, false),
        ] {
            let words: Vec<String> = line.split_whitespace().map(ToOwned::to_owned).collect();
            let job = Job::read(&words, &here, Some(&below("b")));
            let expected =
                Job { kind, folder: real(&below(folder)), session: session.map(Into::into), goes_on };
            assert_eq!(job, expected, "{line}");
        }
        assert_eq!(Job::read(&[], &here, None).folder, here);
        let run = ["run", "--dir", "gone"].map(ToOwned::to_owned);
        assert_eq!(Job::read(&run, &here, None).folder, below("gone"));
    }
}
