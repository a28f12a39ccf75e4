//! What `opencode run` says on its terminal: lines for people, some of which mean something for the run.

use super::super::managed::output::without_colours;
use crate::limits;
use orgx_proto::redact::Redacted;
use std::collections::VecDeque;

/// The end of what it said, made safe.
#[derive(Debug, Default)]
pub(super) struct Said(VecDeque<Redacted>);

/// What one line means.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// It declined a permission of this kind by itself.
    Declined(String),
    /// It does not have the agent that was named, and goes on with another one.
    OtherAgent,
    Other,
}

impl Said {
    pub(super) fn take(&mut self, line: &[u8]) -> Word {
        let line = without_colours(&String::from_utf8_lossy(line));
        let line = line.trim();
        // PROTOCOL: `! permission requested: bash (echo hi, ls); auto-rejecting`. What is in the brackets is the
        // agent's command, and nobody's business.
        if let Some((_, asked)) = line.split_once("permission requested: ")
            && line.ends_with("auto-rejecting")
        {
            let kind: String =
                asked.chars().take_while(|c| c.is_ascii_alphanumeric() || "_-.".contains(*c)).collect();
            return Word::Declined(Redacted::cut(&kind, 40).into_string());
        }
        // PROTOCOL: `! agent "x" not found. Falling back to default agent`, and `is a subagent, not a primary agent.`
        if line.contains("Falling back to default agent") {
            return Word::OtherAgent;
        }
        if !line.is_empty() {
            self.0.truncate(limits::CLI_SAID_LINES - 1);
            self.0.push_front(Redacted::without_paths(line.trim_start_matches("Error: ")));
        }
        Word::Other
    }

    /// The last line.
    pub(super) fn last(&self) -> Option<&Redacted> {
        self.0.front()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_says_is_understood_and_no_command_is_kept() {
        let mut said = Said::default();
        for (line, word) in [
            (
                "\u{1b}[93m\u{1b}[1m! \u{1b}[0mpermission requested: bash (rm -rf x, ls); auto-rejecting",
                Word::Declined("bash".into()),
            ),
            (
                "\u{1b}[93m\u{1b}[1m! \u{1b}[0m agent \"nope\" not found. Falling back to default agent",
                Word::OtherAgent,
            ),
            ("", Word::Other),
            ("\u{1b}[91m\u{1b}[1mError: \u{1b}[0mSession not found", Word::Other),
        ] {
            assert_eq!(said.take(line.as_bytes()), word, "{line}");
        }
        assert_eq!(said.last().map(Redacted::as_str), Some("Session not found"));
        for n in 0..100 {
            said.take(format!("line {n} in /home/me/secret/place with sk-abcdefghijkl").as_bytes());
        }
        assert_eq!(said.0.len(), limits::CLI_SAID_LINES);
        let last = said.last().map(Redacted::as_str).unwrap_or_default();
        assert_eq!(last, "line 99 in [path] with [redacted]");
    }
}
