//! How a person opens a session of OpenCode: as a line for a shell.

use crate::desktop::OsError;
use orgx_peer::{OpenSession, Session};
use std::path::PathBuf;

/// How this session is opened: in its folder, by `opencode --session`.
pub fn of_session(session: &Session) -> OpenSession {
    OpenSession {
        program: PathBuf::from("opencode"),
        arguments: vec!["--session".to_owned(), session.id.clone()],
        folder: PathBuf::from(&session.directory),
        environment: Vec::new(),
    }
}

/// The line that a person pastes into a shell. What is secret of it is left out: OpenCode asks for it.
pub fn command_line(open: &OpenSession) -> String {
    let program = open.program.to_string_lossy();
    let words = std::iter::once(program.as_ref()).chain(open.arguments.iter().map(String::as_str));
    let command = words.map(quoted).collect::<Vec<_>>().join(" ");
    format!("cd {} && {command}", quoted(&open.folder.to_string_lossy()))
}

/// Opens it in a terminal of the person's.
///
/// # Errors
/// Where there is none.
pub fn in_terminal(_open: &OpenSession) -> Result<(), OsError> {
    Err(OsError("there is none here; copy the command, and paste it into one".to_owned()))
}

/// As one word of a shell.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if !word.is_empty() && !word.starts_with('-') && word.chars().all(is_plain) || is_option(word) {
        return word.to_owned();
    }
    if cfg!(windows) {
        format!("\"{}\"", word.replace('"', ""))
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

fn is_option(word: &str) -> bool {
    word.starts_with("--") && word.len() > 2 && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_holds_what_is_odd_in_quotes() {
        let line = |folder: &str, id: &str| {
            command_line(&of_session(&Session {
                id: id.into(),
                directory: folder.into(),
                ..Session::default()
            }))
        };
        assert_eq!(line("/home/me/code/x", "ses_1"), "cd /home/me/code/x && opencode --session ses_1");
        if cfg!(unix) {
            assert_eq!(
                line("/home/me/it's $HOME", "a;rm -rf ~"),
                r"cd '/home/me/it'\''s $HOME' && opencode --session 'a;rm -rf ~'"
            );
        }
    }
}
